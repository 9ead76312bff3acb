"""What must not stand in a tracked file, and what must be the same in several."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.architecture.tree import ROOT, TEXT_SUFFIXES, tracked_files

HERE = Path(__file__).resolve()
# A registry belongs to whoever installs; a path of one machine works on that machine only.
REGISTRY_HOST = re.compile(
    r"https?://[\w.@:-]*(?:pypi|pythonhosted|registry|artifactory|nexus|devpi|mirror)[\w.-]*"
    r"|--(?:extra-)?index-url|--find-links",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"(?<![\w.<{}-])/(?:root|work|home/\w+|Users/\w+)/\w")


def complaints(text: str) -> list[str]:
    """Quote every registry host and every machine path in a text."""
    return [
        match.group() for rule in (REGISTRY_HOST, MACHINE_PATH) for match in rule.finditer(text)
    ]


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {}
    for path in tracked_files():
        if path.suffix not in TEXT_SUFFIXES or path == HERE:
            continue
        quoted = complaints(path.read_text(encoding="utf-8", errors="replace"))
        if quoted:
            found[str(path.relative_to(ROOT))] = sorted(set(quoted))
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "pip install --index-url x",
        "https://files.mirror.example/simple",
        "http://registry.internal:8080/x",
        "open('/" + "root/x')",
        "cd /home/me/project",
        "/" + "work/main/x",
    ],
)
def test_planted_hosts_and_paths_are_caught(text: str) -> None:
    assert complaints(text)


def test_ordinary_text_passes() -> None:
    assert not complaints("POST /users/me, var/tmp, https://example.org/, http://127.0.0.1:8000")


def test_each_program_ships_the_contract_unchanged() -> None:
    contract = yaml.safe_load((ROOT / "bench/contract/openapi.yaml").read_text(encoding="utf-8"))
    copies = [path for path in tracked_files() if path.name == "openapi.json"]
    owners = {path.relative_to(ROOT).parts[0] for path in copies}
    assert owners == {"monolith", "microservices"}
    for path in copies:
        assert json.loads(path.read_text(encoding="utf-8")) == contract, path.relative_to(ROOT)
