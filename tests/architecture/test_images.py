"""An image that copies single files of the bench copies all that its program imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, module_name, parsed

IMAGES = {
    "bench/deployments/compose/setup": "bench/deployments/compose/setup/__main__.py",
    "bench/deployments/compose/edge": "bench/deployments/edge/__main__.py",
    "bench/load": "bench/locustfile.py",
}


def copied(dockerfile: str) -> set[Path]:
    """The Python files of ours that a Dockerfile copies."""
    found: set[Path] = set()
    for line in dockerfile.splitlines():
        if line.startswith("COPY bench"):
            for name in line.split()[1:-1]:
                path = ROOT / name
                found |= set(path.rglob("*.py")) if path.is_dir() else {path}
    return found


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def imported(path: Path) -> Iterator[Path]:
    """The files of ours that a module imports as it is loaded, their packages included."""
    for node in parsed(path).body:
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        for name in names:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                if parts[0] == "bench" and (found := file_of(".".join(parts[:end]))):
                    yield found


def missing(dockerfile: str, program: str) -> set[str]:
    """Names of modules that the program needs and the image does not hold."""
    there, seen, open_ = copied(dockerfile), set[Path](), [ROOT / program]
    while open_:
        path = open_.pop()
        if path not in seen:
            seen.add(path)
            open_ += imported(path)
    return {module_name(path) for path in seen - there}


@pytest.mark.parametrize("folder", IMAGES)
def test_an_image_holds_what_its_program_imports(folder: str) -> None:
    text = (ROOT / folder / "Dockerfile").read_text(encoding="utf-8")
    assert missing(text, IMAGES[folder]) == set()


def test_a_file_that_is_not_copied_is_found() -> None:
    text = (ROOT / "bench/load/Dockerfile").read_text(encoding="utf-8")
    planted = text.replace(" bench/errors.py", "")
    assert missing(planted, IMAGES["bench/load"]) == {"bench.errors"}
