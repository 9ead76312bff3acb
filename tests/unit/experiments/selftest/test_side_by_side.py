"""Disturbance and busy neighbours, judged on made-up ratios; a neighbour takes half of its core."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from bench.experiments.selftest import busy, disturbance
from bench.experiments.selftest.disturbance import Shift
from bench.experiments.selftest.neighbours import half_busy
from bench.stats.paired import paired_ratio

NOISE = (0.004, -0.003, 0.002, -0.004, 0.001, 0.0)


def shift(by: float, starts: int = 6) -> Shift:
    two = tuple(0.5 + noise for noise in NOISE[:starts])
    return Shift(
        "order", "time", two, tuple(log + by + n / 2 for log, n in zip(two, NOISE, strict=False))
    )


@pytest.mark.parametrize(("by", "word"), [(0.01, "met"), (0.05, "not met"), (-0.05, "not met")])
def test_a_ratio_that_moves_with_more_deployments_is_said(by: float, word: str) -> None:
    outcomes, details = disturbance.judge([shift(by)], "standard")
    assert [each.word for each in outcomes] == [word]
    assert details["disturbance"][0]["what"] == "time of an order"
    assert details["disturbance"][0]["moved"][0] == pytest.approx(1 + by, abs=0.003)


def test_fewer_than_six_starts_are_shown_and_not_judged() -> None:
    assert disturbance.judge([shift(0.05, 4)], "standard")[0][0].word == "not judged"
    assert disturbance.judge([shift(0.0, 1)], "standard") == ([], {"disturbance": []})


def test_one_wrong_call_beside_busy_neighbours_is_one_too_many() -> None:
    right = ("time of an order in monolith", paired_ratio(NOISE), "no difference shown")
    wrong = ("CPU of an order in monolith", paired_ratio([n + 0.1 for n in NOISE]), "supported")
    assert busy.judge([right], "standard")[0][0].word == "met"
    outcome = busy.judge([right, wrong], "standard")[0][0]
    assert (outcome.word, outcome.note) == ("not met", "CPU of an order in monolith")
    assert busy.judge([], "standard")[0][0].word == "not judged"


def test_a_neighbour_takes_about_half_of_its_core_and_goes() -> None:
    cpu = min(os.sched_getaffinity(0))
    before = set(psutil.Process().children())
    with half_busy([cpu]):
        (neighbour,) = set(psutil.Process().children()) - before
        assert neighbour.cpu_affinity() == [cpu]
        first, begun = neighbour.cpu_times().user, time.monotonic()
        while time.monotonic() < begun + 2.0 and neighbour.cpu_times().user < first + 0.3:
            os.sched_yield()
        share = (neighbour.cpu_times().user - first) / (time.monotonic() - begun)
        assert 0.05 < share < 0.75  # a loaded machine gives it less
    assert not neighbour.is_running()
