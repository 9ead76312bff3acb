"""Response time against load: open loop, one arm at a time, at shares of what each can do.

Beyond 95 % of an arm's capacity its response times depend on how long a trial lasts: such a load
is shown as overload and compared with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.engine.capacity_probe import MIN_RPS, two_digits
from bench.engine.run_context import Attempt, RunContext, Series, run_series, shuffled, store
from bench.engine.trial import TrialKey
from bench.experiments.capacity.plan import Course, curve_spec
from bench.experiments.capacity.records import CURVE, known_capacity_rps
from bench.experiments.capacity.rest import rest
from bench.load.schedule import build_schedule
from bench.results.journal import TrialStatus

NEAR_CAPACITY = 0.95
CURVE_LOADS = "capacity_curve_rps"  # the setting: by mix and load, who gets it
_SAME = 0.05  # two loads so near each other are one


@dataclass(frozen=True)
class Load:
    """One offered load and the arms that get it. `too_much`: those it is beyond."""

    mix: str
    offered_rps: float
    names: tuple[str, ...]
    too_much: frozenset[str]


def draw_curve(ctx: RunContext, course: Course, mix: str) -> None:
    """All blocks of all loads; nothing where a capacity is not known."""
    found = {name: known_capacity_rps(ctx.writer.journal, mix, name) for name in course.arms}
    can = {name: known[0] for name, known in found.items() if known is not None}
    loads = _held(ctx, mix, can)
    if not loads:
        loads = loads_of(mix, can, course.shares, own_shares=course.size.own_shares)
        _remember(ctx, mix, loads)
    if not loads:
        return
    for name in course.arms:
        ctx.progress.say(f"load curve, {mix}: {name} as it was at first")
        ctx.fleet.as_new(name, ctx.options.shop_seed)
        ctx.progress.done(course.first_state_s)
    blocks = course.size.blocks
    own = replace(ctx, profile=replace(ctx.profile, min_blocks=blocks, max_blocks=blocks))
    run_series(own, [_series(ctx, course, load) for load in loads])
    ctx.rerun_budget_s = own.rerun_budget_s


def loads_of(
    mix: str, can: Mapping[str, float], shares: tuple[float, ...], *, own_shares: bool
) -> list[Load]:
    """Loads at shares of the smallest capacity for all arms, and of an arm's own for that arm.

    `can`: capacity of each arm in requests/s. Rounded to two digits, lowest first.
    """
    if not can:
        return []
    rates = {max(MIN_RPS, two_digits(share * min(can.values()))): tuple(can) for share in shares}
    if own_shares:
        for name, capacity in can.items():
            for share in shares:
                rate = max(MIN_RPS, two_digits(share * capacity))
                if all(abs(rate / known - 1) > _SAME for known in rates):
                    rates[rate] = (name,)
    return _judged(mix, rates, can)


def _judged(
    mix: str, rates: Mapping[float, tuple[str, ...]], can: Mapping[str, float]
) -> list[Load]:
    return [
        Load(mix, rate, names, frozenset(n for n in names if rate > NEAR_CAPACITY * can[n]))
        for rate, names in sorted(rates.items())
    ]


def _held(ctx: RunContext, mix: str, can: Mapping[str, float]) -> list[Load]:
    """The loads that the journal already states, for the arms whose capacity is known."""
    stated = (ctx.setting(CURVE_LOADS) or {}).get(mix, {})
    named = {float(rate): tuple(n for n in names if n in can) for rate, names in stated.items()}
    return _judged(mix, {rate: names for rate, names in named.items() if names}, can)


def _remember(ctx: RunContext, mix: str, loads: list[Load]) -> None:
    if loads:
        stated = {f"{load.offered_rps:g}": list(load.names) for load in loads}
        known = ctx.setting(CURVE_LOADS) or {}
        ctx.writer.add_settings(**{CURVE_LOADS: {**known, mix: stated}})


def _series(ctx: RunContext, course: Course, load: Load) -> Series:
    return Series(
        label=f"load curve, {load.mix} at {load.offered_rps:g}/s",
        planned_s=course.load_s(len(load.names)),
        attempt=lambda block: _block(ctx, course, load, block),
        key=(CURVE, load.mix, load.offered_rps),
        names=load.names,
    )


def _block(ctx: RunContext, course: Course, load: Load, block: int) -> Attempt:
    def attempt(number: int) -> list[TrialStatus]:
        seed = ctx.seed(CURVE, load.mix, load.offered_rps, block, number)
        spec = curve_spec(course.size, load.mix, load.offered_rps, seed)
        schedule = build_schedule(spec)
        statuses = []
        for position, name in enumerate(shuffled(load.names, seed)):
            ctx.progress.say(f"load curve, {load.mix}: {load.offered_rps:g}/s on {name}")
            too_much = name in load.too_much
            key = TrialKey(CURVE, block, number, position, too_much)
            subject = ctx.fleet.current(name)
            statuses.append(store(ctx, ctx.bench.run_open(key, subject, schedule)))
            if too_much:
                rest(ctx, subject, overloaded=True)
        return statuses

    return attempt
