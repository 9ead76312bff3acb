"""One start: fresh processes of every deployment, and in them a block of rounds an operation.

Order of starting, order of the operations and order within a round are shuffled.
"""

from __future__ import annotations

import random
from dataclasses import replace

from bench.engine.deployment_pool import start_together
from bench.engine.round_blocks import WRITES, PairedStart
from bench.engine.round_trials import store_block
from bench.engine.run_context import RunContext
from bench.engine.statements import already_counted, count_statements
from bench.experiments.latency.plan import EXPERIMENT, SQL_S, Plan
from bench.results.paired.disturbance import EXPERIMENT_OF_TWO
from bench.results.paired.rounds import PairedRounds, is_twin

Recorded = dict[str, PairedRounds]  # by the name of the trials' experiment


def measure_start(ctx: RunContext, plan: Plan, number: int, rounds: Recorded) -> None:
    """Start all members, measure every operation, stop them; the trials go to `rounds` too."""
    rng = random.Random(f"{ctx.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(plan.members, len(plan.members))
    ctx.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    openers = {name: ctx.fleet.opener(name.partition("#")[0]) for name in order}
    with (
        start_together(openers, order) as pool,
        PairedStart(ctx, plan.design, number, pool) as start,
    ):
        start.prime()
        _measure_operations(ctx, plan, start, rng, rounds)
        _count_sql(ctx, plan, start)
    ctx.progress.done(plan.start_s)


def _measure_operations(
    ctx: RunContext, plan: Plan, start: PairedStart, rng: random.Random, rounds: Recorded
) -> None:
    """A block an operation of all members and, where planned, one of the named pair alone."""
    kinds = {EXPERIMENT: plan.members, **({EXPERIMENT_OF_TWO: plan.two} if plan.two else {})}
    idle = start.idle()
    gaps = {
        (operation, kind): start.gap_s(operation, members)
        for operation in plan.operations
        for kind, members in kinds.items()
    }
    for operation in rng.sample(plan.operations, len(plan.operations)):
        if operation in WRITES:
            idle = start.idle()
        for kind in rng.sample(list(kinds), len(kinds)):
            block = start.block_of(kinds[kind], operation, gaps[operation, kind], idle)
            idle = block.idle_after
            store_block(ctx, replace(block, experiment=kind), rounds[kind])


def _count_sql(ctx: RunContext, plan: Plan, start: PairedStart) -> None:
    """Statements and commits of each operation, once a run."""
    for name, subject in start.subjects.items():
        for operation in plan.operations if not is_twin(name) else ():
            if not already_counted(ctx, name, operation):
                ctx.progress.say(f"counting SQL of {name}: {operation}")
                count_statements(ctx, start.pool.members[name], subject, operation)
                ctx.progress.done(SQL_S)
