"""Blocks and attempts: the last attempt counts, and only if nothing in it is invalid."""

from dataclasses import replace
from pathlib import Path

from bench.experiments.floor.findings import floor_results, source_path
from bench.experiments.latency.findings import Findings
from bench.experiments.latency.ladder import ladders, sanity_check
from bench.report.naming import deployment_order, number, span
from bench.report.selection import cells_of
from bench.results.dataset import RunData, TrialSample, load_run
from tests.unit.report.factory import LADDER_RUN, Rounds, make_run, pair_run

THREE = {"monolith": 1.0, "modular": 0.5, "microservices": 1.6}


def small(tmp_path: Path, **changes: object) -> RunData:
    plan = pair_run(**{"starts": 2, "operations": ("order",), "slower": THREE, **changes})
    return load_run(make_run(tmp_path, plan))


def floor_of(tmp_path: Path, profile: str = "quick") -> RunData:
    made = pair_run(starts=1, operations=("order",)).made
    return load_run(make_run(tmp_path, Rounds(made, profile, floor=True, counted=False)))


def four(tmp_path: Path, **changes: object) -> RunData:
    return load_run(make_run(tmp_path, Rounds(replace(LADDER_RUN, **changes), counted=False)))  # type: ignore[arg-type]


def samples(data: RunData) -> tuple[TrialSample, ...]:
    return data.once(Findings).samples


def retried(sample: TrialSample, attempt: int, status: str) -> TrialSample:
    return replace(sample, trial=replace(sample.trial, attempt=attempt, status=status))  # type: ignore[arg-type]


def test_the_last_attempt_of_a_block_counts(tmp_path: Path) -> None:
    first = samples(small(tmp_path))
    again = [retried(s, 1, "valid") for s in first if s.trial.block == 0]
    (cell,) = cells_of([*(retried(s, 0, "invalid") for s in first), *again])
    assert (len(cell.blocks), len(cell.spoiled)) == (1, 1)
    assert all(s.trial.attempt == 1 for s in cell.blocks[0].values())


def test_one_invalid_trial_spoils_its_block_for_all(tmp_path: Path) -> None:
    trials = list(samples(small(tmp_path)))
    trials[0] = retried(trials[0], 0, "invalid")
    (cell,) = cells_of(trials)
    assert (len(cell.blocks), len(cell.spoiled)) == (1, 1)
    assert len(cell.samples("modular")) == 1


def test_an_attempt_that_was_cut_off_spoils_its_block(tmp_path: Path) -> None:
    trials = samples(small(tmp_path))
    first = [retried(s, 0, "invalid") if s.trial.block == 0 else s for s in trials]
    again = [retried(s, 1, "valid") for s in trials if s.trial.block == 0]
    (cell,) = cells_of([*first, *again[:-1]])
    assert (len(cell.blocks), len(cell.spoiled)) == (1, 1)


def test_without_a_valid_block_figures_are_marked(tmp_path: Path) -> None:
    (cell,) = cells_of([retried(s, 0, "invalid") for s in samples(small(tmp_path))])
    assert cell.tainted
    assert len(cell.samples("monolith")) == 2
    assert not cell.pairs("microservices", "monolith")


def test_a_pair_counts_whatever_spoiled_a_third_trial_of_its_block(tmp_path: Path) -> None:
    spoiled = {("modular", 0), ("monolith", 1)}
    trials = [
        retried(s, 0, "invalid") if (s.trial.deployment, s.trial.block) in spoiled else s
        for s in samples(small(tmp_path))
    ]
    (cell,) = cells_of(trials)
    assert [a.trial.block for a, _ in cell.pairs("microservices", "monolith")] == [0]
    assert [a.trial.block for a, _ in cell.pairs("microservices", "modular")] == [1]
    assert not cell.blocks


def test_of_several_attempts_the_last_valid_pair_counts_once(tmp_path: Path) -> None:
    first = [s for s in samples(small(tmp_path)) if s.trial.block == 0]
    attempts = [retried(s, number, "valid") for number in (0, 1) for s in first]
    attempts += [
        retried(s, 2, "invalid" if s.trial.deployment == "monolith" else "valid") for s in first
    ]
    (cell,) = cells_of(attempts)
    assert [a.trial.attempt for a, _ in cell.pairs("microservices", "monolith")] == [1]
    assert [a.trial.attempt for a, _ in cell.pairs("microservices", "modular")] == [2]


def test_floor_comparisons_have_attempts_of_their_own(tmp_path: Path) -> None:
    data = floor_of(tmp_path)
    reran = [retried(s, 1, "valid") for s in data.trials if s.trial.mix == "order"]
    results = floor_results(replace(data, trials=(*data.trials, *reran)))
    assert [r.verdict.n_blocks for r in results] == [6, 6]


def test_the_floor_is_reached_or_not(tmp_path: Path) -> None:
    first, second = floor_results(floor_of(tmp_path))
    assert (first.verdict.verdict, second.verdict.verdict) == ("reached", "not reached")
    assert first.source_text is not None
    assert "wilson" in first.source_text
    assert second.source_text is None
    assert (first.arm.statements, first.arm.commits) == (3.0, 1.0)


def test_the_floor_of_a_smoke_run_claims_nothing(tmp_path: Path) -> None:
    results = floor_results(floor_of(tmp_path, "smoke"))
    assert {r.verdict.verdict for r in results} == {"inconclusive"}


def test_a_source_outside_the_tree_is_not_read() -> None:
    assert source_path("../../etc/passwd") is None
    assert source_path("/etc/passwd") is None
    assert source_path("bench/stats/proportions.py") is not None


def test_the_steps_of_a_ladder_multiply_to_the_whole(tmp_path: Path) -> None:
    data = four(tmp_path)
    found = ladders(data.once(Findings))
    assert len(found) == 8
    for ladder in found:
        assert ladder.product is not None
        assert abs(ladder.product / ladder.to_first["microservices"].estimate - 1) < 0.01


def test_a_cell_of_rounds_says_what_was_asked_and_which_time_it_holds(tmp_path: Path) -> None:
    (cell,) = cells_of(samples(small(tmp_path)))
    assert cell.in_rounds
    assert cell.label == "order, one request at a time"
    assert cell.time_name == "service time"
    assert cell.shown_operations == ["order"]


def test_the_last_step_is_held_against_the_literature(tmp_path: Path) -> None:
    slower = {**LADDER_RUN.slower, "modular-split": 0.3, "microservices": 4.0}
    data = four(tmp_path, slower=slower, operations=("order",))
    time, cpu = sanity_check(ladders(data.once(Findings)))
    assert time.startswith("order, time: ×13.")
    assert "far outside the band" in time
    assert "3 calls between processes an answer" in time
    assert "against ×1.33–2.63" in cpu
    assert "gateway 0 → " in cpu


def test_names_come_in_ladder_order_and_numbers_without_exponent() -> None:
    names = ["zeta", "microservices", "monolith", "users|orders"]
    assert deployment_order(names) == ["monolith", "microservices", "users|orders", "zeta"]
    assert [number(x) for x in (None, 0, 0.001234, 1234.5, 12.345)] == [
        "–", "0", "0.00123", "1,234", "12.3",
    ]  # fmt: skip
    assert (span([8, 6, 8]), span([7]), span([])) == ("6–8", "7", "0")
