"""What the README promises exists: commands, targets, and a line for every setting."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from bench.cli import app
from tests.architecture.tree import PROGRAMS, ROOT, parsed, python_files

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

READS_ENVIRONMENT = re.compile(r"\bos\.environ(?:\[|\.get)|\bgetenv\(|\benviron: Mapping")
SETTING = re.compile(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+|RESILIENCE")
NOT_OURS = ("PYTHON", "HTTP_", "CONTENT_")  # the interpreter's, and WSGI's request headers
# Set by our programs for their own children or owned by the platform, not settings of ours.
NOT_SETTINGS = {
    "DJANGO_SETTINGS_MODULE",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PR_SET_PDEATHSIG",
    "NO_COLOR",
}


def settings_named_in(tree: ast.Module) -> Iterator[str]:
    """Yield every string of a module that is written like a setting's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if SETTING.fullmatch(node.value) and not node.value.startswith(NOT_OURS):
                yield node.value


def settings_in(paths: Iterator[Path]) -> dict[str, str]:
    """Map each setting that the programs read to a file that reads it."""
    return {
        name: str(path.relative_to(ROOT))
        for path in paths
        if READS_ENVIRONMENT.search(path.read_text(encoding="utf-8"))
        for name in settings_named_in(parsed(path))
        if name not in NOT_SETTINGS
    }


def commands_in(text: str, program: str) -> set[str]:
    """Name the sub-commands that a text tells the reader to type, in code only."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL)
    pattern = rf"(?:^|[\s`/;&|]){program} ([a-z][a-z-]*)"
    return {name for part in code for name in re.findall(pattern, part, flags=re.MULTILINE)}


def test_every_setting_is_documented() -> None:
    settings = settings_in(python_files(*PROGRAMS))
    assert {"SHOP_BIND", "DATABASE_URL", "RESILIENCE", "SHOP_FAULTS_DIR"} <= settings.keys()
    missing = {name: path for name, path in settings.items() if f"`{name}`" not in README}
    assert not missing


def test_every_shopbench_command_in_the_readme_exists() -> None:
    group = typer.main.get_command(app)
    promised = commands_in(README, "shopbench")
    assert promised
    assert promised <= set(group.commands)  # type: ignore[attr-defined]


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.MULTILINE))
    promised = commands_in(README, "make")
    assert {"bench", "test"} <= promised
    assert promised <= targets


def test_every_file_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", README)
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("run `shopbench up monolith` now", {"up"}),
        ("```\nshopbench fly\n.venv/bin/shopbench down\n```", {"fly", "down"}),
        ("plain shopbench prose", set()),
    ],
)
def test_commands_are_found_in_code(text: str, found: set[str]) -> None:
    assert commands_in(text, "shopbench") == found


def test_a_planted_setting_is_found() -> None:
    tree = ast.parse('import os\nx = os.environ.get("SHOP_SECRET_SWITCH")\n')
    assert list(settings_named_in(tree)) == ["SHOP_SECRET_SWITCH"]
