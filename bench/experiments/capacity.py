"""The highest load at which each deployment meets the service level, by independent searches.

Every probe is a trial in the journal with its parts of the objective as facts, so a resumed run
replays the probes it has and goes on. A probe that a gate of the bench or the machine makes
invalid does not count: it is repeated. Neighbours: `capacity_search` decides the next load,
`slo` judges a probe, `settle_lag` watches the outbox.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from bench.experiments.capacity_search import Bracket, Limits, Step, search
from bench.experiments.gates import status_of
from bench.experiments.laboratory import TRIAL_OVERHEAD_S, Laboratory
from bench.experiments.options import Profile
from bench.experiments.probing import closed_loop_rps, prime, start_seconds
from bench.experiments.settle_lag import WatchedSubject
from bench.experiments.slo import Slo, judge_slo
from bench.experiments.subject import DeploymentSubject
from bench.experiments.trial import TrialKey
from bench.journal import Gate, Trial
from bench.load.generator import LoadError
from bench.load.schedule import ScheduleSpec, build_schedule

EXPERIMENT = "capacity"
ARMS = ("monolith", "microservices")
MIXES = ("mixed",)
START_SHARE = 0.6  # of what the closed loop reached: passes, and twice as much fails
MAX_RPS = 6_000.0  # the generator's own limit on one core, with room to spare
SEARCHES_BLOCK = 1_000  # trial.block = search * 1,000 + number of the probe
MAX_REPEATS = 2
EXPECTED_PROBES = 9
RESET_S = 2.5
_REST_S, _REST_AFTER_FAILURE_S = 0.3, 1.3  # a circuit breaker stays open for 1 s
_SETTLE_TRIES = 3
# Judged by the objective itself: in overload it says something of the deployment.
_JUDGED_BY_SLO = {"skipped"}


@dataclass(frozen=True)
class Size:
    """How many searches with probes of which length, in seconds."""

    searches: int
    primer_s: float
    warmup_s: float
    measured_s: float
    max_probes: int


SIZES = {
    "smoke": Size(1, 0.1, 0.2, 0.8, 12),
    "quick": Size(1, 0.1, 0.4, 2.3, 14),
    "standard": Size(3, 1.0, 5.0, 18.0, 20),
    "full": Size(5, 2.0, 10.0, 30.0, 24),
}


def run(lab: Laboratory) -> None:
    """Search in each mix, the deployments' searches interleaved probe by probe."""
    names = lab.options.deployments or ARMS
    mixes = lab.options.mixes or MIXES
    size = SIZES.get(lab.profile.name, SIZES["smoke"])
    slo = Slo(p95_ms=float(lab.setting("slo_ms")))
    lab.writer.add_settings(slo=asdict(slo), capacity_windows_s=size.measured_s)
    lab.fleet.on_fresh(lambda subject: prime(lab, subject))
    rounds = len(mixes) * len(names) * size.searches
    planned_s = rounds * (RESET_S + EXPECTED_PROBES * _probe_s(lab.profile, size))
    lab.progress.plan(planned_s)
    lab.rerun_budget_s += lab.profile.rerun_share * planned_s
    for mix in mixes:
        starts = {name: _start_rps(lab, name, mix) for name in names}
        for number in range(size.searches):
            order = names if number % 2 == 0 else names[::-1]
            goals = [_Goal(name, mix, number, starts[name]) for name in order]
            walks = [_Walk(lab, goal, size, slo) for goal in goals]
            while any([walk.advance() for walk in walks]):
                pass
    for name in names:  # whatever is measured next meets the shop as it was
        lab.fleet.reset(name, lab.options.shop_seed)


def _probe_s(profile: Profile, size: Size) -> float:
    """Planned seconds of one probe, with the start of a fresh deployment where each gets one."""
    seconds = size.primer_s + size.warmup_s + size.measured_s
    seconds += start_seconds(profile) if profile.restart else 0.0
    return seconds + TRIAL_OVERHEAD_S + (_REST_S + _REST_AFTER_FAILURE_S) / 2


def _start_rps(lab: Laboratory, name: str, mix: str) -> float:
    """Where the searches begin: what the journal says, else a share of a closed loop's rate."""
    starts = lab.setting("capacity_start_rps") or {}
    known = starts.get(mix, {}).get(name)
    if known is None:
        probed = (lab.setting("capacity_rps") or {}).get(mix, {}).get(name)
        known = float(f"{START_SHARE * (probed or _probed_rps(lab, name, mix)):.3g}")
        starts = {**starts, mix: {**starts.get(mix, {}), name: known}}
        lab.writer.add_settings(capacity_start_rps=starts)
    return float(known)


def _probed_rps(lab: Laboratory, name: str, mix: str) -> float:
    lab.progress.say(f"probing {name}: {mix}")
    return closed_loop_rps(lab, lab.fleet.subject(name), mix)


@dataclass(frozen=True)
class _Goal:
    """Which search: its deployment, mix, number (from 0) and first load."""

    name: str
    mix: str
    number: int
    start_rps: float


