"""The rows of a trial inside the load process: tuples appended, turned into columns at the end."""

from __future__ import annotations

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
_EARLY = 0.5  # of the timeout; a timer counts from the loop's turn, which may have begun before
_VISIT = COLUMNS.index("visit")


def to_columns(rows: list[Row]) -> dict[str, list[object]]:
    """Transpose rows, ordered by due time, into one list for each field."""
    ordered = sorted(rows, key=lambda row: (row[0], row[_VISIT]))
    columns = list(zip(*ordered, strict=True)) or [()] * len(COLUMNS)
    return {name: list(column) for name, column in zip(COLUMNS, columns, strict=True)}


def given_up_early(rows: list[Row], timeout_s: float, until_s: float) -> int:
    """Count the timeouts long before `timeout_s` had passed since the request was sent.

    Those at or after `until_s`, where the drain begins, are the drain's end.
    """
    return sum(
        error == "timeout" and done < until_s and done - sent < _EARLY * timeout_s
        for _, sent, done, _, _, _, _, error, _, _ in rows
    )
