"""Capacity searches over echo servers whose outbox is always empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.experiments import capacity
from bench.experiments.capacity import EXPERIMENT, SEARCHES_BLOCK, Size, gates_of_a_probe
from bench.experiments.options import PROFILES, RunOptions
from bench.experiments.runner import RunStopped, run
from bench.experiments.runner import resume as resume_run
from bench.experiments.settle_lag import WatchedSubject
from bench.experiments.slo import LagSample
from bench.journal import Gate, RunReader, Trial

TINY = Size(1, 0.05, 0.05, 0.4, 14)


@pytest.fixture(autouse=True)
def short_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes of half a second, no rest, an outbox that is read and empty."""
    monkeypatch.setitem(capacity.SIZES, "tiny", TINY)
    monkeypatch.setattr(capacity, "_REST_S", 0.0)
    monkeypatch.setattr(capacity, "_REST_AFTER_FAILURE_S", 0.0)
    monkeypatch.setattr(capacity, "closed_loop_rps", lambda *_: 330.0)

    def watch(self: WatchedSubject) -> None:
        self._samples.append(LagSample(0.2, 0.0))

    monkeypatch.setattr(WatchedSubject, "_watch", watch)
    for module in ("runner", "resume"):
        monkeypatch.setattr(f"bench.experiments.{module}.source_commit", lambda: ("abc", False))


@pytest.fixture
def serves(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The load up to which each deployment meets the objective, whatever the machine does."""
    limits = {"monolith": 300.0, "modular": 130.0}
    original = capacity._Walk._judged

    def judged(self: Any, trial: Trial, *rest: Any) -> Trial:
        found = original(self, trial, *rest)
        passed = float(trial.offered_rps <= limits[trial.deployment])
        return replace(found, facts={**found.facts, "slo_pass": passed})

    monkeypatch.setattr(capacity._Walk, "_judged", judged)
    return limits


def ends(reader: RunReader) -> dict[str, dict[str, Any]]:
    return {end["deployment"]: end for end in reader.journal.settings["capacity_searches"]}


@pytest.mark.slow
@pytest.mark.usefixtures("calm_gates", "echo")
def test_each_deployment_ends_in_a_bracket_around_what_it_serves(
    options: RunOptions, serves: dict[str, float]
) -> None:
    reader = RunReader(run([EXPERIMENT], options))
    for name, end in ends(reader).items():
        assert end["low_rps"] <= serves[name] < end["high_rps"], end
        assert end["high_rps"] / end["low_rps"] == pytest.approx(1.05, rel=3e-3)
        assert end["confirmed"]
        own = [t for t in reader.trials if t.deployment == name]
        assert [t.block for t in own] == list(range(end["probes"]))
        assert [t.facts["probe"] for t in own] == list(range(end["probes"]))
        assert [t.facts["confirm"] for t in own][-2:] == [1.0, 1.0]
        assert all(t.facts["slo_p95_ms"] > 0 for t in own)
    order = [t.deployment for t in reader.trials[:4]]
    assert order == ["monolith", "modular"] * 2  # interleaved, probe by probe


@pytest.mark.usefixtures("calm_gates", "echo")
@pytest.mark.slow
def test_a_resumed_search_replays_its_probes_and_goes_on(
    options: RunOptions, serves: dict[str, float], broken_after: Callable[..., None]
) -> None:
    broken_after(7, KeyboardInterrupt())
    with pytest.raises(RunStopped) as caught:
        run([EXPERIMENT], options)
    before = RunReader(caught.value.run_dir).trials
    assert len(before) == 7
    reader = RunReader(resume_run(caught.value.run_dir, quiet=True))
    assert reader.trials[:7] == before
    assert all(end["confirmed"] for end in ends(reader).values())
    loads = [(t.deployment, t.block, t.offered_rps) for t in reader.trials]
    assert len(set(loads)) == len(loads)
    for name, end in ends(reader).items():
        assert end["low_rps"] <= serves[name] < end["high_rps"]


@pytest.mark.slow
@pytest.mark.usefixtures("echo", "serves")
def test_an_invalid_probe_is_repeated_at_most_twice_and_leaves_the_bracket_open(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = (Gate("generator_cpu", 0.9, 0.7, "cores", "fail"),)
    monkeypatch.setattr("bench.experiments.trial.judge", lambda _: bad)
    monkeypatch.setitem(PROFILES, "tiny", replace(PROFILES["tiny"], rerun_share=1.0))
    reader = RunReader(run([EXPERIMENT], options))
    assert {t.status for t in reader.trials} == {"invalid"}
    for name in ("monolith", "modular"):
        assert [t.attempt for t in reader.trials if t.deployment == name] == [0, 1, 2]
        end = ends(reader)[name]
        assert (end["low_rps"], end["high_rps"], end["confirmed"]) == (None, None, False)
        assert "could not be judged" in end["reason"]


@pytest.mark.usefixtures("calm_gates", "echo")
def test_an_outbox_that_cannot_be_read_is_no_pass(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: WatchedSubject) -> None:
        self._failed = True

    monkeypatch.setattr(WatchedSubject, "_watch", fail)
    reader = RunReader(run([EXPERIMENT], options))
    assert all("slo_pass" not in t.facts for t in reader.trials)
    assert {t.status for t in reader.trials} == {"invalid"}
    assert not any(end["confirmed"] for end in ends(reader).values())


def test_skips_of_a_probe_are_the_deployments_others_stay_the_benchs() -> None:
    gates = tuple(Gate(name, 1.0, 0.0, "x", "fail") for name in ("skipped", "generator_cpu"))
    judged = {gate.name: gate.outcome for gate in gates_of_a_probe(gates)}
    assert judged == {"skipped": "flag", "generator_cpu": "fail"}


def test_blocks_of_searches_do_not_meet() -> None:
    assert all(size.max_probes < SEARCHES_BLOCK for size in capacity.SIZES.values())
