"""Do deployments disturb each other by being up together?

Each cools the caches of the next, so that a larger footprint might pay more. Rounds of two and
rounds of five take turns in the same start, every operation twice each way, and the ratio is
compared within the start.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.engine.deployment_pool import start_together
from bench.engine.options import DEPLOYMENTS, Profile, RunOptions
from bench.engine.round_blocks import CALIBRATION_S, SHARES, WRITES, Design, PairedStart
from bench.engine.round_trials import store_block
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.selftest.publish import publish, publish_again
from bench.experiments.selftest.record import Outcome, judged
from bench.experiments.selftest.starts import (
    DOWN_S,
    UP_S,
    Size,
    make_starts,
    opener,
    whole_starts,
)
from bench.registry import Planned
from bench.results.journal import Journal, RunReader
from bench.results.paired.disturbance import LIMIT, Shift, shifts_of
from bench.results.paired.judge import NAMED_ROLES, role_words
from bench.results.paired.rounds import PairedRounds, twin_of
from bench.stats.paired import paired_ratio
from bench.stats.rounds import MIN_STARTS

PART, EXPERIMENT = "disturbance", "selftest-disturbance"
TOP, BOTTOM = "microservices", "monolith"
TWO: tuple[str, ...] = (BOTTOM, TOP)
FIVE: tuple[str, ...] = (*DEPLOYMENTS, twin_of(BOTTOM))
TURNS = 2  # of each kind of round, for each operation
SIZES = {
    "smoke": Size(1, 0.5, 2.2, 0.5),
    "quick": Size(6, 1.0, 5.0, 2.0),
    "standard": Size(8, 2.0, 12.0, 3.0),
    "full": Size(12, 2.0, 20.0, 5.0),
}


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The starts."""
    size = SIZES[profile.name]
    return Planned(2 * len(SHARES) * CALIBRATION_S + _start_s(size) * size.wanted(options))


def run(ctx: RunContext) -> None:
    """Make the starts, judge."""
    size = SIZES[ctx.profile.name]
    design = Design(EXPERIMENT, FIVE, size.warmup_s, size.measured_s, size.idle_s)
    make_starts(
        ctx,
        EXPERIMENT,
        size.wanted(ctx.options),
        _start_s(size),
        lambda number: _measure(ctx, design, number),
    )
    publish(ctx, PART, *_judged(ctx.writer.journal, RunReader(ctx.writer.path)))


def examine(run_dir: Path) -> list[dict[str, Any]]:
    """Judge a recorded run again; return the outcomes as rows. Raises ShopbenchError."""
    reader = RunReader(run_dir)
    if not whole_starts(reader.journal.settings.get(EXPERIMENT)):
        raise ShopbenchError(f"{run_dir} holds no check for disturbance", 2)
    return publish_again(reader.journal, PART, *_judged(reader.journal, reader))


def judge(shifts: Sequence[Shift], profile: str) -> tuple[list[Outcome], dict[str, Any]]:
    """One outcome a named ratio, and what the report prints of it."""
    outcomes, rows = [], []
    for each in shifts:
        if len(each.two) < 2:
            continue
        moved, two, five = each.moved, paired_ratio(each.two), paired_ratio(each.all)
        what = f"{'time' if each.metric == 'time' else 'CPU'} of {role_words(each.role)}"
        outcomes.append(
            Outcome(
                f"rounds of five against rounds of two: {what}",
                f"{moved.estimate - 1:+.1%} [{moved.low - 1:+.1%}, {moved.high - 1:+.1%}]",
                f"within ±{LIMIT:.0%}",
                judged(not each.too_far, profile, len(each.two) >= MIN_STARTS),
                f"×{two.estimate:.3f} in two, ×{five.estimate:.3f} in five, {len(each.two)} starts",
            )
        )
        rows.append(
            {
                "what": what,
                "two": [two.estimate, two.low, two.high],
                "five": [five.estimate, five.low, five.high],
                "moved": [moved.estimate, moved.low, moved.high],
                "starts": len(each.two),
            }
        )
    return outcomes, {"disturbance": rows}


def _start_s(size: Size) -> float:
    stretches = 2 * TURNS * (size.warmup_s + size.measured_s + 0.5)
    return UP_S + DOWN_S + len(SHARES) * stretches + (1 + 2 * TURNS) * size.idle_s


def _measure(ctx: RunContext, design: Design, number: int) -> None:
    rng = random.Random(f"{ctx.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(FIVE, len(FIVE))
    ctx.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    openers = {name: opener(ctx, name) for name in order}
    with (
        start_together(openers, order) as pool,
        PairedStart(ctx, design, number, pool) as start,
    ):
        start.prime()
        gaps = {
            (operation, members): start.gap_s(operation, members)
            for operation in SHARES
            for members in (TWO, FIVE)
        }
        idle = start.idle()
        for operation in rng.sample(list(SHARES), len(SHARES)):
            turns = rng.sample((TWO, FIVE), 2)
            idle = start.idle() if operation in WRITES else idle
            for turn in range(TURNS):
                for members in turns if turn % 2 == 0 else reversed(turns):
                    part = number * TURNS + turn
                    block = start.block_of(members, operation, gaps[operation, members], idle, part)
                    idle = block.idle_after
                    store_block(ctx, replace(block, experiment=_experiment(members)))


def _experiment(members: Sequence[str]) -> str:
    return f"{EXPERIMENT}-{len(members)}"


def _judged(journal: Journal, reader: RunReader) -> tuple[list[Outcome], dict[str, Any]]:
    whole = whole_starts(journal.settings.get(EXPERIMENT))
    return judge(recorded_shifts(reader, whole), journal.profile)


def recorded_shifts(reader: RunReader, whole: Mapping[int, float]) -> list[Shift]:
    """Every named ratio, by start, in rounds of two and of five."""
    held = {_experiment(members): PairedRounds(SHARES) for members in (TWO, FIVE)}
    for trial in reader.trials:
        if trial.experiment in held and trial.block // TURNS in whole:
            held[trial.experiment].add(trial, reader.rows(trial.trial_id))
    two, five = held.values()
    return shifts_of(two, five, (TOP, BOTTOM), NAMED_ROLES, TURNS)
