"""One stretch of load: which acts belong to it, and the trial and the records it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from bench.engine.conducted_load import ConductedLoad, run_conducted
from bench.engine.gates import shown_only, status_of
from bench.engine.run_context import RunContext, store
from bench.engine.trial import TrialKey
from bench.experiments.redeploy.acts import (
    lock_table,
    never_ready,
    release,
    side_by_side,
    without_drain,
    wrong_answers,
)
from bench.experiments.redeploy.counting import counted, quiet_visits, told
from bench.experiments.redeploy.course import Act, ReleaseCourse
from bench.experiments.redeploy.migration import COLUMN, TABLE, Migration
from bench.experiments.redeploy.records import (
    EXPERIMENT,
    GATEWAY,
    MIX,
    MONOLITH,
    OWNER,
    SECOND,
    SINGLE,
    TROUBLE,
    TWO,
    Change,
    Held,
    held_in,
    trial_name,
)
from bench.experiments.redeploy.sizes import Size, released
from bench.experiments.redeploy.stand import Stand
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.results.journal import Gate, GateOutcome, Trial, TrialStatus

LONGEST_ACT_S = 45.0  # the driver's own limit to get ready, and to drain
UNQUIET_LIMIT = 0.1  # of its visits fail or are slow: then nothing later says what a release did
# What a release does to a trial on purpose: shown, and no reason to throw it away.
_MEANT = frozenset({"skipped", "not_sent"})


@dataclass(frozen=True)
class Stretches:
    """Runs stretches at one rate, the same visits in both arms."""

    ctx: RunContext
    stand: Stand
    size: Size
    rate_rps: float

    def run(self, kind: str, name: str, block: int, attempt: int) -> TrialStatus:
        """One stretch of a kind on a deployment; what it found is in the journal afterwards."""
        if kind == SECOND:
            self.stand.scaled_and_warm(name)
        subject = self.stand.subject(name)
        acts = self.acts(kind, name, block)
        size = self.size
        course = ReleaseCourse(self.stand.deployment(name), acts, size.warmup_s, size.quiet_s)
        longest_s = size.quiet_s + LONGEST_ACT_S * len(acts)
        seed = self.ctx.seed(EXPERIMENT, kind, block)
        spec = ScheduleSpec(MIX, self.rate_rps, seed, 0.0, size.warmup_s, longest_s)
        conducted = ConductedLoad(self.ctx.load, course, stops=True)
        key = TrialKey(f"{EXPERIMENT}-{kind}", block, attempt, 0, beyond_capacity=True)
        trial, rows = run_conducted(key, subject, build_schedule(spec), conducted)
        changes = course.changes(conducted.zero, subject.name, block, trial.trial_id)
        remember_changes(self.ctx, changes)
        slo_ms = float(self.ctx.setting("slo_ms"))
        visits, failed, slow = quiet_visits(rows, changes[0], slo_ms)
        trial = judged(
            replace(trial, experiment=trial_name(kind)),
            cut_off=course.cut_off,
            unquiet=(failed + slow) / max(1, visits),
        )
        status = store(self.ctx, (trial, rows))
        for found in counted(rows, changes, slo_ms):
            self.ctx.progress.tell(f"redeploy: {told(found)}")
        return status

    def acts(self, kind: str, name: str, block: int) -> list[Act]:
        """What is done in a stretch, in its order."""
        if kind == SINGLE:
            names = released(name, block, self.size, self.ctx.seed(EXPERIMENT, "turns"))
            return [self._release(name, each, beside=_has_second(each)) for each in names]
        return self._trouble(name) if kind == TROUBLE else self._second(name)

    def _release(self, name: str, component: str, *, beside: bool) -> Act:
        deployment = self.stand.deployment(name)
        return Act("release", component, lambda: release(deployment, component, beside=beside))

    def _trouble(self, name: str) -> list[Act]:
        """Bad releases, and the planted ones by which this experiment shows that it can see."""
        deployment, size = self.stand.deployment(name), self.size
        owner = MONOLITH if name == MONOLITH else OWNER
        beside = _has_second(owner)
        dsn = deployment.database_dsn(OWNER)
        return [
            Act("never ready", owner, lambda: never_ready(deployment, owner, size.ready_s)),
            Act(
                "wrong answers",
                owner,
                lambda: wrong_answers(deployment, owner, size.notice_s, beside=beside),
            ),
            Act("no drain", owner, lambda: without_drain(deployment, owner)),
            Act("lock", owner, lambda: lock_table(dsn, TABLE, COLUMN)),
        ]

    def _second(self, name: str) -> list[Act]:
        """With a second endpoint of everything: a release, two versions at once, a migration."""
        deployment, size = self.stand.deployment(name), self.size
        public, owner = (MONOLITH, MONOLITH) if name == MONOLITH else (GATEWAY, OWNER)
        rolled = [self._release(name, public, beside=True)]
        if not size.migrates:
            return rolled
        return [
            *rolled,
            Act("side by side", owner, lambda: side_by_side(deployment, owner, size.beside_s)),
            *Migration(deployment, owner).acts(),
        ]


def judged(trial: Trial, *, cut_off: bool, unquiet: float) -> Trial:
    """The trial with two gates of its own: the shop serves before anything is done to it, and the
    load lasts longer than what is done. `unquiet`: share of bad visits in the quiet window.
    """
    quiet: GateOutcome = "fail" if unquiet > UNQUIET_LIMIT else "pass"
    gates = (
        *shown_only(trial.gates, _MEANT),
        Gate("quiet_window", unquiet, UNQUIET_LIMIT, "share", quiet),
        Gate("load_outlasts", float(cut_off), 0.0, "acts", "fail" if cut_off else "pass"),
    )
    return replace(trial, gates=gates, status=status_of(gates))


def remember_changes(ctx: RunContext, changes: Sequence[Change]) -> None:
    """Keep what was done; a stretch that is run again replaces what it left before."""
    trials = {change.trial_id for change in changes}
    before = held_in(ctx.setting(EXPERIMENT))
    kept = [change for change in before.changes if change.trial_id not in trials]
    remember(ctx, replace(before, changes=(*kept, *changes)))


def remember(ctx: RunContext, held: Held) -> None:
    """Write the records into the journal's settings."""
    ctx.writer.add_settings(**{EXPERIMENT: msgspec.to_builtins(held)})


def _has_second(component: str) -> bool:
    """Whether its callers know a second endpoint: of the process with the public port none do."""
    return component not in {MONOLITH, GATEWAY}


def label_of(kind: str, name: str) -> str:
    """The name of a deployment in the results of a kind of stretch."""
    return TWO[name] if kind == SECOND else name
