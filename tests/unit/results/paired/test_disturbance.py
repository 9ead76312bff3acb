"""Whether rounds of all and rounds of two give the same ratio, and what follows if they do not."""

from __future__ import annotations

from math import log

import pytest

from bench.results.paired.disturbance import shifts_of
from bench.results.paired.judge import Answer, answers_of, disturbance
from bench.results.paired.rounds import PairedRounds
from tests.unit.results.paired.made import rounds_with

PAIR = ("microservices", "monolith")
FOUR = {"monolith": 1.0, "monolith#2": 1.0, "modular": 0.8, "modular-split": 0.85}


def everybody(slower: float, starts: int = 6) -> PairedRounds:
    return rounds_with({**FOUR, "microservices": slower}, starts=starts)


def alone(slower: float, starts: int = 6) -> PairedRounds:
    return rounds_with({"monolith": 1.0, "microservices": slower}, starts=starts, seed=2)


def order(answers: list[Answer], pair: str = "microservices:monolith") -> float:
    found = next(a for a in answers if a.question.id == f"order/{pair}/time")
    assert found.narrow is not None
    return found.narrow.estimate


def test_a_shift_is_the_ratio_in_rounds_of_all_over_that_in_rounds_of_two() -> None:
    found = shifts_of(alone(1.6), everybody(1.76), PAIR, ["order"])
    time = next(each for each in found if each.metric == "time")
    assert time.moved.log_mean == pytest.approx(log(1.1), abs=0.02)
    assert time.too_far


def test_only_starts_that_have_both_count() -> None:
    (time, _) = shifts_of(alone(1.6, starts=4), everybody(1.6, starts=7), PAIR, ["order"])
    assert len(time.two) == len(time.all) == 4


def test_several_turns_of_a_start_are_one_value() -> None:
    (time, _) = shifts_of(alone(1.6, starts=12), everybody(1.6, starts=12), PAIR, ["order"], 2)
    assert len(time.two) == 6


def test_named_ratios_come_from_rounds_of_two_where_the_others_disturb() -> None:
    answers = answers_of(everybody(1.76), alone(1.6))
    assert order(answers) == pytest.approx(1.6, rel=0.03)
    assert order(answers, "microservices:modular-split") == pytest.approx(1.76 / 0.85, rel=0.03)


def test_named_ratios_stay_with_rounds_of_all_where_nobody_disturbs() -> None:
    rounds = everybody(1.6)
    assert order(answers_of(rounds, alone(1.6))) == order(answers_of(rounds))


def test_fewer_than_six_starts_change_nothing() -> None:
    rounds = everybody(1.76)
    assert order(answers_of(rounds, alone(1.6, starts=5))) == order(answers_of(rounds))
    assert disturbance(rounds, PairedRounds({})) == []
