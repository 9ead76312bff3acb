"""What a program said last, which is mostly why it ended: for the message to the user."""

from __future__ import annotations

from pathlib import Path

_COUNT = 5


def last_lines(log: Path) -> str:
    """Return the last lines of a log that say something."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "it wrote no log"
    return last_said(text)


def last_said(text: str) -> str:
    """Return the last lines of an output that say something."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_COUNT:]) or "it wrote nothing"
