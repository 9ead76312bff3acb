"""What is planted, what is true, and how sets are judged."""

import math
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest

from bench.experiments.selftest.blocks import pair_logs
from bench.experiments.selftest.extra import PlantedValues
from bench.experiments.selftest.planted import (
    AGAIN,
    BASE,
    COMPARISONS,
    CPU_10,
    NAMES,
    SLOWER_5,
    SLOWER_20,
    behaviours,
    planned,
    stopped,
    truths,
    work_share,
)
from bench.experiments.selftest.reference_server import spin
from bench.experiments.selftest.sets import Comparison, SetResult, judge_sets

TRUTH = {AGAIN: 1.0, SLOWER_5: 1.05, SLOWER_20: 1.2, CPU_10: 1.1}


def values(
    p50: float = 5.0, cpu: float = 4.4, app: float = 4.0, extra: float = 0.0
) -> PlantedValues:
    """`extra`: the share of response time and CPU that is the variant's own."""
    return PlantedValues({"p50": p50, "cpu": cpu}, app, app, {"p50": extra, "cpu": extra})


def test_the_extra_work_aims_at_the_ratios_of_the_whole_response_time() -> None:
    plan = planned(1_000, 62.5, [values()])
    assert work_share([values()], "p50") == pytest.approx(0.8)
    # 5 % of a response that is 0.8 work: 6.25 % more work
    assert plan.extra == {SLOWER_5: 62, SLOWER_20: 250, CPU_10: 110}


def block(**extra: float) -> list[dict[str, PlantedValues]]:
    """One attempt: what each states of itself, by name with an underscore."""
    return [{name: values(extra=extra.get(name.replace("-", "_"), 0.0)) for name in NAMES}]


def test_the_truth_is_what_the_variants_state_of_their_own_trials() -> None:
    stated = block(slower_5=0.05 / 1.05, slower_20=0.2 / 1.2, cpu_10=0.1 / 1.1, base=0.5)
    found = truths([stated, stated, block(slower_5=0.5)])
    assert found[AGAIN] == 1.0
    assert found[SLOWER_5] == pytest.approx(1.05)
    assert found[SLOWER_20] == pytest.approx(1.2)
    assert found[CPU_10] == pytest.approx(1.1)


def test_a_trial_that_stated_nothing_leaves_the_truth_known() -> None:
    silent = [{name: PlantedValues({}, float("nan"), float("nan")) for name in NAMES}, {}]
    stated = block(slower_5=0.1, slower_20=0.1, cpu_10=0.1)
    assert truths([stated, silent]) == truths([stated])
    assert math.isnan(truths([silent])[CPU_10])


def test_a_disturbed_calibration_does_not_plant_a_giant() -> None:
    plan = planned(1_000, 62.5, [values(p50=40.0), values(p50=4.0 / 0.9), values(p50=20.0)])
    assert plan.extra[SLOWER_5] == round(0.05 * 1_000 / 0.9)
    assert planned(1_000, 62.5, [values(p50=40.0)]).extra[SLOWER_5] == round(50 / 0.8)


def test_the_cpu_variant_burns_after_its_answer_and_the_others_before() -> None:
    found = behaviours(planned(1_000, 62.5, [values()]))
    assert found[BASE] == found[AGAIN]
    assert (found[CPU_10].spin, found[CPU_10].after) == (1_000, 110)
    slow = found[SLOWER_20]
    assert (slow.spin, slow.extra, slow.after) == (1_000, 250, 0)


def test_every_unit_of_the_spin_is_the_same_work() -> None:
    """The lines it runs, not its time: a shared core is now fast, now slow."""
    ten, twenty, forty = (lines_run(units) for units in (10, 20, 40))
    assert forty - twenty == 2 * (twenty - ten) > 0
    results = {spin(units) for units in (1, 2, 777)}
    assert 0 <= min(results) <= max(results) < 2**30  # of one digit: no number gets longer


def lines_run(units: int) -> int:
    counted = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        counted += event == "line" and frame.f_code is spin.__code__
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        spin(units)
    finally:
        sys.settrace(before)
    return counted


def test_a_set_is_found_narrow_and_covering_by_the_users_rule() -> None:
    logs = np.log(1.05) + np.array([0.004, -0.004, 0.002, -0.002, 0.001, -0.001])
    found = SetResult.of(1, COMPARISONS[2], logs, TRUTH)
    assert found is not None
    assert (found.found, found.narrow, found.covers) == (True, True, True)
    off = SetResult.of(1, COMPARISONS[2], logs + 0.05, TRUTH)
    assert off is not None
    assert (off.found, off.covers) == (True, False)
    assert SetResult.of(1, COMPARISONS[2], logs[:1], TRUTH) is None


