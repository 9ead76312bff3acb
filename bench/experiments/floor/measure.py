"""The floor: each arm against a bare handler of its own framework that runs the same SQL.

One core, closed loop at saturation, short windows of arm and bare handler in turn: what slows the
machine slows both of a pair. It shows that neither arm is a straw man: an arm should reach 0.6 of
the rate its framework, server and SQL allow at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.engine.deployment_pool import start_together
from bench.engine.first_answers import FIRST_ANSWERS_S, check_first_answers
from bench.engine.gates import status_of
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import (
    TRIAL_OVERHEAD_S,
    Attempt,
    RunContext,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.engine.statements import count_statements
from bench.engine.trial import TrialKey
from bench.experiments.floor.floor_sides import DEPLOYMENTS, SOURCES, Comparison, comparisons_of
from bench.experiments.floor.windows import LIMIT, Basis, reached
from bench.load.generator import ClosedLoop
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.registry import Planned
from bench.results.journal import Trial, TrialStatus
from bench.stats.errors import StatisticsError
from bench.stats.paired import paired_ratio
from bench.stats.verdicts import decide_share

EXPERIMENT = "floor"
TARGET, BOUND = 0.6, 0.55
CLIENTS = 12
COMPARISONS = 6
START_S, SQL_S = 14.0, 1.3  # planned: deployments and bare handlers; counting one side


@dataclass(frozen=True)
class Size:
    """How many pairs of windows, and seconds of a window. `counts`: SQL statements as well."""

    pairs: int
    warmup_s: float
    measured_s: float
    counts: bool

    @property
    def pair_s(self) -> float:
        """Planned seconds of two windows."""
        return 2 * (self.warmup_s + self.measured_s + TRIAL_OVERHEAD_S)


SIZES = {
    "smoke": Size(2, 0.1, 0.3, False),
    "quick": Size(7, 0.12, 0.35, False),
    "standard": Size(20, 0.25, 1.5, True),
    "full": Size(40, 0.25, 2.0, True),
}


def run(ctx: RunContext) -> None:
    """Start both sides of all comparisons, look at their first answers, measure in turns."""
    size = SIZES[ctx.profile.name]
    ctx.fleet.close()  # what another experiment left up would run beside
    ctx.progress.say("starting what the floor compares")
    openers = {name: ctx.fleet.opener(name) for name in DEPLOYMENTS}
    with start_together(openers, DEPLOYMENTS) as pool, ExitStack() as stack:
        if any(each.cpu_control == "uncontrolled" for each in pool.members.values()):
            ctx.writer.mark_uncontrolled("this machine allows no CPU budget: uncontrolled")
        comparisons = comparisons_of(ctx, pool.members, stack)
        ctx.progress.done(START_S)
        ctx.writer.add_settings(floor=[asdict(_described(each)) for each in comparisons])
        for each in comparisons:
            _prepare(ctx, each, size)
        blocks = replace(ctx.profile, min_blocks=size.pairs, max_blocks=size.pairs)
        inner = replace(ctx, profile=blocks)
        run_series(inner, [_series(ctx, each, size) for each in comparisons])
    for each in comparisons:
        ctx.progress.tell(f"floor: {sentence(ctx, each)}")


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """First answers and windows of both sides of all comparisons."""
    size = SIZES[profile.name]
    once_s = FIRST_ANSWERS_S + (SQL_S if size.counts else 0.0)
    return Planned(START_S + COMPARISONS * (2 * once_s + size.pairs * size.pair_s))


def sentence(ctx: RunContext, pair: Comparison) -> str:
    """What the windows say of a comparison, in plain words."""
    found = reached(_whole_pairs(ctx, pair))
    named = f"{pair.operation.replace('_', ' ')} on the {pair.framework} side"
    try:
        ratio = paired_ratio(found.logs)
    except StatisticsError as exc:
        return f"{named}: {exc}"
    word = decide_share(ratio, target=TARGET, bound=BOUND).word
    return (
        f"{named}: {pair.arm.name} reaches {ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        f" of a bare handler's rate{_by(found.basis)}, {ratio.n_blocks} pairs: {word}"
    )


def _by(basis: Basis) -> str:
    return "" if basis == "rate" else f" (by {basis}: the load generator was the limit)"


def _whole_pairs(ctx: RunContext, pair: Comparison) -> list[tuple[Trial, Trial]]:
    """The windows of arm and bare handler that belong together and failed no gate."""
    held: dict[tuple[int, int], dict[str, Trial]] = {}
    for trial in ctx.writer.journal.trials:
        if (trial.experiment, trial.mix) == (EXPERIMENT, pair.operation):
            if trial.status != "invalid":
                held.setdefault((trial.block, trial.attempt), {})[trial.deployment] = trial
    arm, bare = (each.name for each in pair.sides)
    return [(both[arm], both[bare]) for both in held.values() if {arm, bare} <= both.keys()]


def _prepare(ctx: RunContext, pair: Comparison, size: Size) -> None:
    for subject in pair.sides:
        ctx.progress.say(f"first answers of {subject.name}: {pair.operation}")
        with pair.alone(subject):
            check_first_answers(ctx, [subject], [pair.operation])
            ctx.progress.done(FIRST_ANSWERS_S)
            if size.counts:
                count_statements(ctx, pair.deployment, subject, pair.operation)
                ctx.progress.done(SQL_S)


def _series(ctx: RunContext, pair: Comparison, size: Size) -> Series:
    return Series(
        f"{EXPERIMENT} {pair.arm.name} {pair.operation}",
        size.pair_s,
        lambda block: _attempt(ctx, pair, size, block),
        key=(EXPERIMENT, pair.operation, 0.0),
        names=(pair.arm.name, pair.bare.name),
    )


def _attempt(ctx: RunContext, pair: Comparison, size: Size, block: int) -> Attempt:
    def attempt(number: int) -> list[TrialStatus]:
        seed = ctx.seed(EXPERIMENT, pair.operation, block, number)
        schedule = build_schedule(ScheduleSpec(pair.operation, 2_000.0, seed, 0.0, 0.0, 1.0))
        loop = ClosedLoop(CLIENTS, size.warmup_s, size.measured_s)
        by_name = {subject.name: subject for subject in pair.sides}
        statuses = []
        for position, name in enumerate(shuffled(tuple(by_name), seed)):
            ctx.progress.say(f"pair {block + 1}: {pair.operation} on {name}")
            key = TrialKey(EXPERIMENT, block, number, position)
            with pair.alone(by_name[name]):
                trial, rows = ctx.bench.run_closed(key, by_name[name], schedule, loop)
            statuses.append(store(ctx, (_kept(trial), rows)))
        return statuses

    return attempt


def _kept(trial: Trial) -> Trial:
    """The generator's limit is a reason to judge by CPU, none to throw the window away."""
    gates = tuple(
        replace(gate, outcome="flag") if (gate.name, gate.outcome) == (LIMIT, "fail") else gate
        for gate in trial.gates
    )
    return replace(trial, gates=gates, status=status_of(gates))


@dataclass(frozen=True)
class _Described:
    """The comparison as the report reads it."""

    operation: str
    arm: str
    bare: str
    framework: str
    source: str
    target: float
    bound: float


def _described(pair: Comparison) -> _Described:
    return _Described(
        *(pair.operation, pair.arm.name, pair.bare.name, pair.framework, SOURCES[pair.framework]),
        *(TARGET, BOUND),
    )
