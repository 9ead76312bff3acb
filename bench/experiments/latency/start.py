"""One start: fresh processes of every deployment, and in them a block of rounds an operation.

Order of starting, order of the operations and order within a round are shuffled.
"""

from __future__ import annotations

import random
from dataclasses import replace

from bench.engine.deployment_pool import start_together
from bench.engine.laboratory import Laboratory
from bench.engine.round_blocks import WRITES, PairedStart
from bench.engine.round_trials import store_block
from bench.engine.statements import already_counted, count_statements
from bench.experiments.latency.plan import EXPERIMENT, SQL_S, Plan
from bench.results.paired.disturbance import EXPERIMENT_OF_TWO
from bench.results.paired.rounds import PairedRounds, is_twin

Recorded = dict[str, PairedRounds]  # by the name of the trials' experiment


def measure_start(lab: Laboratory, plan: Plan, number: int, rounds: Recorded) -> None:
    """Start all members, measure every operation, stop them; the trials go to `rounds` too."""
    rng = random.Random(f"{lab.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(plan.members, len(plan.members))
    lab.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    openers = {name: lab.fleet.opener(name.partition("#")[0]) for name in order}
    with (
        start_together(openers, order) as pool,
        PairedStart(lab, plan.design, number, pool) as start,
    ):
        start.prime()
        _measure_operations(lab, plan, start, rng, rounds)
        _count_sql(lab, plan, start)
    lab.progress.done(plan.start_s)


def _measure_operations(
    lab: Laboratory, plan: Plan, start: PairedStart, rng: random.Random, rounds: Recorded
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
            store_block(lab, replace(block, experiment=kind), rounds[kind])


def _count_sql(lab: Laboratory, plan: Plan, start: PairedStart) -> None:
    """Statements and commits of each operation, once a run."""
    for name, subject in start.subjects.items():
        for operation in plan.operations if not is_twin(name) else ():
            if not already_counted(lab, name, operation):
                lab.progress.say(f"counting SQL of {name}: {operation}")
                count_statements(lab, start.pool.members[name], subject, operation)
                lab.progress.done(SQL_S)
