"""Synthetic rounds with known ratios end as the right words; and what must stay unsaid does."""

from pathlib import Path

import pytest

from bench.experiments.latency.judge import EXPLORATORY, NAMED
from bench.report.analysis import Analysis, analyse
from bench.results.journal import Verdict
from tests.unit.report.factory import PAIR, Rounds, make_run, pair_run

FAMILIES = {"microservices:modular-split", "microservices:monolith"}


def run(tmp_path: Path, **changes: object) -> Analysis:
    return analyse(make_run(tmp_path, pair_run(**changes)))


def pick(analysis: Analysis, pair: str, operation: str, metric: str = "time") -> Verdict:
    """The verdict of a pair on the time or the CPU of an operation, or of `all`."""
    return next(
        v
        for v in analysis.verdicts
        if f"{v.numerator}:{v.denominator}" == pair
        and v.operation == operation
        and metric in v.metric
    )


def test_known_ratios_are_found_with_their_words(tmp_path: Path) -> None:
    slower = {**PAIR, "modular": 0.5, "modular-split": 0.501, "microservices": 0.8}
    found = run(tmp_path, slower=slower, scatter=0.004, operations=("order",))
    words = {
        "microservices:monolith": "refuted",  # claimed to be slower, and is faster
        "modular:monolith": "supported",  # claimed to differ
        "modular-split:modular": "no difference shown",
        "microservices:modular-split": "supported",
    }
    for pair, word in words.items():
        verdict = pick(found, pair, "order")
        top, bottom = pair.split(":")
        assert verdict.verdict == word, verdict
        assert verdict.estimate == pytest.approx(slower[top] / slower[bottom], rel=0.02)


def test_named_metrics_are_held_to_holms_levels_and_the_rest_is_exploratory(
    analysis: Analysis,
) -> None:
    assert {f"{v.numerator}:{v.denominator}" for v in analysis.named} == FAMILIES
    for family in FAMILIES:
        own = [v for v in analysis.named if f"{v.numerator}:{v.denominator}" == family]
        levels = {round(1 - 0.05 / k, 9) for k in range(1, 9)}
        assert len(own) == 8
        assert {round(v.level, 9) for v in own} <= levels
    others = [v for v in analysis.verdicts if v not in analysis.named and "floor/" not in v.id]
    assert all(v.note.startswith(EXPLORATORY) and v.level == 0.95 for v in others)
    assert len({v.id for v in analysis.verdicts}) == len(analysis.verdicts)


def test_a_verdict_counts_starts_and_says_so(analysis: Analysis) -> None:
    for verdict in analysis.named:
        assert verdict.n_blocks == 6
        assert verdict.rule.startswith("t interval over starts at ")
        assert "at least 6 starts" in verdict.rule
        assert "A/A ×" in verdict.note
        assert ("95 %: [" in verdict.note) == (verdict.level > 0.95)


def test_times_of_single_operations_say_how_they_drifted(analysis: Analysis) -> None:
    assert "drift within a start" in pick(analysis, "microservices:monolith", "order").note
    assert "drift" not in pick(analysis, "microservices:monolith", "order", "cpu").note


def test_the_second_instance_is_asked_about_nowhere(analysis: Analysis) -> None:
    assert not any("#" in v.id + v.question for v in analysis.verdicts)


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    found = analyse(make_run(tmp_path, Rounds(pair_run(starts=1).made, profile="smoke")))
    assert {v.verdict for v in found.verdicts} == {"inconclusive"}
    assert all("claims nothing" in v.note for v in found.named)


def test_five_starts_are_inconclusive(tmp_path: Path) -> None:
    found = run(tmp_path, starts=5)
    assert {v.verdict for v in found.verdicts} == {"inconclusive"}
    assert {v.n_blocks for v in found.verdicts} == {5}
    assert "5 starts, 6 are needed" in found.named[0].note


def test_one_start_gives_no_interval_and_says_so(tmp_path: Path) -> None:
    verdict = run(tmp_path, starts=1).named[0]
    assert (verdict.estimate, verdict.low) == (None, None)
    assert "1 start, an interval takes 2" in verdict.note


def test_a_start_in_which_a_member_is_invalid_does_not_count(tmp_path: Path) -> None:
    def status(deployment: str, start: int) -> str:
        return "invalid" if deployment == "microservices" and start == 2 else "valid"

    verdict = run(tmp_path, starts=7, status=status).named[0]
    assert verdict.n_blocks == 6
    assert "1 start gave none" in verdict.note


def test_a_server_that_fails_gives_no_time_but_its_cpu(tmp_path: Path) -> None:
    found = run(tmp_path, wrong={"microservices": 2})
    time = pick(found, "microservices:monolith", "order")
    assert (time.verdict, time.estimate) == ("inconclusive", None)
    assert "microservices answered 12 of 576 (2.1 %) wrongly, for example: status 500" in time.note
    assert pick(found, "microservices:monolith", "order", "cpu").estimate is not None


def test_one_wrong_answer_in_a_thousand_is_no_finding(tmp_path: Path) -> None:
    made = {"starts": 12, "operations": ("order",)}
    found = run(tmp_path / "a", wrong={"microservices": 0}, **made)
    assert pick(found, "microservices:monolith", "order").verdict == "supported"
    found = run(tmp_path / "b", wrong={"microservices": 1}, **made)  # 12 of 1,152: 1 %
    assert pick(found, "microservices:monolith", "order").estimate is None


def test_where_the_same_code_differs_from_itself_there_is_no_verdict(tmp_path: Path) -> None:
    found = run(tmp_path, slower={**PAIR, "monolith#2": 1.05})
    verdict = pick(found, "microservices:monolith", "order")
    assert verdict.verdict == "invalid"
    assert "the same code against itself came out ×1.0" in verdict.note
    assert pick(found, "microservices:monolith", "order", "cpu").verdict != "invalid"


def test_the_ratio_without_the_clients_own_time_stands_beside_it(tmp_path: Path) -> None:
    plan = pair_run(operations=("product_read",))
    latency = {**plan.latency, "client_ms": 0.5}
    run_dir = make_run(tmp_path, Rounds(plan.made, settings={"latency": latency}, counted=False))
    verdict = pick(analyse(run_dir), "microservices:monolith", "product_read")
    assert "without the client's own 0.500 ms: ×1.7" in verdict.note


def test_deployments_that_were_not_run_are_not_asked_about(tmp_path: Path) -> None:
    found = run(tmp_path, slower={"monolith": 1.0, "monolith#2": 1.0})
    assert not found.verdicts
    assert NAMED not in str(found.verdicts)


def test_every_verdict_asks_a_question_and_states_its_rule(analysis: Analysis) -> None:
    assert all("?" in v.question for v in analysis.verdicts)
    assert all("at least 6" in v.rule for v in analysis.verdicts)
