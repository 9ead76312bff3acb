"""Count and try, part by part; each is in the journal as soon as it is there.

Counts need no repetition: they are the same every time. Tries are repeated where there is time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from bench.deployments.base import Deployment, UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.engine.deployment_pool import start_together
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.experiments.complexity.alone import ground, try_all
from bench.experiments.complexity.calls import count_calls
from bench.experiments.complexity.counts import told
from bench.experiments.complexity.machinery import check_clone, machinery_of
from bench.experiments.complexity.own_data import try_databases
from bench.experiments.complexity.records import ARMS, NAME, Counted
from bench.experiments.complexity.running import running_parts
from bench.experiments.complexity.tree import ArmTree, arm_tree
from bench.experiments.complexity.units import units_of
from bench.load.operations import OPERATIONS
from bench.registry import Planned

ONE_SERVER = "modular"  # four databases on one server: there the right decides, not the address


@dataclass(frozen=True)
class Size:
    """How often things are tried, and requests of each operation."""

    repetitions: int
    requests: int


SIZES = {
    "smoke": Size(1, 5),
    "quick": Size(1, 20),
    "standard": Size(3, 20),
    "full": Size(3, 40),
}
# Planned, on two cores of which nobody else takes one.
TREE_S, START_S, ARM_S, REQUEST_S, TRY_S = 4.0, 8.0, 3.5, 0.018, 14.0


def check(options: RunOptions) -> None:
    """Refuse an installed copy: there is nothing to count there."""
    check_clone()


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Reading, three deployments, requests in two of them, tries."""
    size = SIZES[profile.name]
    return Planned(TREE_S + START_S + len(ARMS) * _calls_s(size) + size.repetitions * TRY_S)


def run(ctx: RunContext) -> None:
    """Count what is not in the journal yet."""
    size = SIZES[ctx.profile.name]
    keep(ctx, requests=size.requests)
    trees = {arm: arm_tree(arm, tuple(ctx.setting("cpus") or ())) for arm in ARMS}
    keep(
        ctx,
        deployables=[each for tree in trees.values() for each in tree.deployables],
        machinery=[machinery_of(arm) for arm in ARMS],
    )
    ctx.progress.done(TREE_S)
    if missing := _missing_calls(ctx):
        ctx.progress.drop((len(ARMS) - len(missing)) * _calls_s(size))
        _count_running(ctx, size)
    else:
        ctx.progress.drop(START_S + len(ARMS) * _calls_s(size))
    _try_alone(ctx, trees, size)
    for line in told(counted(ctx)):
        ctx.progress.tell(f"{NAME}: {line}")


def counted(ctx: RunContext) -> Counted:
    """What the journal holds of it."""
    return msgspec.convert(ctx.setting(NAME) or {}, Counted)


def keep(ctx: RunContext, **parts: Any) -> None:
    """Put parts into the journal; others stay as they are."""
    held = ctx.setting(NAME) or {}
    ctx.writer.add_settings(**{NAME: {**held, **msgspec.to_builtins(parts)}})


def _missing_calls(ctx: RunContext) -> list[str]:
    done = {each.deployment for each in counted(ctx).running}
    return [arm for arm in ARMS if arm not in done]


def _calls_s(size: Size) -> float:
    return ARM_S + len(OPERATIONS) * size.requests * REQUEST_S


def _count_running(ctx: RunContext, size: Size) -> None:
    ctx.fleet.close()  # what another experiment left up would take part of the core
    ctx.progress.say("starting what is counted while it runs")
    missing, tried = _missing_calls(ctx), bool(counted(ctx).databases)
    names = tuple(missing) if tried else (*ARMS, ONE_SERVER)
    with start_together({name: _opener(ctx, name) for name in names}, names) as pool:
        ctx.progress.done(START_S)
        if not tried:
            repeated = range(size.repetitions)
            tries = [
                try_databases(pool.members[name], number) for name in names for number in repeated
            ]
            keep(ctx, databases=[each for some in tries for each in some])
        for name in missing:
            _count_arm(ctx, pool.members[name], size)
            ctx.progress.done(_calls_s(size))


def _opener(ctx: RunContext, name: str) -> Callable[[], LocalDeployment]:
    cpus = tuple(ctx.setting("cpus") or ())
    options = UpOptions(seed=ctx.options.shop_seed, cpus=cpus, hops="all")
    return partial(open_deployment, name, options=options)


def _count_arm(ctx: RunContext, deployment: Deployment, size: Size) -> None:
    """Its calls, then what it consists of: both are there or neither is."""
    calls = count_calls(ctx, deployment, size.requests)
    held = counted(ctx)
    keep(ctx, calls=[*held.calls, *calls], running=[*held.running, running_parts(deployment)])


def _try_alone(ctx: RunContext, trees: Mapping[str, ArmTree], size: Size) -> None:
    done = {each.repetition for each in counted(ctx).alone}
    missing = [number for number in range(size.repetitions) if number not in done]
    for _ in done:
        ctx.progress.drop(TRY_S)
    if not missing:
        return
    units = [unit for tree in trees.values() for unit in units_of(tree.deployables, tree.parts)]
    with ground() as base:
        for number in missing:
            if number and not ctx.has_time(TRY_S):
                ctx.writer.note(f"{NAME}: no time was left for try {number + 1} of standing alone")
                ctx.progress.drop(TRY_S)
                continue
            ctx.progress.say(f"building and starting {len(units)} units alone")
            keep(ctx, alone=[*counted(ctx).alone, *try_all(base, units, number)])
            ctx.progress.done(TRY_S)
