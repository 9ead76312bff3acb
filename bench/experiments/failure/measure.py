"""Runs a failure experiment: probe, then control and fault stretches in every arm.

Every stretch is a trial in the journal; what the report says of faults is counted from its rows.
`shopbench run --help` says how long it takes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import msgspec

from bench.audit.convergence import wait_settled
from bench.deployments.local.home import StateHome
from bench.engine.capacity_probe import MIN_RPS, START_S, closed_loop_rps, two_digits
from bench.engine.conducted_load import ConductedLoad, run_conducted
from bench.engine.gates import shown_only, status_of
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import Attempt, RunContext, Series, run_series, store
from bench.engine.trial import TrialKey
from bench.experiments.failure.deployments import Arm, FaultFleet
from bench.experiments.failure.open_work import OpenWork
from bench.experiments.failure.plan import (
    ARMS,
    EXPERIMENT,
    Cell,
    arms_of,
    cells_of,
    described,
    schedule_of,
    until,
)
from bench.experiments.failure.served_share import what_it_cost
from bench.experiments.failure.spec import OVERLOAD, Spec, load_spec, stored_spec
from bench.experiments.failure.steady import Health
from bench.experiments.failure.stretch import Course, Marks
from bench.faults.catalogue import NotApplicable, plan
from bench.faults.fault_ledger import FaultLedger
from bench.faults.nemesis import Nemesis
from bench.load.generator import ClosedLoop
from bench.registry import Planned
from bench.results.journal import Gate, Trial, TrialStatus

SPECS = {"smoke": "smoke", "quick": "quick", "standard": "standard", "full": "standard"}
PROBE = ClosedLoop(16, 0.5, 2.0)
PROBE_S = PROBE.warmup_s + PROBE.measured_s
BETWEEN_S = 0.8  # planned: probes, what is still open, readings
STEADY_WITHIN_S = 15.0
# What a fault does to a trial on purpose: shown, and no reason to throw it away.
_MEANT = frozenset({"skipped", "not_sent"})


def check(options: RunOptions) -> None:
    """Refuse a spec that cannot be run. Raises ShopbenchError (usage)."""
    if options.own.get("spec"):
        load_spec(options.own["spec"])


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Starts and probes of all arms, and their stretches."""
    spec = wanted_spec(options, profile, settings)
    arms = arms_of(spec, options.deployments or ARMS)
    cells = cells_of(spec, arms)
    stretches_s = sum(_planned_s(profile, spec, cell) for cell in cells) * spec.repetitions
    starts_s = (2 * START_S + PROBE_S) * len(arms)
    return Planned(starts_s + stretches_s, profile.rerun_share * stretches_s)


def run(ctx: RunContext) -> None:
    """Probe once, then run all stretches, as often as the spec says."""
    spec = wanted_spec(ctx.options, ctx.profile, ctx.writer.journal.settings)
    arms = arms_of(spec, ctx.options.deployments or ARMS)
    cells = cells_of(spec, arms)
    own = _own(ctx, spec)
    ctx.fleet.close()  # what another experiment left up would run beside
    _remember(
        own,
        spec=msgspec.to_builtins(spec),
        cells=described(spec, cells),
        arms=[arm.label for arm in arms],
    )
    with FaultFleet(own, spec) as fleet:
        capacity_rps = _capacities(own, fleet, spec, arms)
        stage = Stage(own, fleet, spec, _rate(spec, capacity_rps), capacity_rps)
        stage.run(cells)
    ctx.rerun_budget_s = own.rerun_budget_s


