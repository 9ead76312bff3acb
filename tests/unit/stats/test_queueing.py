"""A single-server queue without its extra work: against a queue simulated request by request."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.queueing import without_extra


def departures(arrived: np.ndarray, work: np.ndarray) -> np.ndarray:
    """The queue, one request after the other."""
    free, done = -np.inf, []
    for at, needs in zip(arrived, work, strict=True):
        free = max(at, free) + needs
        done.append(free)
    return np.array(done)


@pytest.mark.parametrize("utilisation", [0.05, 0.2, 0.7, 1.3])
def test_it_is_the_same_queue_with_less_work(utilisation: float) -> None:
    rng = np.random.default_rng(3)
    arrived = np.cumsum(rng.exponential(1 / utilisation, 2_000))
    work, extra = rng.uniform(0.6, 1.0, 2_000), rng.uniform(0.0, 0.4, 2_000)
    done = departures(arrived, work + extra)
    assert without_extra(arrived, done, extra) == pytest.approx(departures(arrived, work))
    assert without_extra(arrived, done, np.zeros(2_000)) == pytest.approx(done)


def test_by_hand() -> None:
    arrived, done = np.array([0.0, 1.0, 10.0]), np.array([3.0, 6.0, 12.0])
    # works of 3, 3 and 2; a unit less of each: 2, then at 2 + 2, then 11
    assert without_extra(arrived, done, np.ones(3)).tolist() == [2.0, 4.0, 11.0]
    assert without_extra(arrived[:0], done[:0], done[:0]).size == 0