class _Walk:
    """One search in one deployment and mix: runs or replays a probe at each `advance`."""

    def __init__(self, lab: Laboratory, goal: _Goal, size: Size, slo: Slo) -> None:
        self._lab, self._goal, self._size, self._slo = lab, goal, size, slo
        self._search = search(Limits(goal.start_rps, MAX_RPS, max_probes=size.max_probes))
        self._step: Step | None = next(self._search)
        self._probes = 0
        self._fresh = self._late = False

    def advance(self) -> bool:
        """Probe once; return whether the search goes on."""
        if self._step is None:
            return False
        outcome = self._outcome(self._step, self._goal.number * SEARCHES_BLOCK + self._probes)
        self._probes += 1
        try:
            self._step = self._search.send(outcome)
        except StopIteration as end:
            self._step = None
            self._finish(end.value)
        return self._step is not None

    def _outcome(self, step: Step, block: int) -> bool | None:
        """Passed, failed, or None where no valid trial could be had."""
        held = self._recorded(block, step)
        for attempt in range(MAX_REPEATS + 1):
            trial = held.get(attempt)
            if trial is None:
                if not self._affordable(attempt):
                    return None
                trial = self._probe(step, block, attempt)
            if trial is not None and self._counts(trial):
                return trial.facts["slo_pass"] == 1.0
        return None

    def _affordable(self, attempt: int) -> bool:
        """Whether the time limit and, for a repetition, the budget leave room for a probe."""
        seconds = _probe_s(self._lab.profile, self._size)
        self._late = not self._lab.has_time(seconds)
        if self._late or (attempt and not self._lab.spend(seconds)):
            return False
        self._lab.progress.plan(seconds if attempt else 0.0)
        return True

    def _counts(self, trial: Trial) -> bool:
        """Valid and judged. In `smoke`, which claims nothing, an invalid trial steers too."""
        steers = trial.status != "invalid" or self._lab.profile.name == "smoke"
        return steers and "slo_pass" in trial.facts

    def _recorded(self, block: int, step: Step) -> dict[int, Trial]:
        wanted = (EXPERIMENT, self._goal.mix, self._goal.name, block, step.offered_rps)
        return {
            trial.attempt: trial
            for trial in self._lab.writer.journal.trials
            if (trial.experiment, trial.mix, trial.deployment, trial.block, trial.offered_rps)
            == wanted
        }

    def _probe(self, step: Step, block: int, attempt: int) -> Trial | None:
        """Run one probe, store it, leave no backlog behind. None: the load process failed."""
        lab, size = self._lab, self._size
        if not self._fresh and not lab.profile.restart:
            lab.fleet.reset(self._goal.name, lab.options.shop_seed)
        self._fresh = True
        label = f"search {self._goal.number + 1}, {step.phase} {step.offered_rps:g}/s"
        lab.progress.say(f"{EXPERIMENT}: {self._goal.mix} on {self._goal.name}, {label}")
        seed = lab.seed(EXPERIMENT, self._goal.mix, block, attempt)
        spec = ScheduleSpec(
            self._goal.mix, step.offered_rps, seed, size.primer_s, size.warmup_s, size.measured_s
        )
        subject = lab.fleet.subject(self._goal.name)
        watched = WatchedSubject(
            subject, lab.fleet.deployment(self._goal.name).database_dsn("orders")
        )
        key = TrialKey(EXPERIMENT, block, attempt, 0)
        try:
            trial, rows = lab.bench.run_open(key, watched, build_schedule(spec))
        except LoadError as exc:
            lab.writer.note(f"{EXPERIMENT} {self._goal.name} {label}: {exc}")
            lab.load.stop()
            lab.load.start()
            return None
        finally:
            watched.end()
        trial = self._judged(trial, rows, watched, step)
        lab.writer.add_trial(trial, rows)
        lab.progress.done(_probe_s(lab.profile, size))
        self._rest(subject, passed=trial.facts.get("slo_pass") == 1.0)
        return trial

    def _judged(self, trial: Trial, rows: pa.Table, watched: WatchedSubject, step: Step) -> Trial:
        window = (trial.measured_from_s, trial.measured_to_s)
        lags = watched.samples
        lost = trial.planned - trial.sent
        # An outbox that could not be read is never a pass: the probe is not judged.
        parts = None if lags is None else judge_slo(rows, window, lost, lags, self._slo)
        facts = {
            **trial.facts,
            "search": float(self._goal.number),
            "probe": float(self._probes),
            "confirm": float(step.phase == "confirm"),
            **(parts or {}),
        }
        gates = gates_of_a_probe(trial.gates)
        status = status_of(gates) if parts is not None else "invalid"
        return replace(trial, gates=gates, status=status, facts=facts)

    def _rest(self, subject: DeploymentSubject, *, passed: bool) -> None:
        """Wait until an overload is digested: outbox empty, breakers closed."""
        time.sleep(_REST_S if passed else _REST_AFTER_FAILURE_S)
        left = [subject.settle()]
        while left[-1] and len(left) < _SETTLE_TRIES:
            left.append(subject.settle())
        if left[-1]:
            text = (
                f"{EXPERIMENT}: {self._goal.name} had {left[-1]} undelivered events after a probe"
            )
            self._lab.writer.note(text)

    def _finish(self, bracket: Bracket) -> None:
        self._lab.progress.drop(
            (EXPECTED_PROBES - self._probes) * _probe_s(self._lab.profile, self._size)
        )
        key = {"mix": self._goal.mix, "deployment": self._goal.name, "search": self._goal.number}
        held = self._lab.setting("capacity_searches") or []
        others = [each for each in held if {name: each[name] for name in key} != key]
        if self._late:
            bracket = replace(bracket, reason="the time limit was reached")
        found = {**key, **asdict(bracket), "probes": self._probes}
        self._lab.writer.add_settings(capacity_searches=[*others, found])


def gates_of_a_probe(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Skips of an overloaded deployment are its result, no fault of the bench."""
    return tuple(
        replace(gate, outcome="flag")
        if gate.outcome == "fail" and gate.name in _JUDGED_BY_SLO
        else gate
        for gate in gates
    )
