"""The mean's t interval against a worked example."""

import pytest

from bench.stats.errors import TooFewSamples
from bench.stats.means import difference_of_means, mean_interval


def test_the_interval_of_a_mean_by_hand() -> None:
    # n = 4, mean 5, sd 2.581989, t(3, 0.975) = 3.182446: reach 4.108528
    found = mean_interval([2.0, 4.0, 6.0, 8.0])
    assert (found.mean, found.n) == (5.0, 4)
    assert found.low == pytest.approx(5 - 4.108528, abs=1e-5)
    assert found.high == pytest.approx(5 + 4.108528, abs=1e-5)


def test_a_mean_may_be_negative_and_wider_at_a_higher_level() -> None:
    narrow, wide = (mean_interval([-1.0, -2.0, 0.5], level=x) for x in (0.9, 0.99))
    assert narrow.mean < 0
    assert wide.low < narrow.low


def test_one_value_has_no_interval() -> None:
    with pytest.raises(TooFewSamples):
        mean_interval([1.0])


def test_the_difference_of_two_means_by_hand() -> None:
    # means 5 and 2, variances 20/3 and 1: error sqrt(5/3 + 1/3), Welch's df 4.0755, t 2.7563
    found = difference_of_means([2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0])
    assert (found.mean, found.n) == (3.0, 3)
    assert found.high - found.mean == pytest.approx(2.7563 * 2**0.5, rel=1e-3)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_two_sets_without_scatter_differ_for_certain_or_not_at_all() -> None:
    assert difference_of_means([1.0, 1.0], [1.0, 1.0]).p_value == 1.0
    assert difference_of_means([2.0, 2.0], [1.0, 1.0]).p_value == 0.0
