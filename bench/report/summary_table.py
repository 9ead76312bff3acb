"""Markdown of a run: a table, and text that is read as text."""

import re
from collections.abc import Sequence

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_LINK = re.compile(r"(?<=\])\(")
_LINK_KEPT_BELOW = re.compile(r"^([\s>*+\d.)-]*)\[(?=.*\]:)", re.MULTILINE)


def inert(text: str) -> str:
    """Return Markdown without live HTML and links: what stands in a run's names is only read."""
    text = _LINK.sub(r"\(", _TAG.sub("&lt;", text))
    return _LINK_KEPT_BELOW.sub(r"\1\[", text)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table; what would end a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return inert(text.replace("\\", "\\\\").replace("|", "\\|"))
