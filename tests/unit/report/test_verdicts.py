"""Synthetic runs with known ratios end as the right words; and what must stay unsaid does."""

from pathlib import Path

import pytest

from bench.journal import Verdict
from bench.report.analysis import Analysis, analyse
from bench.report.verdicts import EXPLORATORY, NAMED
from tests.unit.report.factory import RATIOS, Plan, make_run


def run(tmp_path: Path, **changes: object) -> Analysis:
    return analyse(make_run(tmp_path, Plan(**{"requests": 600, **changes})))  # type: ignore[arg-type]


def pick(analysis: Analysis, pair: str, operation: str = "all", metric: str = "p50") -> Verdict:
    """The verdict of a pair on an operation's p50 or on CPU."""
    return next(
        v
        for v in analysis.verdicts
        if f"{v.numerator}:{v.denominator}" == pair
        and v.operation == operation
        and metric in v.metric
    )


def test_known_ratios_are_found_with_their_words(tmp_path: Path) -> None:
    ratios = {**RATIOS, "modular-split": 0.35 * 1.002, "microservices": 0.35 * 1.5}
    found = run(tmp_path, ratios=ratios, requests=4000, noise=0.004, mixes=("product_read",))
    words = {
        "microservices:monolith": "refuted",  # claimed to be slower, and is faster
        "modular:monolith": "supported",  # claimed to differ
        "modular-split:modular": "no difference shown",
        "microservices:modular-split": "supported",
    }
    for pair, word in words.items():
        verdict = pick(found, pair)
        top, bottom = pair.split(":")
        assert verdict.verdict == word, verdict
        assert verdict.estimate == pytest.approx(ratios[top] / ratios[bottom], rel=0.03)


def test_named_metrics_are_held_to_holms_levels_and_the_rest_is_exploratory(
    analysis: Analysis,
) -> None:
    named = analysis.named
    assert 1 <= len(named) <= 8
    assert {v.numerator + ":" + v.denominator for v in named} == {"microservices:monolith"}
    expected = {1 - 0.05 / k for k in range(1, len(named) + 1)}
    assert {round(v.level, 9) for v in named} <= {round(level, 9) for level in expected}
    others = [v for v in analysis.verdicts if v not in named and not v.id.startswith("floor/")]
    assert all(v.note.startswith(EXPLORATORY) and v.level == 0.95 for v in others)
    assert len({v.id for v in analysis.verdicts}) == len(analysis.verdicts)


def test_an_operations_own_mix_comes_before_the_mixed_one(analysis: Analysis) -> None:
    ids = [v.id for v in analysis.named]
    assert any("/product_read@50/" in id_ and id_.endswith("cpu_ms_per_request") for id_ in ids)
    assert any("/mixed@50/" in id_ and "/order/" in id_ for id_ in ids)


def test_the_run_may_name_the_load_that_counts(tmp_path: Path) -> None:
    found = run(tmp_path, loads=(50.0, 150.0), settings={"reference_rps": {"mixed": 150.0}})
    assert all("@150/" in v.id for v in found.named)


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, profile="smoke")
    assert {v.verdict for v in found.verdicts} == {"inconclusive"}
    assert all("claims nothing" in v.note for v in found.named)


def test_five_blocks_are_inconclusive(tmp_path: Path) -> None:
    found = run(tmp_path, blocks=5)
    assert all(v.verdict == "inconclusive" and v.n_blocks in (0, 5) for v in found.verdicts)


def test_a_block_with_an_invalid_trial_does_not_count(tmp_path: Path) -> None:
    def status(deployment: str, block: int) -> str:
        return "invalid" if block == 2 else "valid"

    found = run(tmp_path, blocks=9, status=status)
    assert pick(found, "modular:monolith").n_blocks == 8


def test_only_invalid_blocks_make_the_verdict_invalid(tmp_path: Path) -> None:
    found = run(tmp_path, blocks=3, status=lambda deployment, block: "invalid")
    assert {v.verdict for v in found.verdicts} == {"invalid"}


def test_in_overload_no_response_time_ratio_is_given_but_cpu_is(tmp_path: Path) -> None:
    ratios = {**RATIOS, "monolith": 500.0}  # answers come long after the window
    found = run(tmp_path, ratios=ratios)
    verdict = pick(found, "microservices:monolith")
    assert (verdict.verdict, verdict.estimate) == ("inconclusive", None)
    assert "monolith at or beyond 95 % of capacity" in verdict.note
    assert pick(found, "microservices:monolith", metric="cpu").verdict == "refuted"


def test_a_load_near_a_measured_capacity_gives_no_ratio(tmp_path: Path) -> None:
    settings = {"capacity_rps": {"mixed": {"monolith": 151.0, "modular": 900.0}}}
    found = run(tmp_path, settings=settings)
    assert pick(found, "modular:monolith").estimate is None
    assert pick(found, "modular-split:modular").estimate is not None


def test_p99_of_small_trials_is_refused_with_a_reason(tmp_path: Path) -> None:
    verdict = pick(run(tmp_path), "modular:monolith", metric="p99")
    assert (verdict.verdict, verdict.estimate) == ("inconclusive", None)
    assert "too few requests" in verdict.note


def test_unanswered_requests_are_not_dropped(tmp_path: Path) -> None:
    clean = run(tmp_path / "clean")
    broken = run(tmp_path / "broken", failed_every=12)
    p95 = [
        next(r for r in a.percentiles if r.operation == "all").estimates["p95"]
        for a in (clean, broken)
    ]
    assert p95[0] is not None
    assert p95[1] is not None
    assert p95[1].value == pytest.approx(5000.0)
    assert p95[0].value < 100.0


def test_deployments_that_were_not_run_are_not_asked_about(tmp_path: Path) -> None:
    found = run(tmp_path, deployments=("monolith", "users+inventory|orders+payments"))
    assert not found.verdicts
    assert NAMED not in str(found.verdicts)


def test_every_verdict_asks_a_question_and_states_its_rule(analysis: Analysis) -> None:
    assert all("?" in v.question for v in analysis.verdicts)
    assert all("at least 6" in v.rule for v in analysis.verdicts)
