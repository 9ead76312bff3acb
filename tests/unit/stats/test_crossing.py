"""Crossing points and slopes against values worked out by hand."""

import numpy as np
import pytest

from bench.stats.crossing import crossing, crossing_point, slope
from bench.stats.errors import StatisticsError, TooFewSamples

HOPS = [0.0, 2.0, 5.0, 20.0]


def test_the_log_ratio_is_interpolated_between_the_two_levels_around_1() -> None:
    logs = [np.log(0.5), np.log(0.8), np.log(1.25), np.log(2)]
    assert crossing_point(HOPS, logs) == pytest.approx(3.5)  # log .8 and log 1.25 are mirrored
    assert crossing_point(HOPS, [-1.0, -0.5, -0.5, 1.0]) == pytest.approx(10.0)
    assert crossing_point(HOPS, [0.3, -0.1, -0.2, -0.3]) == pytest.approx(1.5)  # downwards too


def test_a_ratio_of_exactly_1_is_a_crossing() -> None:
    assert crossing_point(HOPS, [-1, 0, 1, 2]) == 2.0
    assert crossing_point(HOPS, [-1, -1, -1, 0]) == 20.0


def test_no_crossing_says_on_which_side_it_stays() -> None:
    above = crossing(HOPS, [[0.1, 0.2, 0.3, 0.4]] * 3)
    below = crossing(HOPS, [[-0.1, -0.2, -0.3, -0.4]] * 3)
    assert (above.side, above.at, above.crossed) == ("always above", None, 0)
    assert below.side == "always below"


def test_the_interval_is_the_t_interval_of_the_blocks_own_crossings() -> None:
    # straight lines through 0 at 4, 5 and 6 ms
    found = crossing([0, 10], [[-4, 6], [-5, 5], [-6, 4]])
    assert found.at == pytest.approx(5.0)
    assert found.interval is not None
    assert found.interval.mean == pytest.approx(5.0)
    assert found.interval.high == pytest.approx(5 + 4.302653 / 3**0.5)  # t(0.975, 2), sd 1
    assert (found.crossed, found.n_blocks) == (3, 3)


def test_without_a_crossing_in_every_block_there_is_no_interval() -> None:
    found = crossing([0, 10], [[-4, 6], [-5, 5], [1, 4]])
    assert found.at is not None
    assert found.interval is None
    assert (found.crossed, found.n_blocks) == (2, 3)


def test_a_slope_is_the_number_of_hops() -> None:
    assert slope(HOPS, [3 + 4 * hop for hop in HOPS]) == pytest.approx(4.0)
    assert slope([0, 1, 2], [0, 1, 5]) == pytest.approx(2.5)


def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(StatisticsError):
        crossing_point([0, 0], [1, 2])
    with pytest.raises(StatisticsError):
        slope([1, 1], [1, 2])
    with pytest.raises(TooFewSamples):
        crossing(HOPS, [])
