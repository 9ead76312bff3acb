"""Planted series with a known recovery, and the difference of shares against published values."""

import pytest

from bench.stats.errors import StatisticsError
from bench.stats.proportions import share_difference
from bench.stats.recovery import find_recovery

USUAL = [20] * 12


@pytest.mark.parametrize(
    ("served", "affected", "time_s", "lag_s"),
    [
        ([20] * 12, False, 0, 0),
        ([19] * 12, False, 0, 0),  # one visit of a second is within tolerance
        ([0] * 5 + [20] * 7, True, 5, 0),  # cleared at 5 and well at once
        ([0] * 7 + [20] * 5, True, 7, 2),
        ([20] * 2 + [0] * 4 + [20] * 6, True, 6, 1),  # the fault bites late
        ([0] * 2 + [20] * 10, True, 2, 0),  # it helped itself while the fault lasted
        ([0, 20, 20, 20, 0, 20, 20, 20, 20, 20, 20, 20], True, 5, 0),  # that was no recovery
        ([0] * 5 + [20, 20, 0] + [20] * 4, True, 8, 3),  # two seconds are not three
        ([0] * 10 + [20] * 2, True, None, None),
        ([20] * 5 + [0] * 3 + [20] * 4, True, 8, 3),  # it breaks when the fault is cleared
        ([0] * 12, True, None, None),
    ],
)
def test_recovery_is_the_first_of_three_steady_seconds(
    served: list[int], affected: bool, time_s: float | None, lag_s: float | None
) -> None:
    found = find_recovery(served, USUAL, 5.0)
    assert (found.affected, found.time_s, found.lag_s) == (affected, time_s, lag_s)


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(StatisticsError, match="12 seconds against 3"):
        find_recovery([1] * 12, [1] * 3, 1.0)


def test_newcombe_s_own_examples() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873, table II, method 10
    found = share_difference((56, 70), (48, 80))
    assert found.estimate == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    found = share_difference((10, 10), (0, 10))
    assert (found.low, found.high) == pytest.approx((0.6075, 1.0), abs=5e-5)
    found = share_difference((0, 10), (0, 10))
    assert (found.low, found.high) == pytest.approx((-0.2775, 0.2775), abs=5e-5)