def wanted_spec(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Spec:
    """What the journal says from before a resume, else the user's file or the profile's spec."""
    held = (settings.get(EXPERIMENT) or {}).get("spec")
    if held:
        return stored_spec(held)
    return load_spec(options.own.get("spec") or SPECS.get(profile.name, "smoke"))


def _own(ctx: RunContext, spec: Spec) -> RunContext:
    """The laboratory with the repetitions of the spec."""
    blocks = spec.repetitions
    return replace(ctx, profile=replace(ctx.profile, min_blocks=blocks, max_blocks=blocks))


def _planned_s(profile: Profile, spec: Spec, cell: Cell) -> float:
    start_s = START_S if profile.restart else 0.0
    return start_s + spec.load.warmup_s + spec.stretch_s(cell.group) + BETWEEN_S


def _capacities(
    ctx: RunContext, fleet: FaultFleet, spec: Spec, arms: Sequence[Arm]
) -> dict[str, float]:
    """Right answers a second of each arm in a saturating closed loop, through the proxy."""
    known = dict(ctx.setting(EXPERIMENT).get("capacity_rps", {}))
    for arm in arms:
        if arm.label not in known:
            ctx.progress.say(f"starting and probing {arm.label}")
            known[arm.label] = closed_loop_rps(ctx, fleet.subject(arm), spec.load.mix, PROBE)
            _remember(ctx, capacity_rps=known)
        ctx.progress.done(2 * START_S + PROBE_S)
    return known


def _rate(spec: Spec, capacity_rps: dict[str, float]) -> float:
    """Offered load: one for all arms."""
    wanted = spec.load.rate or spec.load.share * min(capacity_rps.values())
    return max(MIN_RPS, two_digits(wanted))


def _remember(ctx: RunContext, **found: Any) -> None:
    ctx.writer.add_settings(**{EXPERIMENT: {**(ctx.setting(EXPERIMENT) or {}), **found}})


@dataclass(frozen=True)
class Stage:
    """Where stretches are run: all that they share."""

    ctx: RunContext
    fleet: FaultFleet
    spec: Spec
    rate: float
    capacity_rps: dict[str, float]

    def run(self, cells: Sequence[Cell]) -> None:
        """All repetitions; in each, control and faults of both arms in random order."""
        series = [self.series(cell) for cell in cells]
        states = [cell.arm.resilience for cell in cells]

        def order(block: int) -> list[Series]:
            rng = random.Random(self.ctx.seed(EXPERIMENT, "order", block))
            found: list[Series] = []
            for state in self.spec.states():  # one after the other: two arms are up, no more
                own = [each for each, its in zip(series, states, strict=True) if its == state]
                found += rng.sample(own, len(own))
            return found

        run_series(self.ctx, series, order)

    def series(self, cell: Cell) -> Series:
        """The repetitions of one cell."""
        return Series(
            label=f"{cell.experiment} on {cell.arm.label}",
            planned_s=_planned_s(self.ctx.profile, self.spec, cell),
            attempt=lambda block: self._attempt(cell, block),
            key=(cell.experiment, self.spec.load.mix, self.rate),
            names=(cell.arm.label,),
        )

    def _attempt(self, cell: Cell, block: int) -> Attempt:
        def attempt(number: int) -> list[TrialStatus]:
            if self.ctx.profile.restart:
                self.fleet.discard(cell.arm)
            self.ctx.progress.say(f"repetition {block + 1}: {cell.experiment} on {cell.arm.label}")
            if not self._applies(cell):
                return []
            status = self._stretch(cell, block, number)
            said = what_it_cost(self.ctx, cell, self.spec.repetitions)
            if said:
                self.ctx.progress.tell(said)
            return [status]

        return attempt

    def _applies(self, cell: Cell) -> bool:
        """Whether the fault has a twin in this arm; what that is, or why not, is in the journal."""
        if cell.step is None:
            return True
        known = self.ctx.setting(EXPERIMENT)
        if _key(cell) in known.get("not_applicable", {}):
            return False
        with self._nemesis(cell.arm) as nemesis:
            found = plan(cell.step.fault, nemesis.facts())
        kind, text = "does", ""
        if isinstance(found, NotApplicable):
            kind, text = "not_applicable", found.reason
        else:
            text = found.does
        _remember(self.ctx, **{kind: {**known.get(kind, {}), _key(cell): text}})
        return kind == "does"

    def _nemesis(self, arm: Arm) -> Nemesis:
        return Nemesis(self.fleet.deployment(arm), FaultLedger(StateHome.from_environment()))

    def _stretch(self, cell: Cell, block: int, number: int) -> TrialStatus:
        """One trial: hypothesis, load with a fault in it, what is open, hypothesis, rollback."""
        ctx, arm = self.ctx, cell.arm
        subject, steady = self.fleet.subject(arm), self.fleet.steady_state(arm)
        before = steady.wait(STEADY_WITHIN_S)
        # not with the attempt: a repeated fault is held against the same control; a block beyond
        # the last stands in for an earlier one that stayed invalid
        seed = ctx.seed(EXPERIMENT, cell.group, block % self.spec.repetitions)
        capacity_rps = self.capacity_rps[arm.label]
        schedule = schedule_of(self.spec, cell, self.rate, seed, capacity_rps)
        step, at_s = cell.step, self.spec.load.warmup_s + (cell.step.at_s if cell.step else 0.0)
        if not before.steady:
            step, schedule = None, until(schedule, at_s + 1.0)
        with self._nemesis(arm) as nemesis:
            course = Course(step, at_s, steady, nemesis)
            dsns = self.fleet.dsns(arm)
            open_work = OpenWork(dsns["orders"])
            conducted = ConductedLoad(ctx.load, course, open_work)
            key = TrialKey(_file_name(cell), block, number, 0, step is not None)
            trial, rows = run_conducted(key, subject, schedule, conducted)
        left = wait_settled(dsns)
        settled_at = perf_counter()
        after = steady.wait(STEADY_WITHIN_S)
        held = (conducted, course.marks, open_work)
        facts = {**_facts(held, before, after), "settled_s": settled_at - conducted.zero}
        facts |= {"settled": float(left.settled), "open_left": float(sum(left.open_work.values()))}
        if cell.step is not None and cell.step.kind == OVERLOAD:
            facts["capacity_rps"] = self.capacity_rps[arm.label]
        self._roll_back(cell, after)
        trial = judged(
            replace(trial, experiment=cell.experiment, facts={**trial.facts, **facts}),
            faulted=step is not None,
        )
        return store(ctx, (trial, rows))

    def _roll_back(self, cell: Cell, after: Health) -> None:
        """Go on with the same deployment, or with a fresh one."""
        if not after.steady:
            what = f"{cell.experiment} on {cell.arm.label}"
            self.ctx.writer.note(
                f"{what}: not steady {STEADY_WITHIN_S:g} s after the load ended "
                f"({'; '.join(after.broken)}); replaced by a fresh deployment"
            )
        if self.spec.rollback == "fresh" or not after.steady:
            self.fleet.discard(cell.arm)


def judged(trial: Trial, *, faulted: bool) -> Trial:
    """The trial with the gate of the hypothesis; what a fault is meant to do is only flagged."""
    gates = shown_only(trial.gates, _MEANT) if faulted else trial.gates
    steady = trial.facts["steady_before"]
    gate = Gate("steady_state", steady, 1.0, "holds", "pass" if steady == 1.0 else "fail")
    return replace(trial, gates=(*gates, gate), status=status_of((*gates, gate)))


def _facts(
    held: tuple[ConductedLoad, Marks, OpenWork], before: Health, after: Health
) -> dict[str, float]:
    """The moments on the load's clock, and whether the hypothesis held."""
    conducted, marks, open_work = held
    moments = {
        f"{name}_s": value - conducted.zero
        for name in ("injected", "cleared", "undone", "detected", "ready")
        if (value := getattr(marks, name)) is not None
    }
    if marks.injected is not None:
        consistent = open_work.consistent_at(marks.injected)
        if consistent is not None:
            moments["consistent_s"] = consistent - conducted.zero
    return {
        **moments,
        "steady_before": float(before.steady and not marks.unsteady),
        "steady_after": float(after.steady),
        "skipped_visits": float(conducted.skipped_visits),
    }


def _key(cell: Cell) -> str:
    """How the settings name a cell."""
    return f"{cell.experiment} | {cell.arm.label}"


def _file_name(cell: Cell) -> str:
    """The experiment's name without what a file's name should not hold."""
    return "".join(c if c.isalnum() else "-" for c in cell.experiment)
