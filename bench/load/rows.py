"""The rows of a trial as plain tuples, and as columns at its end. Pure."""

from __future__ import annotations

from typing import Any

# One request; times in seconds from the trial's start. `status` 0: no answer. A plain tuple: rows
# are made while arrivals are due. due_s, sent_s, done_s, status, bytes, operation, journey, error,
# visit, server_timing.
Row = tuple[float, float, float, int, int, str, str, str, int, str]
COLUMNS = (
    "due_s",
    "sent_s",
    "done_s",
    "status",
    "bytes",
    "operation",
    "journey",
    "error",
    "visit",
    "server_timing",
)
_VISIT = COLUMNS.index("visit")


def to_columns(rows: list[Row]) -> dict[str, Any]:
    """Transpose rows, ordered by due time, into one list for each field."""
    ordered = sorted(rows, key=lambda row: (row[0], row[_VISIT]))
    columns = list(zip(*ordered, strict=True)) or [()] * len(COLUMNS)
    return {name: list(column) for name, column in zip(COLUMNS, columns, strict=True)}
