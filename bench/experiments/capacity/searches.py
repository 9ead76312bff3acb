"""The highest load at which each arm meets the service level, by independent searches.

The arms' searches of one number run interleaved, probe by probe. Every probe is a trial in the
journal with its parts of the objective as facts, so a resumed run replays the probes it has and
goes on. Neighbours: `capacity_search` decides the next load, `slo` judges a probe, `settle_lag`
watches the outbox.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from statistics import geometric_mean

import msgspec
import pyarrow as pa

from bench.engine.capacity_search import Bracket, Guess, search
from bench.engine.gates import status_of
from bench.engine.run_context import RunContext, store
from bench.engine.settle_lag import WatchedSubject
from bench.engine.slo import MAX_RPS, Slo, gates_of_a_probe, judge_slo
from bench.engine.trial import TrialKey
from bench.experiments.capacity.plan import EXPECTED_PROBES, Course, probe_spec
from bench.experiments.capacity.records import (
    CAPACITY,
    SEARCHES,
    SearchEnd,
    capacity_verdicts,
    known_capacity_rps,
    searches_in,
    told,
)
from bench.experiments.capacity.rest import rest
from bench.load.generator import LoadError
from bench.load.schedule import build_schedule
from bench.results.journal import Trial

SEARCHES_BLOCK = 1_000  # trial.block = search * 1,000 + number of the probe
MAX_REPEATS = 2
_START_SHARE = 0.9  # of what a closed loop reached


def search_all(ctx: RunContext, course: Course, mix: str, slo: Slo) -> None:
    """All searches of a mix, then the verdicts."""
    for number in range(course.size.searches):
        order = list(course.arms)
        random.Random(ctx.seed(CAPACITY, mix, number, "order")).shuffle(order)
        goals = [Goal(name, mix, number, first_rps(ctx, course, mix, name)) for name in order]
        walks = [Walk(ctx, course, goal, slo) for goal in goals]
        while any([walk.advance() for walk in walks]):
            pass
    for verdict in capacity_verdicts(ctx.writer.journal):
        if verdict.id.startswith(f"{CAPACITY}/{mix}/"):
            ctx.progress.tell(told(verdict))


def first_rps(ctx: RunContext, course: Course, mix: str, name: str) -> float:
    """Where the next search begins: near what the searches before found, else saturation.

    Drawn anew within a step each time: otherwise all searches would probe the same loads, and
    their brackets would agree better than the capacity is known.
    """
    ends = [end for end in searches_in(ctx.writer.journal.settings) if end.mix == mix]
    own = [end for end in ends if end.deployment == name]
    middles = [end.middle_rps for end in own if end.middle_rps is not None]
    if middles:
        guess = geometric_mean(middles)
    else:
        known = known_capacity_rps(ctx.writer.journal, mix, name)
        guess = _START_SHARE * known[0] if known else 100.0
    draw = random.Random(ctx.seed(CAPACITY, mix, name, len(own)))
    return float(f"{guess * course.size.step ** draw.uniform(-0.5, 0.5):.3g}")


@dataclass(frozen=True)
class Goal:
    """Which search: its deployment, mix, number (from 0) and first load."""

    name: str
    mix: str
    number: int
    start_rps: float


class Walk:
    """One search in one arm and mix: runs or replays a probe at each `advance`."""

    def __init__(self, ctx: RunContext, course: Course, goal: Goal, slo: Slo) -> None:
        self._ctx, self._course, self._goal, self._slo = ctx, course, goal, slo
        size = course.size
        self._rate: float | None = None
        self._probes = 0
        self._fresh = self._late = False
        if not self._held():
            guess = Guess(goal.start_rps, size.step, size.max_probes, MAX_RPS)
            self._search = search(guess)
            self._rate = next(self._search)

    def advance(self) -> bool:
        """Probe once; return whether the search goes on."""
        if self._rate is None:
            return False
        outcome = self._outcome(self._rate, self._goal.number * SEARCHES_BLOCK + self._probes)
        self._probes += 1
        try:
            self._rate = self._search.send(outcome)
        except StopIteration as end:
            self._rate = None
            self._finish(end.value)
        return self._rate is not None

    def _held(self) -> bool:
        """Whether the journal has its end; then nothing of it is planned any more."""
        key = (self._goal.mix, self._goal.name, self._goal.number)
        ends = searches_in(self._ctx.writer.journal.settings)
        held = any((end.mix, end.deployment, end.search) == key for end in ends)
        if held:
            self._ctx.progress.drop(self._course.search_s)
        return held

    def _outcome(self, rate: float, block: int) -> bool | None:
        """Passed, failed, or None where no valid trial could be had."""
        held = self._recorded(block, rate)
        for attempt in range(MAX_REPEATS + 1):
            trial = held.get(attempt)
            if trial is None:
                if not self._affordable(attempt):
                    return None
                trial = self._probe(rate, block, attempt)
            if trial is not None and self._counts(trial):
                return trial.facts["slo_pass"] == 1.0
        return None

    def _affordable(self, attempt: int) -> bool:
        """Whether the time limit and, for a repetition, the budget leave room for a probe."""
        seconds = self._course.probe_s
        self._late = not self._ctx.has_time(seconds)
        if self._late or (attempt and not self._ctx.spend(seconds)):
            return False
        self._ctx.progress.plan(seconds if attempt else 0.0)
        return True

    def _counts(self, trial: Trial) -> bool:
        """Valid and judged. In `smoke`, which claims nothing, an invalid trial steers too."""
        steers = trial.status != "invalid" or self._ctx.profile.name == "smoke"
        return steers and "slo_pass" in trial.facts

    def _recorded(self, block: int, rate: float) -> dict[int, Trial]:
        wanted = (CAPACITY, self._goal.mix, self._goal.name, block, rate)
        return {
            trial.attempt: trial
            for trial in self._ctx.writer.journal.trials
            if (trial.experiment, trial.mix, trial.deployment, trial.block, trial.offered_rps)
            == wanted
        }

    def _probe(self, rate: float, block: int, attempt: int) -> Trial | None:
        """Run one probe, store it, leave no backlog behind. None: the load process failed."""
        ctx, goal = self._ctx, self._goal
        label = f"search {goal.number + 1}, {goal.mix} at {rate:g}/s on {goal.name}"
        ctx.progress.say(label)
        if not self._fresh:
            ctx.fleet.as_new(goal.name, ctx.options.shop_seed)
            ctx.progress.done(self._course.first_state_s)
        self._fresh = True
        seed = ctx.seed(CAPACITY, goal.mix, block, attempt)
        schedule = build_schedule(probe_spec(self._course.size, goal.mix, rate, seed))
        subject = ctx.fleet.current(goal.name)
        watched = WatchedSubject(subject, ctx.fleet.deployment(goal.name).database_dsn("orders"))
        try:
            trial, rows = ctx.bench.run_open(
                TrialKey(CAPACITY, block, attempt, 0), watched, schedule
            )
        except LoadError as exc:
            ctx.writer.note(f"{label}: {exc}")
            ctx.load.stop()
            ctx.load.start()
            return None
        finally:
            watched.end()
        trial = self._judged(trial, rows, watched)
        store(ctx, (trial, rows))
        rest(ctx, subject, overloaded=trial.facts.get("slo_pass") != 1.0)
        ctx.progress.done(self._course.probe_s)
        return trial

    def _judged(self, trial: Trial, rows: pa.Table, watched: WatchedSubject) -> Trial:
        window = (trial.measured_from_s, trial.measured_to_s)
        lags = watched.samples
        lost = trial.planned - trial.sent
        # An outbox that could not be read is never a pass: the probe is not judged.
        parts = None if lags is None else judge_slo(rows, window, lost, lags, self._slo)
        facts = {
            **trial.facts,
            "search": float(self._goal.number),
            "probe": float(self._probes),
            **(parts or {}),
        }
        gates = gates_of_a_probe(trial.gates)
        status = status_of(gates) if parts is not None else "invalid"
        return replace(trial, gates=gates, status=status, facts=facts)

    def _finish(self, bracket: Bracket) -> None:
        ctx, goal = self._ctx, self._goal
        ctx.progress.drop((EXPECTED_PROBES - self._probes) * self._course.probe_s)
        reason = "the time limit was reached" if self._late else bracket.reason
        end = SearchEnd(
            goal.mix,
            goal.name,
            goal.number,
            bracket.low_rps,
            bracket.high_rps,
            bracket.closed,
            reason,
            self._probes,
        )
        others = searches_in(ctx.writer.journal.settings)
        ctx.writer.add_settings(**{SEARCHES: msgspec.to_builtins([*others, end])})
