"""Each gate that invalidates or finds wrong answers, tripped on purpose and left alone without.

Swap and a set clock cannot be caused from inside a machine by everybody, and the selftest has no
two services that differ in a visit's course: those gates are fed, and the table says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.deployments.base import UpOptions
from bench.deployments.places import open_at
from bench.engine.gates import LAG_GOOD_MS, Observed, Window, judge
from bench.engine.meters import Reading, clock_step_ms, swapped
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import TRIAL_OVERHEAD_S, RunContext, store
from bench.engine.trial import TrialKey
from bench.experiments.selftest.cases import (
    CASES,
    END_S,
    TRIAL_MEASURED_S,
    TRIAL_PRIMER_S,
    TRIAL_WARMUP_S,
    Case,
    Setup,
)
from bench.experiments.selftest.publish import publish
from bench.experiments.selftest.record import Outcome, judged
from bench.experiments.selftest.reference import reference_server, units_per_ms
from bench.load.generator import LoadError
from bench.load.plan import Visit
from bench.load.schedule import Schedule, ScheduleSpec, build_schedule
from bench.registry import Planned
from bench.results.journal import ON_PURPOSE, Gate, GateOutcome

PART, EXPERIMENT = "gates", "selftest-gates"
MIX = "product_read"
TRIES = 3  # what the machine does meanwhile can spoil a trial
PAIR_S = 2 * (END_S + TRIAL_OVERHEAD_S + 0.5)  # with the start of both servers
FED = "fed readings"
BUDGET, BUDGET_S = "cpu_budget", 10.0


@dataclass(frozen=True)
class Tripped:
    """How a gate stood with and without the disturbance. `tries`: trials it took to show."""

    gate: str
    how: str
    expected: GateOutcome
    disturbed: Gate
    control: Gate
    tries: int

    @property
    def works(self) -> bool:
        """Tripped by the disturbance, passed without it."""
        return self.disturbed.outcome == self.expected and self.control.outcome == "pass"


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Every case twice, and the load's budget."""
    return Planned(len(CASES) * PAIR_S + BUDGET_S)


def run(ctx: RunContext) -> None:
    """Trip every gate; judge."""
    ctx.progress.say("calibrating the reference server")
    per_ms = units_per_ms(ctx)
    results = [_tripped(ctx, number, case, per_ms) for number, case in enumerate(CASES)]
    results += [*fed(), _budget(ctx)]
    outcomes = [_outcome(ctx, result) for result in results]
    publish(ctx, PART, outcomes, {"gates": [asdict(each) for each in results]})


def fed() -> list[Tripped]:
    """The gates fed readings in which it happened, and in which it did not."""
    first = Reading(0.0, 50.0, 1.0, 0.0, 1.0, 100.0, 10)
    calm = replace(first, at=1.0, wall_s=51.0, all_cpu_s=2.0, all_states_s=102.0)
    well = _seen(first, calm)
    return [
        _fed("swap", well, _seen(first, replace(calm, swapped_pages=13))),
        _fed("clock_step", well, _seen(first, replace(calm, wall_s=51.5))),
        _fed("diverged", well, replace(well, diverged=0.02)),
    ]


def _budget(ctx: RunContext) -> Tripped:
    """A deployment started without CPUs of its own is known to be uncontrolled."""
    ctx.progress.say("a deployment without a CPU budget")
    cpus = tuple(ctx.writer.journal.settings["cpus"])
    disturbed, control = (_controlled(ctx, given) for given in ((), cpus))
    ctx.progress.done(BUDGET_S)
    how = "a deployment started without a budget; the run would be stamped uncontrolled"
    return Tripped(BUDGET, how, "fail", disturbed, control, 1)


def _controlled(ctx: RunContext, cpus: tuple[int, ...]) -> Gate:
    options = UpOptions(seed=ctx.options.shop_seed, cpus=cpus)
    with open_at(ctx.options.place, "modular", options=options) as deployment:
        without = deployment.cpu_control == "uncontrolled"
    return Gate(BUDGET, float(without), 0.0, "deployments", "fail" if without else "pass")


