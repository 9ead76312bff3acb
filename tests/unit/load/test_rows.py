"""The audit of a trial's rows: a timeout may not come long before its time."""

from __future__ import annotations

import pytest

from bench.load.rows import Row, given_up_early


def row(sent: float, done: float, error: str = "timeout") -> Row:
    return (sent, sent, done, 0, 0, "wallet_read", "wallet_read", error, 0, "")


@pytest.mark.parametrize(
    ("rows", "early"),
    [
        ([], 0),
        ([row(1.0, 3.0), row(1.0, 2.9)], 0),
        ([row(1.0, 1.001), row(1.0, 1.9), row(2.0, 4.0)], 2),
        ([row(1.0, 1.001, "reset"), row(1.0, 1.001, "")], 0),
        ([row(9.5, 10.0), row(9.9, 10.5)], 0),
    ],
)
def test_timeouts_before_their_time_are_counted_until_the_drain(
    rows: list[Row], early: int
) -> None:
    assert given_up_early(rows, 2.0, 10.0) == early
