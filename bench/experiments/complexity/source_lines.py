"""Lines of code of a file: neither blank nor comment, and no docstring. Pure.

The same for both arms. A docstring explains, as a comment does, and is not counted; SQL in a
string is code and is.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.ENCODING,
}
_WITH_DOCSTRING = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def lines_of(path: Path) -> int:
    """Lines of code of a Python or SQL file, or of another one with `#` comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return python_lines(text)
    return plain_lines(text, "--" if path.suffix == ".sql" else "#")


def plain_lines(text: str, comment: str) -> int:
    """Lines that are neither blank nor begin with the mark of a comment."""
    stripped = (line.strip() for line in text.splitlines())
    return sum(bool(line) and not line.startswith(comment) for line in stripped)


def python_lines(text: str) -> int:
    """Lines that hold a token of code, docstrings left out."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    return len(found - set(_docstring_lines(ast.parse(text))))


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            said = node.body[0]
            yield from range(said.lineno, (said.end_lineno or said.lineno) + 1)
