"""Throughput at saturation: closed loop, short windows of all deployments side by side in time.

Each pass measures one window of every deployment in an order drawn for the pass, the others up
and idle; what slows the machine for longer than a pass slows all of them, and ratios are taken
within passes. Answers count that were right and came within the window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from bench.engine.first_answers import check_first_answers
from bench.engine.run_context import (
    Attempt,
    RunContext,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.engine.trial import TrialKey
from bench.experiments.capacity.plan import CLIENTS, WARM_UP_S, Course
from bench.experiments.capacity.records import SATURATION, saturation_verdicts, told
from bench.load.generator import ClosedLoop
from bench.load.schedule import Schedule, ScheduleSpec, build_schedule
from bench.results.journal import Trial, TrialStatus


def saturate(ctx: RunContext, course: Course, mix: str) -> None:
    """Warm all up, measure all passes, say the verdicts."""
    _warm_up(ctx, course, mix)
    passes = course.size.passes
    own = replace(ctx, profile=replace(ctx.profile, min_blocks=passes, max_blocks=passes))
    series = Series(
        label=f"saturation, {mix}",
        planned_s=course.pass_s,
        attempt=lambda block: _pass(ctx, course, mix, block),
        key=(SATURATION, mix, 0.0),
        names=course.names,
    )
    run_series(own, [series])
    ctx.rerun_budget_s = own.rerun_budget_s
    for verdict in saturation_verdicts(ctx.writer.journal):
        if verdict.id.startswith(f"{SATURATION}/{mix}/"):
            ctx.progress.tell(told(verdict))


def _pass(ctx: RunContext, course: Course, mix: str, block: int) -> Attempt:
    def attempt(number: int) -> list[TrialStatus]:
        seed = ctx.seed(SATURATION, mix, block, number)
        schedule = _visits(mix, seed)
        loop = ClosedLoop(CLIENTS, course.size.window_warmup_s, course.size.window_s)
        if course.restarts and block:
            ctx.progress.say(f"saturation, {mix}: starting all again for pass {block + 1}")
            for name in course.names:
                ctx.fleet.as_new(name, ctx.options.shop_seed)
        statuses = []
        for position, name in enumerate(shuffled(course.names, seed)):
            ctx.progress.say(f"saturation, {mix}: pass {block + 1} on {name}")
            key = TrialKey(SATURATION, block, number, position)
            trial, rows = ctx.bench.run_closed(key, ctx.fleet.current(name), schedule, loop)
            statuses.append(store(ctx, (_counted(trial, rows), rows)))
        return statuses

    return attempt


def _counted(trial: Trial, rows: pa.Table) -> Trial:
    """The trial with the right answers a second that came within its window."""
    good = right_answers(rows, trial.measured_from_s, trial.measured_to_s)
    return replace(trial, facts={**trial.facts, "throughput_rps": good / trial.measured_s})


def right_answers(rows: pa.Table, start_s: float, end_s: float) -> int:
    """How many right answers came in [start_s, end_s), whenever they were asked for."""
    done_s = np.asarray(rows.column("done_s"), dtype=float)
    right = np.asarray([text == "" for text in rows.column("error").to_pylist()], dtype=bool)
    return int((right & (done_s >= start_s) & (done_s < end_s)).sum())


def _visits(mix: str, seed: int) -> Schedule:
    return build_schedule(ScheduleSpec(mix, 2_000.0, seed, 0.0, 0.0, 2.0))


def _warm_up(ctx: RunContext, course: Course, mix: str) -> None:
    """The first requests of each deployment. Raises ShopbenchError where none is right."""
    schedule = _visits(mix, ctx.seed("warm-up", mix))
    for name in course.names:
        ctx.progress.say(f"saturation, {mix}: first requests of {name}")
        subject = ctx.fleet.current(name)
        check_first_answers(ctx, [subject], [mix])
        ctx.load.run_closed(subject.target, schedule.visits, ClosedLoop(CLIENTS, 0.0, WARM_UP_S))
        subject.settle()
    ctx.progress.done(course.warm_up_s)
