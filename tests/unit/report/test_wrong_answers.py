"""Wrong answers are a finding: a share and an example, and no time ratio from them."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.experiments.latency.findings import Findings
from bench.report.selection import cells_of
from bench.report.wrong_answers import finding, findings
from bench.results.dataset import TrialSample, load_run
from bench.results.journal import WrongAnswers
from tests.unit.report.factory import Plan, open_run


def samples(tmp_path: Path, failed_every: int, requests: int = 400) -> list[TrialSample]:
    plan = Plan(
        blocks=1, requests=requests, failed_every=failed_every, mixes=("order",), noise=0.001
    )
    return list(load_run(open_run(tmp_path, plan)).once(Findings).samples)


@pytest.mark.parametrize(("requests", "every", "told"), [(6000, 5999, False), (400, 10, True)])
def test_one_wrong_answer_in_a_thousand_is_no_finding(
    tmp_path: Path, requests: int, every: int, *, told: bool
) -> None:
    (cell,) = cells_of(samples(tmp_path, every, requests))
    said = findings(cell, ("microservices", "monolith"), "all")
    assert ("a finding, no timing: microservices answered " in said) == told
    assert ("of order wrongly (" in said) == told
    assert ("; monolith answered" in said) == told


def test_a_finding_shows_an_answer_as_it_came(tmp_path: Path) -> None:
    sample = samples(tmp_path, 10)[0]
    assert finding([sample], "monolith", "order").endswith("most often connection refused)")
    kept = WrongAnswers("order", 5, 50, "status 500", '500 {"code":"internal_error"}')
    with_example = replace(sample, trial=replace(sample.trial, wrong=(kept,)))
    text = finding([with_example], "monolith", "order")
    assert text.endswith('most often status 500, for example 500 {"code":"internal_error"})')


def test_one_sampled_answer_against_the_contract_is_enough(tmp_path: Path) -> None:
    sample = samples(tmp_path, 0)[0]
    assert finding([sample], "monolith", "all") == ""
    off = WrongAnswers("order", 1, 3, "breaks the schema", "201 {}", sampled=True)
    broken = replace(sample, trial=replace(sample.trial, wrong=(off,)))
    said = "monolith answered order against the contract (1 sampled, for example 201 {})"
    assert finding([broken], "monolith", "all") == said
