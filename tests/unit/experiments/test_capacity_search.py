"""The capacity search against systems whose threshold is known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bench.experiments.capacity_search import Bracket, Limits, Step, search

System = Callable[[float], bool | None]
LIMITS = Limits(start_rps=60.0, max_rps=4000.0, max_probes=30)


def found(system: System, limits: Limits = LIMITS) -> tuple[Bracket, list[Step]]:
    walk, steps = search(limits), []
    step = next(walk)
    try:
        while True:
            steps.append(step)
            step = walk.send(system(step.offered_rps))
    except StopIteration as end:
        return end.value, steps


@pytest.mark.parametrize("threshold", [3.3, 41.0, 100.0, 137.7, 420.0, 2900.0])
def test_a_fixed_threshold_ends_inside_a_confirmed_bracket_of_five_percent(
    threshold: float,
) -> None:
    bracket, steps = found(lambda rate: rate <= threshold)
    assert bracket.confirmed
    assert bracket.low_rps is not None
    assert bracket.high_rps is not None
    assert bracket.low_rps <= threshold < bracket.high_rps
    assert bracket.high_rps / bracket.low_rps == pytest.approx(1.05, rel=2e-3)
    assert [step.phase for step in steps[-2:]] == ["confirm", "confirm"]


def test_a_start_near_the_threshold_needs_eight_probes() -> None:
    bracket, steps = found(lambda rate: rate <= 100.0)
    assert bracket.confirmed
    assert len(steps) <= 8
    assert [step.offered_rps for step in steps[:2]] == [60.0, 120.0]


def test_the_candidate_passed_twice_and_the_load_above_failed_whatever_the_noise() -> None:
    """Near the threshold the outcome is a coin; the bracket then lies where the coin does."""
    ends = []
    for seed in range(200):
        rng = random.Random(seed)
        tried: list[tuple[float, bool]] = []

        def system(
            rate: float, rng: random.Random = rng, tried: list[tuple[float, bool]] = tried
        ) -> bool:
            tried.append((rate, rate * rng.lognormvariate(0, 0.05) <= 100.0))
            return tried[-1][1]

        bracket, _ = found(system)
        if not bracket.confirmed:
            continue
        assert bracket.low_rps is not None
        passes = [passed for rate, passed in tried if rate == bracket.low_rps]
        assert passes[-2:] == [True, True]
        assert [passed for rate, passed in tried if rate == bracket.high_rps][-1] is False
        ends.append(bracket.low_rps)
    assert len(ends) >= 190
    middle = sorted(ends)[len(ends) // 2]
    assert 90 < middle < 103  # two passes are asked for: a little below the coin's middle


def test_what_never_passes_is_said_to_have_no_capacity() -> None:
    bracket, steps = found(lambda _: False)
    assert (bracket.low_rps, bracket.confirmed) == (None, False)
    assert bracket.high_rps is not None
    assert bracket.high_rps < 2
    assert "no load down to 1" in bracket.reason
    assert len(steps) == 6


def test_what_always_passes_stays_open_at_the_generators_limit() -> None:
    bracket, _ = found(lambda _: True)
    assert (bracket.low_rps, bracket.high_rps) == (4000.0, None)
    assert not bracket.confirmed
    assert "generator's limit" in bracket.reason


def test_a_probe_that_cannot_be_judged_leaves_the_bracket_open_and_says_where() -> None:
    bracket, _ = found(lambda rate: None if rate > 100 else True)
    assert (bracket.low_rps, bracket.high_rps) == (60.0, None)
    assert "120" in bracket.reason


def test_a_system_that_contradicts_itself_ends_at_the_probe_limit() -> None:
    flip = iter(range(1000))
    bracket, steps = found(lambda _: next(flip) % 2 == 0)
    assert not bracket.confirmed or len(steps) <= LIMITS.max_probes
    always_worse = Limits(60.0, 4000.0, max_probes=5)
    bracket, steps = found(lambda rate: rate <= 100.0, always_worse)
    assert len(steps) == 5
    assert "5 probes" in bracket.reason
    assert bracket.low_rps is not None
    assert bracket.high_rps is not None
    assert bracket.low_rps <= 100.0 < bracket.high_rps


def test_a_candidate_that_fails_its_second_try_is_replaced_by_a_lower_one() -> None:
    outcomes = {"confirm": 0}

    def system(rate: float) -> bool:
        if 95 < rate <= 100:  # passes once, then never again
            outcomes["confirm"] += 1
            return outcomes["confirm"] == 1
        return rate <= 95

    bracket, steps = found(system)
    assert bracket.confirmed
    assert bracket.low_rps is not None
    assert bracket.low_rps <= 95
    assert any(step.phase == "step" for step in steps)
