"""The errors of the benchmark that a user can cause; the command line prints one line for each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 500  # characters of a line on somebody else's file, which can name anything


class ShopbenchError(Exception):
    """Something the user can mend. `exit_code`: 2 usage, 1 failed check, 3 environment."""

    def __init__(self, message: str, exit_code: int = 3) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


def near(name: str, known: Iterable[str]) -> str:
    """The end of a line about a name that is unknown: what was meant perhaps, what there is."""
    there = list(known)
    close = difflib.get_close_matches(name.strip().lower(), there, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? There are" if close else "there are"
    return f"; {meant} {', '.join(there) or 'none'}"


class CorruptResults(ShopbenchError):
    """A run folder that is missing, damaged or of a schema this version does not read."""

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= _LONGEST else f"{message[:_LONGEST]} …", 3)
