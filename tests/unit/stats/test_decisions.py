"""Holm, Wilson, verdict words and the stop rule: reference values and the rules themselves."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.multiplicity import holm
from bench.stats.paired import paired_ratio
from bench.stats.precision import stop_rule
from bench.stats.proportions import wilson
from bench.stats.verdicts import Claim, decide, decide_difference, decide_share, threshold_for


def spread(mean: float, half_width: float, n: int = 8) -> list[float]:
    """Log-ratios whose 95 % t interval is mean ± half_width (log units)."""
    shape = np.linspace(-1, 1, n)
    reach = paired_ratio(shape)
    return list(mean + shape * half_width / (log(reach.high) - reach.log_mean))


def test_holm_matches_the_textbook_example() -> None:
    steps = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert [steps[k].adjusted_p for k in "abcd"] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [steps[k].rejected for k in "abcd"] == [True, False, False, True]
    levels = [1 - 0.05 / 3, 1 - 0.05 / 2, 1 - 0.05 / 2, 1 - 0.05 / 4]
    assert [steps[k].level for k in "abcd"] == pytest.approx(levels)


@pytest.mark.slow
@settings(max_examples=25)  # statsmodels collects garbage at each call
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=8))
def test_an_interval_at_holms_level_excludes_1_exactly_when_rejected(means: list[float]) -> None:
    logs = {str(i): spread(mean, 0.06) for i, mean in enumerate(means)}
    steps = holm({name: paired_ratio(x).p_value for name, x in logs.items()})
    for name, step in steps.items():
        ratio = paired_ratio(logs[name], level=step.level)
        assert (ratio.low > 1.0 or ratio.high < 1.0) == step.rejected


def test_holm_refuses_a_ninth_metric_and_a_p_that_is_none() -> None:
    with pytest.raises(StatisticsError, match="9 metrics"):
        holm({str(i): 0.5 for i in range(9)})
    with pytest.raises(StatisticsError):
        holm({"a": 1.5})


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),  # Newcombe (1998), table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_newcombes_table(count: int, n: int, low: float, high: float) -> None:
    share = wilson(count, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing_or_of_more_than_all_is_refused() -> None:
    with pytest.raises(TooFewSamples):
        wilson(0, 0)
    with pytest.raises(StatisticsError):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("mean", "half_width", "claim", "word"),
    [
        (log(1.2), 0.02, "greater", "supported"),
        (log(0.8), 0.02, "greater", "refuted"),
        (log(0.8), 0.02, "less", "supported"),
        (log(1.2), 0.02, "less", "refuted"),
        (log(0.8), 0.02, "different", "supported"),
        (0.0, 0.02, "greater", "no difference shown"),
        (0.01, 0.005, "greater", "no difference shown"),  # excludes 1, but nobody would feel it
        (0.0, 0.10, "greater", "inconclusive"),
        (0.025, 0.015, "greater", "inconclusive"),  # excludes 1, reaches beyond 3 %, effect below
        (0.08, 0.10, "greater", "inconclusive"),
    ],
)
def test_each_word_has_its_interval(
    mean: float, half_width: float, claim: Claim, word: str
) -> None:
    ratio = paired_ratio(spread(mean, half_width))
    assert decide(ratio, claim=claim, kind="p50").word == word


def test_tails_need_ten_percent() -> None:
    ratio = paired_ratio(spread(log(1.07), 0.01))
    assert decide(ratio, claim="greater", kind="p50").word == "supported"
    assert decide(ratio, claim="greater", kind="p95").word == "no difference shown"


@pytest.mark.parametrize(
    ("share", "half_width", "n", "word"),
    [
        (0.80, 0.05, 8, "reached"),
        (0.61, 0.05, 8, "reached"),
        (0.61, 0.15, 8, "inconclusive"),
        (0.59, 0.05, 8, "inconclusive"),
        (0.55, 0.05, 8, "not reached"),
        (0.30, 0.30, 8, "not reached"),
        (0.80, 0.05, 5, "inconclusive"),
    ],
)
def test_a_target_is_reached_missed_or_too_close_to_call(
    share: float, half_width: float, n: int, word: str
) -> None:
    ratio = paired_ratio(spread(log(share), half_width, n))
    assert decide_share(ratio, target=0.6, bound=0.55).word == word


def test_five_blocks_say_nothing() -> None:
    decision = decide(paired_ratio([0.5, 0.51, 0.49, 0.5, 0.5]), claim="greater", kind="p50")
    assert decision.word == "inconclusive"
    assert "5 valid blocks" in decision.reason


@given(st.floats(-0.3, 0.3), st.floats(0.001, 0.2))
def test_swapping_the_arms_never_changes_the_word(mean: float, half_width: float) -> None:
    logs = spread(mean, half_width)
    there = decide(paired_ratio(logs), claim="greater", kind="p50").word
    back = decide(paired_ratio([-x for x in logs]), claim="less", kind="p50").word
    assert there == back


def test_aa_trials_are_called_different_in_at_most_five_percent() -> None:
    rng = np.random.default_rng(5)
    words = [
        decide(paired_ratio(rng.normal(0, 0.05, 6)), claim="different", kind="p50").word
        for _ in range(2000)
    ]
    assert words.count("supported") / 2000 <= 0.055


def test_an_unknown_kind_of_metric_is_refused() -> None:
    with pytest.raises(StatisticsError):
        threshold_for("p42")


def test_the_stop_rule_goes_by_width_alone() -> None:
    kinds = {"read p50": "p50", "read p95": "p95"}
    narrow = {"read p50": spread(0.0, 0.02), "read p95": spread(0.4, 0.07)}
    wide = {**narrow, "read p50": spread(0.5, 0.05)}
    assert stop_rule(narrow, kinds, max_blocks=20).precise
    decision = stop_rule(wide, kinds, max_blocks=20)
    assert (decision.stop, decision.widest) == (False, "read p50")
    at_limit = stop_rule(wide, kinds, max_blocks=8)
    assert (at_limit.stop, at_limit.precise) == (True, False)


def test_the_stop_rule_wants_six_blocks_first() -> None:
    decision = stop_rule({"a": [0.1] * 5}, {"a": "cpu"}, max_blocks=20)
    assert not decision.stop
    assert stop_rule({"a": [0.1] * 6}, {"a": "cpu"}, max_blocks=20).precise
    assert stop_rule({"a": [0.1]}, {"a": "cpu"}, max_blocks=1).stop
    with pytest.raises(StatisticsError):
        stop_rule({}, {}, max_blocks=5)
    with pytest.raises(StatisticsError):
        stop_rule({"a": [0.1] * 6}, {"a": "speed"}, max_blocks=6)


def test_a_ratio_of_20_percent_is_found_in_six_blocks() -> None:
    rng = np.random.default_rng(6)
    found = [
        decide(paired_ratio(rng.normal(log(1.2), 0.04, 6)), claim="greater", kind="p50").word
        for _ in range(300)
    ]
    assert found.count("supported") / 300 > 0.99


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (6.0, 9.0, "supported"),
        (-30.0, -5.5, "supported"),
        (-4.0, 4.9, "no difference shown"),
        (1.0, 4.0, "no difference shown"),
        (1.0, 8.0, "inconclusive"),
        (-1.0, 20.0, "inconclusive"),
    ],
)
def test_a_difference_in_a_unit_has_to_exclude_nothing_and_to_matter(
    low: float, high: float, word: str
) -> None:
    assert decide_difference(low, high, margin=5.0, unit="points").word == word
