"""The result in plain words, for every kind of result."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.analysis import Analysis, analyse
from bench.report.headline import plain_words
from tests.unit.report.factory import RATIOS, Plan, make_run

PAIR = ("monolith", "microservices")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    plan = Plan(blocks=6, requests=500, deployments=PAIR, noise=0.01)
    return analyse(make_run(tmp_path_factory.mktemp("small"), plan))


def test_a_decided_result_says_which_way_it_goes(small: Analysis) -> None:
    lines = plain_words(small)
    assert lines[0].startswith("p50 response time is lower in microservices than in monolith for")
    assert "the mixed load (×0.7" in lines[0]
    assert any(line.startswith("CPU per request is lower in microservices") for line in lines)


def test_words_follow_the_estimate_whatever_the_claim_was(small: Analysis) -> None:
    up = [replace(v, estimate=1.5, low=1.4, high=1.6, verdict="supported") for v in small.named]
    changed = replace(small, verdicts=up)
    assert all("is higher in microservices" in line for line in plain_words(changed))


@pytest.mark.parametrize(
    ("word", "start"),
    [
        ("inconclusive", "Not decided by this run (5 of 5): p50 response time of product read"),
        ("invalid", "Not judged (5 of 5)"),
        ("no difference shown", "No difference beyond the threshold: p50 response time of"),
    ],
)
def test_what_is_not_decided_is_said_too(small: Analysis, word: str, start: str) -> None:
    verdicts = [replace(v, verdict=word) for v in small.named]  # type: ignore[arg-type]
    (line,) = plain_words(replace(small, verdicts=verdicts))
    assert line.startswith(start)


def test_a_smoke_run_claims_nothing_on_the_first_screen(tmp_path: Path) -> None:
    plan = Plan(blocks=6, requests=100, deployments=PAIR, profile="smoke", ratios={**RATIOS})
    assert plain_words(analyse(make_run(tmp_path, plan)))[0].startswith("Nothing is claimed")