def _fed(name: str, well: Observed, bad: Observed) -> Tripped:
    control, disturbed = (
        next(gate for gate in judge(seen) if gate.name == name) for seen in (well, bad)
    )
    return Tripped(name, FED, "fail", disturbed, control, 0)


def _seen(first: Reading, last: Reading) -> Observed:
    """A trial in which all is well but what two readings say."""
    window = Window(1.0, 100, (), 100, 100, LAG_GOOD_MS / 2, 0.5, 0.5)
    return Observed(
        loop="open",
        window=window,
        planned=100,
        sent=100,
        abandoned=0,
        skipped=0,
        schema_violations=0,
        generator_cpu=0.1,
        foreign_cpu=0.0,
        steal=0.0,
        swapped_pages=swapped(first, last),
        clock_step_ms=clock_step_ms(first, last),
        outbox_left=0,
        diverged=0.0,
    )


def _tripped(ctx: RunContext, number: int, case: Case, per_ms: float) -> Tripped:
    """Run both trials until the gate has shown itself, or there have been enough."""
    disturbed, first = _until(ctx, number, case, case.expected, per_ms)
    control, second = _until(ctx, number, case, "pass", per_ms)
    ctx.progress.done(PAIR_S)
    return Tripped(case.gate, case.how, case.expected, disturbed, control, first + second)


def _until(
    ctx: RunContext, number: int, case: Case, wanted: GateOutcome, per_ms: float
) -> tuple[Gate, int]:
    """Return the gate and the number of trials made."""
    setup = case.control if wanted == "pass" else case.disturbed
    kind = "undisturbed" if wanted == "pass" else "disturbed"
    name = f"{case.gate}-{kind}"
    before = [
        trial
        for trial in ctx.writer.journal.trials
        if (trial.experiment, trial.deployment) == (EXPERIMENT, name)
    ]
    gates = [gate for trial in before for gate in trial.gates if gate.name == case.gate]
    while len(gates) < TRIES and (not gates or gates[-1].outcome != wanted):
        ctx.progress.say(f"gate {case.gate}, {kind}")
        key = TrialKey(EXPERIMENT, number, len(gates), 0)
        try:
            gates.append(_trial(ctx, name, setup, per_ms, key))
        except LoadError as exc:  # the trial loop's border: the gate said nothing
            ctx.writer.note(f"{name}, attempt {len(gates)}: {exc}")
            ctx.load.stop()
            ctx.load.start()
            gates.append(Gate(case.gate, None, None, "", "flag"))
    return gates[-1], len(gates)


def _trial(ctx: RunContext, name: str, setup: Setup, per_ms: float, key: TrialKey) -> Gate:
    behaviour = replace(setup.behaviour, spin=round(setup.spin_ms * per_ms))
    seed = ctx.seed(EXPERIMENT, key.block, key.attempt)
    schedule = _schedule(ctx, setup, seed)
    with reference_server(ctx, name, behaviour) as server:
        server.known = int(setup.known * ctx.options.shop_seed.users)
        trial, rows = ctx.bench.run_open(key, server, schedule)
    store(ctx, (replace(trial, facts={**trial.facts, ON_PURPOSE: 1.0}), rows))
    gate_name = name.rpartition("-")[0]
    return next(gate for gate in trial.gates if gate.name == gate_name)


def _schedule(ctx: RunContext, setup: Setup, seed: int) -> Schedule:
    times = (TRIAL_PRIMER_S, TRIAL_WARMUP_S, TRIAL_MEASURED_S)
    schedule = build_schedule(ScheduleSpec(MIX, setup.offered_rps, seed, *times))
    if not setup.then:
        return schedule
    visits = [
        Visit(visit.due_s, setup.then if at % 2 else visit.journey, visit.number)
        for at, visit in enumerate(schedule.visits)
    ]
    return replace(schedule, visits=visits)


def _outcome(ctx: RunContext, result: Tripped) -> Outcome:
    where = "fails" if result.expected == "fail" else "flags"
    return Outcome(
        f"gate {result.gate.replace('_', ' ')}",
        f"{result.disturbed.outcome} disturbed, {result.control.outcome} without",
        f"{where} disturbed, pass without",
        judged(result.works, ctx.profile.name),
        f"{result.how}; {result.tries} trials" if result.tries else result.how,
    )
