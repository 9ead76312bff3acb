"""Drift in the measured window is found where it was planted, and seldom where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bench.experiments.warmup import FACTOR, LENGTHENED, drifts_again, warmup_s

from bench.experiments import ladder, latency
from bench.experiments.drift import Drift, find_drift
from bench.experiments.gates import judge
from bench.experiments.options import PROFILES
from bench.experiments.window import read_window
from bench.journal import Gate, Trial
from tests.unit.experiments.test_gates import CLEAN, WINDOW, outcome
from tests.unit.experiments.test_window import table
from tests.unit.journal.test_journal import make_trial

KEY = ("latency", "product_read", 50.0)


def measured(seed: int, change: float = 0.0, operations: int = 3, n: int = 900) -> Drift | None:
    """Log-normal times of a mix over 30 s; those of the first operation change by a share."""
    rng = np.random.default_rng(seed)
    at_s = np.sort(rng.uniform(0.0, 30.0, n))
    which = rng.integers(0, operations, n)
    times = 0.005 * (1 + which) * rng.lognormal(0.0, 0.3, n)
    times *= 1 + change * (which == 0) * (at_s / 30.0 - 0.5)
    return find_drift(np.array([f"operation {one}" for one in which]), at_s, times)


def test_trials_without_drift_are_flagged_in_at_most_five_of_a_hundred() -> None:
    flagged = sum(found.found for seed in range(600) if (found := measured(seed)) is not None)
    assert flagged <= 30


@pytest.mark.parametrize("change", [0.5, -0.5])
def test_a_planted_drift_of_one_operation_is_found(change: float) -> None:
    found = [measured(seed, change) for seed in range(20)]
    assert sum(each is not None and each.found for each in found) >= 19
    assert all(each is not None and each.change * change > 0 for each in found)


def test_a_sure_drift_that_nobody_would_feel_is_none() -> None:
    at_s = np.arange(0.0, 30.0, 0.01)
    found = find_drift(np.full(at_s.size, "order"), at_s, 0.01 + at_s * 1e-6)
    assert found is not None
    assert not found.found
    assert 0 < found.change < 0.05


def test_too_few_answers_are_no_question() -> None:
    assert measured(1, operations=3, n=60) is None
    assert find_drift(np.array([]), np.array([]), np.array([])) is None


def test_drift_in_a_window_is_a_flag_and_failures_do_not_count() -> None:
    due = list(np.arange(1.0, 11.0, 0.02))
    slow = table(due, done_s=[at + 0.01 * (1 + 0.1 * at) for at in due])
    seen = read_window(slow, 1.0, 11.0)
    assert seen.drifts
    assert (seen.drift or 0) == pytest.approx(0.1 * 9 / 1.6, rel=0.1)
    gates = {gate.name: gate for gate in judge(replace(CLEAN, window=seen))}
    assert gates["drift"].outcome == "flag"
    failed = table(due, error=["timeout"] * len(due))
    assert read_window(failed, 1.0, 11.0).drift is None
    assert "drift" not in {gate.name for gate in judge(CLEAN)}


def test_overload_that_was_asked_for_is_shown_not_refused() -> None:
    window = replace(WINDOW, failures=100, sent=900)
    shed = replace(CLEAN, skipped=100, sent=1100, window=window)
    asked = replace(shed, beyond_capacity=True)
    for gate in ("skipped", "failures", "realised_rate"):
        assert outcome(gate, shed) == "fail"
        assert outcome(gate, asked) == "flag"
    assert outcome("generator_cpu", replace(asked, generator_cpu=0.9)) == "fail"


def drifting_trial(block: int, deployment: str, value: float, **changes: Any) -> Trial:
    gate = Gate("drift", value, 0.05, "share", "flag")
    name = f"{block}-{deployment}-{value}"
    return make_trial(name, block=block, deployment=deployment, gates=(gate,), **changes)


def test_only_a_drift_that_repeats_itself_lengthens_the_warm_up() -> None:
    again = [drifting_trial(0, "modular", -0.2), drifting_trial(2, "modular", -0.1)]
    assert drifts_again(KEY, again) == "modular"
    for other in (
        drifting_trial(2, "modular", 0.1),  # the other way
        drifting_trial(2, "monolith", -0.1),
        drifting_trial(3, "modular", -0.1),  # not one of the first three blocks
        drifting_trial(1, "modular", -0.1, status="invalid"),
        drifting_trial(1, "modular", -0.1, mix="order"),
    ):
        assert drifts_again(KEY, [again[0], other]) == ""


def test_a_longer_warm_up_is_decided_once_and_holds_for_all_later_blocks(tmp_path: Path) -> None:
    lab = a_lab("standard", [drifting_trial(0, "modular", -0.2), drifting_trial(1, "modular", -1)])
    usual = PROFILES["standard"].warmup_s
    assert warmup_s(lab, KEY, 2) == FACTOR * usual
    assert lab.setting(LENGTHENED)["latency/product_read/50"]["from_block"] == 2
    assert (warmup_s(lab, KEY, 1), warmup_s(lab, KEY, 5)) == (usual, FACTOR * usual)
    assert len(lab.notes) == 1
    assert warmup_s(lab, ("latency", "order", 50.0), 5) == usual
    stays_up = a_lab("quick", lab.writer.journal.trials)
    assert warmup_s(stays_up, KEY, 2) == PROFILES["quick"].warmup_s


def test_the_two_ends_of_the_ladder_are_warmed_up_like_its_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials = [drifting_trial(0, "modular", -0.2), drifting_trial(1, "modular", -1)]
    lab = a_lab("standard", trials)
    lengths = []

    def spec(_lab: Any, _cell: Any, _seed: int, warmup: float) -> Any:
        lengths.append(warmup)
        raise _Enough

    monkeypatch.setattr(ladder, "schedule_spec", spec)
    usual = PROFILES["standard"].warmup_s
    assert warmup_s(lab, KEY, 2) == FACTOR * usual  # as the steps' third block
    for block in (1, 2):
        with pytest.raises(_Enough):
            ladder._attempt(lab, latency.Cell(KEY[1], KEY[2]), block)(0)
    assert lengths == [usual, FACTOR * usual]


class _Enough(Exception):
    pass


def a_lab(profile: str, trials: Any) -> Any:
    settings: dict[str, Any] = {}
    notes: list[str] = []
    writer = SimpleNamespace(
        journal=SimpleNamespace(trials=tuple(trials), settings=settings),
        add_settings=lambda **new: settings.update(new),
        note=notes.append,
    )
    return SimpleNamespace(
        profile=PROFILES[profile],
        writer=writer,
        setting=settings.get,
        notes=notes,
        seed=lambda *_: 1,
    )