def test_an_aa_set_is_called_different_only_beyond_the_threshold() -> None:
    base = np.array([0.004, -0.004, 0.002, -0.002, 0.001, -0.001])
    words = []
    for shift in (0.0, 0.02, 0.06, -0.06):
        found = SetResult.of(1, COMPARISONS[0], base + shift, TRUTH)
        assert found is not None
        words.append(found.word)
    assert words == ["no difference shown", "no difference shown", "supported", "supported"]


def result(
    what: str, number: int, *, word: str, narrow: bool = True, off: bool = False
) -> SetResult:
    truth = 1.05
    low = truth * (1.01 if off else 0.99)
    return SetResult(number, what, truth, truth, low, low * 1.02, 6, narrow, word)


def results(called: int = 0, missed: int = 0, uncovered: int = 0) -> list[SetResult]:
    """20 sets of every comparison with so many faults."""
    found = []
    for number in range(20):
        word = "supported" if number < called else "no difference shown"
        found += [result(what, number, word=word) for what in ("A/A p50", "A/A CPU")]
        word = "inconclusive" if number < missed else "supported"
        for what in ("+5 % response time", "+10 % CPU"):
            found.append(result(what, number, word=word, off=number < uncovered))
        found.append(result("+20 % response time", number, word="supported"))
    return found


@pytest.mark.parametrize(
    ("faults", "failed"),
    [
        ({}, set()),
        ({"called": 2, "missed": 2, "uncovered": 3}, set()),
        ({"called": 3}, {"A/A called different"}),  # 6 of 40
        ({"missed": 3}, {"+5 % response time found", "+10 % CPU found"}),
        (
            {"uncovered": 4},
            {
                "+5 % response time: its size within the interval",
                "+10 % CPU: its size within the interval",
            },
        ),
    ],
)
def test_the_limits_are_those_of_the_requirement(faults: dict[str, int], failed: set[str]) -> None:
    found = judge_sets(results(**faults), 20, "quick")
    assert {outcome.what for outcome in found if outcome.word == "not met"} == failed


def test_one_missed_20_percent_of_20_fails() -> None:
    kept = [r for r in results() if not (r.what == "+20 % response time" and r.number == 3)]
    kept.append(result("+20 % response time", 3, word="inconclusive"))
    found = {outcome.what: outcome for outcome in judge_sets(kept, 20, "quick")}
    assert found["+20 % response time found"].word == "not met"
    assert found["+20 % response time found"].found == "19 of 20"


def test_sets_that_stay_wide_are_not_judged_and_smoke_never_is() -> None:
    wide = [
        result(r.what, r.number, word="inconclusive", narrow=False)
        if r.what == "+5 % response time" and r.number >= 5
        else r
        for r in results()
    ]
    found = {outcome.what: outcome for outcome in judge_sets(wide, 20, "quick")}
    assert found["+5 % response time found"].word == "not judged"
    assert {outcome.word for outcome in judge_sets(results(), 20, "smoke")} == {"not judged"}


def test_the_stop_rule_waits_for_every_comparison() -> None:
    def noisy(noise: float) -> list[dict[str, PlantedValues]]:
        return [
            {name: values(p50=5.0 * np.exp(noise * (name == SLOWER_5))) for name in NAMES},
        ]

    quiet = [noisy(0.001 * (-1) ** n) for n in range(6)]
    loud = [noisy(0.1 * (-1) ** n) for n in range(6)]
    assert stopped(quiet, 6, 12)
    assert not stopped(quiet[:5], 6, 12)
    assert not stopped(loud, 6, 12)
    assert stopped(loud + loud, 6, 12)


def test_a_block_gives_its_last_pair_whatever_else_was_spoiled() -> None:
    first = {BASE: values(), AGAIN: values(p50=10.0)}
    spoiled = {BASE: values(), SLOWER_5: values(p50=20.0)}  # not valid: the twin's trial
    blocks = [[first, spoiled], [{BASE: values()}], [first, {BASE: values(), AGAIN: values()}]]
    assert pair_logs(blocks, "p50", AGAIN, BASE) == pytest.approx([np.log(2), 0.0])
    assert pair_logs(blocks, "p50", SLOWER_5, BASE) == pytest.approx([np.log(4)])
    assert pair_logs(blocks, "p95", AGAIN, BASE).size == 0


def test_every_comparison_names_a_known_variant() -> None:
    assert {each.variant for each in COMPARISONS} <= set(truths([block()]))
    assert all(isinstance(each, Comparison) for each in COMPARISONS)
