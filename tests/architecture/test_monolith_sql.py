"""Where the monolith may write SQL by hand, and why: everywhere else it is the ORM's.

Migrations are left out: tables, triggers and audit views are what they are about.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, parsed, python_files

#: file and function, with what the ORM cannot say there
ALLOWED = {
    ("monolith/common/idempotency.py", "try_lock"): "an advisory lock belongs to no table",
    ("monolith/common/database.py", "_hurry"): "SET LOCAL of a timeout is no query",
    ("monolith/config/management/commands/load_seed.py", "handle"): "TRUNCATE, ANALYZE, SET",
    ("monolith/config/management/commands/load_seed.py", "_checkpoint"): "CHECKPOINT",
    ("monolith/config/management/commands/migrate.py", "handle"): "the lock outlasts transactions",
    ("monolith/config/seed.py", "_copy"): "COPY",
}
_RAW = {"RawSQL", "raw", "extra", "executemany", "copy"}
_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|SET|TRUNCATE|COPY)\s+\S", re.ASCII)


def raw_sql_in(tree: ast.Module) -> set[str]:
    """Name the functions of a module in which SQL is written or sent by hand."""
    found = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            if any(_is_raw(node) for node in ast.walk(function)):
                found.add(function.name)
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if any(_is_statement(node) for top in outside for node in ast.walk(top)):
        found.add("")
    return found


def _is_raw(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        # The execute of Django's own wrappers is a parameter, not a cursor's method.
        return name in _RAW or (name == "execute" and isinstance(node.func, ast.Attribute))
    return _is_statement(node)


def _is_statement(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and bool(
        isinstance(node.value, str) and _STATEMENT.match(node.value)
    )


def places(paths: list[Path]) -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), name) for path in paths for name in raw_sql_in(parsed(path))
    }


def test_sql_by_hand_stands_only_where_the_orm_cannot_say_it() -> None:
    ours = [path for path in python_files("monolith") if "migrations" not in path.parts]
    assert places(ours) == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        'def f(cursor):\n    cursor.execute("x")',
        "def f(model):\n    return model.objects.raw('x')",
        "def f(queryset):\n    return queryset.annotate(x=RawSQL('x', ()))",
        "class A:\n    def f(self):\n        return 'SELECT 1'",
    ],
)
def test_planted_sql_is_found(source: str) -> None:
    assert raw_sql_in(ast.parse(source)) == {"f"}


def test_a_planted_constant_is_found() -> None:
    assert raw_sql_in(ast.parse('GET = "SELECT 1 FROM products"')) == {""}
