"""Decided verdicts of single experiments, as a person would say them."""

from dataclasses import replace

import pytest

from bench.experiments.capacity import section as capacity
from bench.experiments.consistency import section as consistency
from bench.experiments.failure import section as failure
from bench.report.spoken import said
from bench.results.verdict import Verdict

SPOKEN = {**capacity._SPOKEN, **consistency._SPOKEN, **failure._SPOKEN}


def told(verdict: Verdict) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what is decided or worth saying, the rest)"""
    return said([verdict], SPOKEN, consistency._nothing_lost)


MADE = Verdict(
    id="capacity:saturation/mixed/microservices:modular-split",
    question="Is the throughput at saturation lower? (mixed load)",
    metric="throughput_rps",
    numerator="microservices",
    denominator="modular-split",
    operation="all",
    estimate=0.55,
    low=0.41,
    high=0.73,
    level=0.95,
    n_blocks=6,
    verdict="supported",
    rule="",
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "At saturation microservices serves 0.550 times as much of the mixed load as "
            "modular-split [0.410, 0.730].",
        ),
        (
            {"id": "failure/impact/served_difference_in_points", "estimate": -18.7},
            "When one component fails, microservices serves 18.7 points fewer of the visits in "
            "time than monolith [0.410, 0.730], 6 repetitions.",
        ),
        (
            {"id": "failure/isolation/monolith/lost_elsewhere_in_points", "estimate": 75.0},
            "When one component of monolith fails, journeys that do not need it lose 75.0 points "
            "[0.410, 0.730].",
        ),
        (
            {"id": "consistency/during/microservices:monolith", "note": "157 of 330 orders; rule"},
            "Orders seen half done for a while under kills and faults: 157 of 330 orders.",
        ),
    ],
)
def test_a_decided_verdict_is_a_sentence(changes: dict[str, object], sentence: str) -> None:
    assert told(replace(MADE, **changes)) == ((sentence,), ())  # type: ignore[arg-type]


def test_what_is_undecided_or_has_no_sentence_is_said_with_its_question() -> None:
    (nothing, (line,)) = told(replace(MADE, verdict="inconclusive"))
    assert nothing == ()
    assert "(mixed load) inconclusive" in line
    ((line,), _) = told(replace(MADE, id="scaling/whole"))
    assert "lower? (mixed load) supported" in line


def test_data_that_was_kept_is_said_before_there_are_kills_enough_for_a_verdict() -> None:
    few = replace(
        MADE,
        id="consistency/after/monolith",
        numerator="monolith",
        estimate=None,
        verdict="inconclusive",
        note="I1-I11 valid after 4 kills; 20 are needed for a verdict",
    )
    assert told(few)[0] == (
        "Nothing was lost or left wrong in monolith (I1-I11 valid after 4 kills; 20 are needed for "
        "a verdict).",
    )
    lost = replace(few, verdict="supported", note="violated: I4")
    assert told(lost)[0] == ("Data was lost or left wrong in monolith (violated: I4).",)
    assert told(replace(few, note="unknown: I1"))[0] == ()
