"""The rows of a trial inside the load process: tuples appended, turned into columns at the end."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One request; times in seconds from the trial's start. `status` 0: no answer."""

    due_s: float
    sent_s: float
    done_s: float
    status: int
    bytes: int
    operation: str
    journey: str
    error: str
    visit: int
    server_timing: str


def to_columns(rows: list[Row]) -> dict[str, list[object]]:
    """Transpose rows, ordered by due time, into one list for each field."""
    ordered = sorted(rows, key=lambda row: (row.due_s, row.visit))
    columns = list(zip(*ordered, strict=True)) or [()] * len(Row._fields)
    return {name: list(column) for name, column in zip(Row._fields, columns, strict=True)}
