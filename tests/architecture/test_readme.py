"""What the READMEs promise exists: commands, targets, files, a line for every setting, numbers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from bench.cli import app
from tests.architecture.tree import PROGRAMS, ROOT, parsed, python_files


def tracked_readmes() -> list[str]:
    """The README of the repository and of each folder that has one."""
    return sorted(
        str(path.relative_to(ROOT))
        for folder in (ROOT, *(ROOT / name for name in ("bench", "monolith", "microservices")))
        for path in (folder.glob("README.md") if folder == ROOT else folder.rglob("README.md"))
    ) + ["results/README.md"]


README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path: (ROOT / path).read_text(encoding="utf-8") for path in tracked_readmes()}
EVERYTHING = "\n".join(PAGES.values())
MOST_WORDS = 1_000
FINDINGS = README.partition("<!-- results:begin -->")[2].partition("<!-- results:end -->")[0]
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
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
    missing = {name: path for name, path in settings.items() if f"`{name}`" not in EVERYTHING}
    assert not missing


def test_every_shopbench_command_in_the_readme_exists() -> None:
    group = typer.main.get_command(app)
    promised = commands_in(EVERYTHING, "shopbench")
    assert promised
    assert promised <= set(group.commands)  # type: ignore[attr-defined]


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.MULTILINE))
    promised = commands_in(EVERYTHING, "make")
    assert {"bench", "test"} <= promised
    assert promised <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_file_a_readme_links_to_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", PAGES[page])
    assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_heading_a_readme_links_to_exists(page: str) -> None:
    links = re.findall(r"\]\((?!https?://|mailto:)([^)#\s]*)#([^)\s]+)\)", PAGES[page])
    missing = [
        (target, heading)
        for target, heading in links
        if heading not in headings((ROOT / page).parent / target if target else ROOT / page)
    ]
    assert not missing


def headings(path: Path) -> set[str]:
    """The anchors that a page of Markdown has."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= MOST_WORDS


def numbers_without_result(text: str, results: str) -> list[str]:
    """Numbers in a text that stand nowhere in the results; links are no text."""
    known = set(NUMBER.findall(results))
    return [
        number for number in NUMBER.findall(re.sub(r"\]\([^)]*\)", "", text)) if number not in known
    ]


def test_every_number_of_the_readme_stands_in_a_committed_result() -> None:
    results = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "results/reference").rglob("summary.md")
    )
    assert NUMBER.search(FINDINGS)
    assert numbers_without_result(FINDINGS, results) == []


def test_a_planted_number_is_found() -> None:
    assert numbers_without_result("takes ×1.57 [1.5, 1.6](a/7.md)", "1.5 to 1.6") == ["1.57"]


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
