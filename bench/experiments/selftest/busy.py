"""The same code against itself while a neighbour keeps half of every core busy: no wrong call."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.engine.deployment_pool import start_together
from bench.engine.options import Profile, RunOptions
from bench.engine.round_blocks import CALIBRATION_S, WRITES, Design, PairedStart
from bench.engine.round_trials import store_block
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.selftest.neighbours import half_busy
from bench.experiments.selftest.planting import OPERATIONS
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
from bench.results.paired.judge import role_words
from bench.results.paired.rounds import METRICS, Metric, PairedRounds, twin_of
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.rounds import MIN_STARTS
from bench.stats.verdicts import decide

PART, EXPERIMENT = "busy", "selftest-busy"
ARMS = ("monolith", "microservices")
MEMBERS = tuple(name for arm in ARMS for name in (arm, twin_of(arm)))
SIZES = {
    "smoke": Size(1, 0.5, 2.2, 0.5),
    "quick": Size(6, 2.0, 8.0, 3.0),
    "standard": Size(8, 2.0, 12.0, 3.0),
    "full": Size(12, 3.0, 20.0, 5.0),
}
_KIND: dict[Metric, str] = {"time": "p50", "cpu": "cpu"}
_UNIT: dict[Metric, str] = {"time": "time", "cpu": "CPU"}
Called = tuple[str, PairedRatio, str]  # what, its ratio at 95 %, the word


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The starts beside the neighbours."""
    size = SIZES[profile.name]
    return Planned(len(OPERATIONS) * CALIBRATION_S + _start_s(size) * size.wanted(options))


def run(ctx: RunContext) -> None:
    """Make the starts beside the neighbours, judge."""
    size = SIZES[ctx.profile.name]
    design = Design(EXPERIMENT, MEMBERS, size.warmup_s, size.measured_s, size.idle_s)
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
        raise ShopbenchError(f"{run_dir} holds no starts beside busy neighbours", 2)
    return publish_again(reader.journal, PART, *_judged(reader.journal, reader))


def judge(ratios: Sequence[Called], profile: str) -> tuple[list[Outcome], dict[str, Any]]:
    """No ratio of the same code may be called different."""
    wrong = [what for what, _, word in ratios if word == "supported"]
    starts = min((ratio.n_blocks for _, ratio, _ in ratios), default=0)
    outcome = Outcome(
        "the same code called different beside busy neighbours",
        f"{len(wrong)} of {len(ratios)} comparisons",
        "none",
        judged(bool(ratios) and not wrong, profile, starts >= MIN_STARTS),
        "; ".join(wrong) or f"a loop uses half of every core meanwhile, {starts} starts",
    )
    rows = [
        {"what": what, "ratio": [ratio.estimate, ratio.low, ratio.high], "word": word}
        for what, ratio, word in ratios
    ]
    return [outcome], {"busy": rows, "starts": starts}


def _start_s(size: Size) -> float:
    blocks = len(OPERATIONS) * (size.warmup_s + size.measured_s + 0.5)
    return 2 * UP_S + DOWN_S + blocks + 2 * size.idle_s


def _measure(ctx: RunContext, design: Design, number: int) -> None:
    rng = random.Random(f"{ctx.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(MEMBERS, len(MEMBERS))
    ctx.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    openers = {name: opener(ctx, name) for name in order}
    settings = ctx.writer.journal.settings
    with (
        start_together(openers, order) as pool,
        PairedStart(ctx, design, number, pool) as start,
    ):
        start.prime()
        gaps = {operation: start.gap_s(operation) for operation in OPERATIONS}
        with half_busy({*settings["cpus"], *settings["load_cpus"]}):
            idle = start.idle()
            for operation in rng.sample(OPERATIONS, len(OPERATIONS)):
                idle = start.idle() if operation in WRITES else idle
                block = start.block(operation, gaps[operation], idle)
                idle = block.idle_after
                store_block(ctx, block)


def _judged(journal: Journal, reader: RunReader) -> tuple[list[Outcome], dict[str, Any]]:
    whole = whole_starts(journal.settings.get(EXPERIMENT))
    rounds = PairedRounds({})
    for trial in reader.trials:
        if trial.experiment == EXPERIMENT and trial.block in whole:
            rounds.add(trial, reader.rows(trial.trial_id))
    called: list[Called] = []
    for arm in ARMS:
        found = {
            f"{_UNIT[metric]} of {role_words(operation)} in {arm}": (metric, logs)
            for operation in OPERATIONS
            for metric in METRICS
            if len(logs := rounds.logs(twin_of(arm), arm, operation, metric).logs) > 1
        }
        called += _called(found) if found else []
    return judge(called, journal.profile)


def _called(logs: Mapping[str, tuple[Metric, Sequence[float]]]) -> list[Called]:
    """One arm's comparisons, each with its word at Holm's level, as a run would call it."""
    levels = holm({what: paired_ratio(values).p_value for what, (_, values) in logs.items()})
    called: list[Called] = []
    for what, (metric, values) in logs.items():
        ratio = paired_ratio(values, level=levels[what].level)
        decision = decide(ratio, claim="different", kind=_KIND[metric], min_blocks=MIN_STARTS)
        called.append((what, paired_ratio(values), decision.word))
    return called
