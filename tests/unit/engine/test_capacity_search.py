"""The capacity search against systems whose threshold is known."""

from __future__ import annotations

import math
import random
from statistics import geometric_mean

import pytest

from bench.engine.capacity_search import Bracket, Guess, search


def run_search(limit: float, start: float, **more: float) -> tuple[Bracket, list[float]]:
    """Search against a system that carries exactly so much."""
    walk = search(Guess(start, more.get("step", 1.08), int(more.get("probes", 9)), 6_000))
    rate, probed = next(walk), []
    while True:
        probed.append(rate)
        try:
            rate = walk.send(rate <= limit)
        except StopIteration as end:
            return end.value, probed


@pytest.mark.parametrize("start", [50.0, 60.0, 97.0, 100.0, 104.0, 180.0])
def test_the_search_ends_within_a_step_of_the_truth(start: float) -> None:
    bracket, probed = run_search(100.0, start)
    assert bracket.closed
    assert bracket.low_rps is not None
    assert bracket.high_rps is not None
    assert bracket.low_rps <= 100.0 < bracket.high_rps <= bracket.low_rps * 1.083
    middle = bracket.middle_rps
    assert middle == pytest.approx(100.0, rel=0.05)
    assert len(probed) <= 9


@pytest.mark.parametrize("start", [96.0, 100.0, 103.0])
def test_from_a_good_guess_two_probes_are_enough(start: float) -> None:
    assert len(run_search(100.0, start)[1]) == 2


def test_a_search_from_far_above_does_not_leap_far_below() -> None:
    """A load of a few requests a second cannot be judged in a probe of seconds."""
    bracket, probed = run_search(130.0, 3_800.0, probes=14)
    assert bracket.closed
    assert min(probed) > 130.0 / 4.01


def test_a_search_without_an_end_says_so() -> None:
    assert run_search(1e9, 5_900.0)[0].reason == "the generator's limit"
    assert run_search(0.0, 3.0)[0].reason == "no load passed"
    bracket, _ = run_search(100.0, 20.0, probes=2)
    assert not bracket.closed
    assert bracket.middle_rps is None


def test_a_probe_that_cannot_be_judged_ends_the_search() -> None:
    walk = search(Guess(50.0, 1.08, 9, 6_000))
    next(walk)
    with pytest.raises(StopIteration) as end:
        walk.send(None)
    assert end.value.value.reason == "50/s: no valid trial"


def test_middles_of_searches_that_begin_anywhere_in_a_step_scatter_around_the_truth() -> None:
    """A coin near the threshold, and a first load drawn within a step: no side is favoured."""
    middles = []
    for seed in range(300):
        rng = random.Random(seed)
        walk = search(Guess(100.0 * 1.08 ** rng.uniform(-0.5, 0.5), 1.08, 12, 6_000))
        rate = next(walk)
        try:
            while True:
                rate = walk.send(rate * rng.lognormvariate(0, 0.03) <= 100.0)
        except StopIteration as end:
            middles.append(end.value.middle_rps)
    assert geometric_mean(middles) == pytest.approx(100.0, rel=0.01)
    spread = max(abs(math.log(middle / 100.0)) for middle in middles)
    assert 0.03 < spread < 0.2
