"""When old work was done, from planted samples."""

import pytest

from bench.experiments.failure.open_work import OpenWork


@pytest.mark.parametrize(
    ("counts", "since", "at"),
    [
        ([0, 0, 0, 0], 1.0, 1.0),  # never any
        ([3, 0, 0, 0], 1.0, 1.0),  # before the fault: not its work
        ([0, 2, 1, 0], 1.0, 3.0),
        ([0, 2, 0, 5, 0], 0.0, 4.0),  # the last counts
        ([0, None, None, 0], 0.0, 3.0),  # a database that cannot be read is not consistent
        ([0, 0, 1], 0.0, None),
        ([0, 0], 5.0, None),  # nobody looked
    ],
)
def test_data_are_consistent_when_the_last_old_work_is_done(
    counts: list[int | None], since: float, at: float | None
) -> None:
    work = OpenWork("")
    work.samples = [(float(second), count) for second, count in enumerate(counts)]
    assert work.consistent_at(since) == at
