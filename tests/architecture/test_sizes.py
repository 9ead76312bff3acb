"""Files stay within 400 lines and functions within 70, migrations aside."""

import ast
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, parsed, python_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70

OUR_FILES = [path for path in python_files() if "migrations" not in path.parts]


def long_functions(tree: ast.Module) -> list[str]:
    """Name every function longer than the limit; its decorators do not count."""
    return [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


def too_long(path: Path) -> int | None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    return lines if lines > MAX_FILE_LINES else None


def test_files_are_short() -> None:
    found = {str(path.relative_to(ROOT)): lines for path in OUR_FILES if (lines := too_long(path))}
    assert not found


def test_functions_are_short() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in OUR_FILES
        if (names := long_functions(parsed(path)))
    }
    assert not found


def test_a_planted_long_file_and_function_are_caught(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def long() -> None:\n" + "    print()\n" * 400)
    assert too_long(path) == 401
    assert long_functions(parsed(path)) == ["long (401 lines)"]


@pytest.mark.parametrize("lines", [1, MAX_FUNCTION_LINES - 1])
def test_what_is_within_the_limits_passes(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "short.py"
    path.write_text("def short() -> None:\n" + "    print()\n" * lines)
    assert too_long(path) is None
    assert not long_functions(parsed(path))
