"""Every Python child is started in one way, or it would import from somebody's working folder."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import PROGRAMS, ROOT, parsed, python_files

INTERPRETER = "executable"


def interpreters(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that name `sys.executable`, under whatever name."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.Attribute) and node.attr == INTERPRETER
        imported = isinstance(node, ast.ImportFrom) and node.module == "sys"
        if named or (imported and INTERPRETER in {each.name for each in node.names}):
            yield node.lineno


def test_one_module_alone_says_how_python_is_started() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in python_files(*PROGRAMS)
        if list(interpreters(parsed(path)))
    }
    assert found == {"bench/child_python.py"}


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nPopen([sys.executable, '-m', 'bench.faults.proxy'])",
        "import sys as s\nPopen((s.executable,))",
        "from sys import executable as python",
    ],
)
def test_planted_starts_are_caught(code: str) -> None:
    assert list(interpreters(ast.parse(code)))
