"""Searches one level of one arm in one block, probe by probe; the journal can replay it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bench.engine.capacity_search import Bracket, Guess, search
from bench.engine.gates import status_of
from bench.engine.run_context import TRIAL_OVERHEAD_S, RunContext
from bench.engine.settle_lag import WatchedSubject
from bench.engine.slo import MAX_RPS, Slo, gates_of_a_probe, judge_slo
from bench.engine.trial import TrialKey
from bench.experiments.scaling.sizes import EXPERIMENT, REPLICA_CORES, Size
from bench.experiments.scaling.stage import Arm, Metered
from bench.load.generator import LoadError
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.results.journal import Trial

MAX_REPEATS = 2
EXPECTED_PROBES = 2.7
_REST_S, _REST_AFTER_FAILURE_S = 0.2, 1.1  # a circuit breaker stays open for 1 s
BLOCK, LEVEL = 10_000, 100  # trial.block = block * 10,000 + level * 100 + probe


@dataclass(frozen=True)
class Point:
    """Where a search takes place. `replicas`: of each process. Blocks and levels from 0."""

    name: str
    mix: str
    block: int
    level: int
    replicas: dict[str, int]

    @property
    def key(self) -> dict[str, Any]:
        """What names it in the settings."""
        return {
            "deployment": self.name,
            "mix": self.mix,
            "block": self.block,
            "level": self.level,
        }

    @property
    def quota_cores(self) -> float:
        """The quotas of all its replicas together."""
        return round(sum(self.replicas.values()) * REPLICA_CORES, 6)


def probe_s(size: Size) -> float:
    """Seconds that a probe is planned to take, its rest included."""
    rest_s = (_REST_S + _REST_AFTER_FAILURE_S) / 2
    return size.primer_s + size.warmup_s + size.measured_s + TRIAL_OVERHEAD_S + rest_s


@dataclass(frozen=True)
class Prober:
    """Probes one point."""

    ctx: RunContext
    arm: Arm
    size: Size
    slo: Slo

    def search(self, point: Point, guess_rps: float) -> tuple[Bracket, int]:
        """The capacity's bracket and the number of probes it took."""
        guess = Guess(guess_rps, self.size.step, self.size.max_probes, MAX_RPS)
        walk = search(guess)
        rate, probes = next(walk), 0
        while True:
            outcome = self._outcome(point, rate, probes)
            probes += 1
            try:
                rate = walk.send(outcome)
            except StopIteration as end:
                return end.value, probes

    def _outcome(self, point: Point, rate: float, number: int) -> bool | None:
        """Passed, failed, or None where no valid trial could be had."""
        block = point.block * BLOCK + point.level * LEVEL + number
        held = self._recorded(point, rate, block)
        for attempt in range(MAX_REPEATS + 1):
            trial = held.get(attempt)
            if trial is None:
                if attempt and not self.ctx.spend(probe_s(self.size)):
                    return None
                trial = self._probe(point, rate, block, attempt)
            if trial is not None and self._counts(trial):
                return trial.facts["slo_pass"] == 1.0
        return None

    def _counts(self, trial: Trial) -> bool:
        """Valid and judged. In `smoke`, which claims nothing, an invalid trial steers too."""
        steers = trial.status != "invalid" or self.ctx.profile.name == "smoke"
        return steers and "slo_pass" in trial.facts

    def _recorded(self, point: Point, rate: float, block: int) -> dict[int, Trial]:
        wanted = (EXPERIMENT, point.mix, point.name, block, rate)
        return {
            trial.attempt: trial
            for trial in self.ctx.writer.journal.trials
            if (trial.experiment, trial.mix, trial.deployment, trial.block, trial.offered_rps)
            == wanted
        }

    def _probe(self, point: Point, rate: float, block: int, attempt: int) -> Trial | None:
        """Run one probe and store it. None: the load process failed."""
        ctx, size = self.ctx, self.size
        ctx.progress.say(
            f"{point.mix} on {point.name}, block {point.block + 1}, "
            f"{point.quota_cores:g} cores, {rate:g}/s"
        )
        seed = ctx.seed(EXPERIMENT, point.mix, block, attempt)
        spec = ScheduleSpec(point.mix, rate, seed, size.primer_s, size.warmup_s, size.measured_s)
        metered = Metered(self.arm.subject)
        watched = WatchedSubject(metered, self.arm.deployment.database_dsn("orders"))
        key = TrialKey(EXPERIMENT, block, attempt, 0)
        try:
            trial, rows = ctx.bench.run_open(key, watched, build_schedule(spec))
        except LoadError as exc:
            ctx.writer.note(f"{EXPERIMENT} {point.name} {rate:g}/s: {exc}")
            ctx.load.stop()
            ctx.load.start()
            return None
        finally:
            watched.end()
        lags = watched.samples
        window = (trial.measured_from_s, trial.measured_to_s)
        lost = trial.planned - trial.sent
        parts = None if lags is None else judge_slo(rows, window, lost, lags, self.slo)
        gates = gates_of_a_probe(trial.gates)
        done_s = np.asarray(rows.column("done_s"), dtype=float)
        facts = {
            **trial.facts,
            "level": float(point.level),
            "quota_cores": point.quota_cores,
            **self._uses(metered, max(float(done_s.max(initial=0.0)), window[1])),
            **{f"replicas/{name}": float(n) for name, n in point.replicas.items()},
            **(parts or {}),
        }
        status = status_of(gates) if parts is not None else "invalid"
        trial = replace(trial, gates=gates, status=status, facts=facts)
        ctx.writer.add_trial(trial, rows)
        self._rest(passed=facts.get("slo_pass") == 1.0)
        return trial

    def _uses(self, metered: Metered, seconds: float) -> dict[str, float]:
        found = {}
        for use in metered.uses(seconds):
            found[f"use/{use.component}"] = use.use
            found[f"held_back/{use.component}"] = use.held_back
        return found

    def _rest(self, *, passed: bool) -> None:
        """Wait until an overload is digested: outbox empty, breakers closed."""
        time.sleep(_REST_S if passed else _REST_AFTER_FAILURE_S)
        self.arm.subject.settle()


def result_of(point: Point, bracket: Bracket, probes: int) -> dict[str, Any]:
    """A finished search as the settings keep it."""
    return {
        **point.key,
        "replicas": point.replicas,
        "quota_cores": point.quota_cores,
        **asdict(bracket),
        "probes": probes,
    }
