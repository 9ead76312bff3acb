"""Effects planted in a deployment of several processes, measured as `latency` measures.

Five deployments of the same code in every start: the base, the base again (A/A), one that takes
longer, one that spends more CPU after its answers, one that touches a working set of its own at
each request. The truth of a start is what its services say they did beyond the base.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.engine.deployment_pool import start_together
from bench.engine.options import Profile, RunOptions
from bench.engine.round_blocks import CALIBRATION_S, WRITES, Block, Design, PairedStart
from bench.engine.round_trials import remember, store_block, trial_of
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.selftest.planted_judge import Comparison, judge
from bench.experiments.selftest.planting import (
    BASE,
    DEARER,
    MEMBERS,
    OPERATIONS,
    Calibration,
    Tally,
    environment,
)
from bench.experiments.selftest.publish import publish, publish_again
from bench.experiments.selftest.record import Outcome
from bench.experiments.selftest.starts import (
    DOWN_S,
    UP_S,
    Size,
    make_starts,
    opener,
    typical_start_s,
    whole_starts,
)
from bench.load.generator import result_rows
from bench.registry import Planned
from bench.results.journal import Journal, RunReader, Trial
from bench.results.paired.rounds import PairedRounds, Stretch
from bench.stats.errors import StatisticsError

PART, EXPERIMENT = "planted", "selftest-planted"
SIZES = {
    "smoke": Size(1, 0.5, 2.2, 0.5),
    "quick": Size(6, 2.0, 8.0, 3.0),
    "standard": Size(30, 2.0, 8.0, 3.0),
    "full": Size(40, 3.0, 20.0, 5.0),
}
# Four times as long: in 8 s there are 227 rounds of a product read, but 30 of an order and 50 of
# the overview. By the few, starts of the same code differed by 12 and 5 % (a read's by 1 %), and
# 10 and 5 % more were found in 11 and 2 sets of 20, of 30 recorded starts.
FEW_ROUNDS = {"order": 4, "overview": 4}
ONE_START = 1  # of smoke, which claims nothing: its blocks are all short
# Longer than latency's: work after an answer must be done before the next member is asked.
PAUSES_S = {"product_read": 0.005, "overview": 0.010, "order": 0.030}
TRIAL_UNITS = 200  # of planted work, in the calibration
CALIBRATED_S = 4.0
ONCE_S = UP_S + DOWN_S + len(OPERATIONS) * (CALIBRATED_S + 1.5) + 2.0  # the calibration's start
PLANTED_MS, PLANTED_CPU_MS = "planted_ms", "planted_cpu_ms"  # facts of a trial


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The calibration and the starts."""
    size = SIZES[profile.name]
    gaps_s = 2 * len(OPERATIONS) * CALIBRATION_S  # in the calibration, and in the first start
    return Planned(ONCE_S + gaps_s + _start_s(size) * size.wanted(options))


def run(ctx: RunContext) -> None:
    """Calibrate, make the starts, judge."""
    size = SIZES[ctx.profile.name]
    calibration = _calibration(ctx)

    def measure(number: int) -> None:
        _measure(ctx, design_of(size), calibration, number)

    make_starts(ctx, EXPERIMENT, size.wanted(ctx.options), _start_s(size), measure)
    publish(ctx, PART, *_judged(ctx.writer.journal, RunReader(ctx.writer.path)))


def examine(run_dir: Path) -> list[dict[str, Any]]:
    """Judge a recorded run again; return the outcomes as rows. Raises ShopbenchError."""
    reader = RunReader(run_dir)
    if not whole_starts(reader.journal.settings.get(EXPERIMENT)):
        raise ShopbenchError(f"{run_dir} holds no planted effects", 2)
    return publish_again(reader.journal, PART, *_judged(reader.journal, reader))


def design_of(size: Size) -> Design:
    """What every start has in common."""
    parts_s = size.warmup_s, size.measured_s, size.idle_s
    return Design(EXPERIMENT, MEMBERS, *parts_s, PAUSES_S, _longer_s(size))


def _longer_s(size: Size) -> dict[str, float]:
    if size.starts == ONE_START:
        return {}
    return {name: times * size.measured_s for name, times in FEW_ROUNDS.items()}


def _start_s(size: Size) -> float:
    blocks = sum(size.warmup_s + design_of(size).block_s(name) + 0.5 for name in OPERATIONS)
    return 2 * UP_S + DOWN_S + blocks + 2 * size.idle_s  # five of the largest deployment


def _judged(journal: Journal, reader: RunReader) -> tuple[list[Outcome], dict[str, Any]]:
    setting = journal.settings.get(EXPERIMENT)
    whole = whole_starts(setting)
    trials = [t for t in reader.trials if t.experiment == EXPERIMENT and t.block in whole]
    found = comparisons(reader, trials)
    return judge(found, journal.profile, journal.seed, typical_start_s(setting))


def comparisons(reader: RunReader, trials: list[Trial]) -> list[Comparison]:
    """Each member against the base in each operation, by time and CPU, with the planted truth."""
    starts: dict[int, PairedRounds] = {}
    stated: dict[tuple[int, str, str], Trial] = {}
    for trial in trials:
        starts.setdefault(trial.block, PairedRounds({})).add(trial, reader.rows(trial.trial_id))
        stated[trial.block, trial.mix, trial.deployment] = trial
    found = []
    for comparison in Comparison.all():
        for number, rounds in sorted(starts.items()):
            logs = rounds.logs(
                comparison.member, BASE, comparison.operation, comparison.metric
            ).logs
            key = comparison.operation, comparison.member
            if logs:
                stretch, said = rounds.starts[number][key], stated[number, *key]
                comparison.add(logs[0], _value(stretch, comparison), _stated(said, comparison))
        found.append(comparison)
    return found


def _value(stretch: Stretch, comparison: Comparison) -> float:
    if comparison.metric == "time":
        return stretch.median_ms
    return stretch.cpu.ms_per_request() if stretch.cpu else 0.0


def _stated(trial: Trial, comparison: Comparison) -> float:
    """What was done beyond the base, in ms a request."""
    name = PLANTED_MS if comparison.metric == "time" else PLANTED_CPU_MS
    return float(trial.facts.get(name, 0.0))


def _calibration(ctx: RunContext) -> Calibration:
    """What the base takes among as many others as later, and a unit of work in it; once a run.

    Alone, with caches to itself, a product read takes a quarter less and an order a tenth.
    """
    kept = (ctx.setting(EXPERIMENT) or {}).get("calibration")
    if kept:
        return Calibration(**kept)
    ctx.progress.say("what the base takes, and a unit of work in it")
    members, seconds = _calibrated(SIZES[ctx.profile.name])
    design = Design(f"{EXPERIMENT}-calibration", members, 1.0, seconds, 1.0, PAUSES_S)
    extras = {name: {"before": TRIAL_UNITS} for name in OPERATIONS}
    found = Calibration({}, {}, {})
    with TemporaryDirectory(prefix="shopbench-planted-") as folder:
        path = Path(folder) / "calibration"
        openers = {name: opener(ctx, BASE) for name in members}
        openers[BASE] = opener(ctx, BASE, environment(extras, path))
        with (
            start_together(openers, members) as pool,
            PairedStart(ctx, design, 0, pool) as start,
        ):
            start.prime()
            idle, tally = start.idle(), Tally(path, extras)
            for operation in OPERATIONS:
                gap_s = start.gap_s(operation)
                tally.take()
                _calibrate(found, start.block(operation, gap_s, idle), tally)
    remember(ctx, EXPERIMENT, calibration=asdict(found))
    ctx.progress.done(ONCE_S)
    return found


def _calibrated(size: Size) -> tuple[tuple[str, ...], float]:
    """Who is up meanwhile, and for how many seconds; a size that claims nothing is cheap."""
    return ((BASE,), size.measured_s) if size.starts == ONE_START else (MEMBERS, CALIBRATED_S)


def _calibrate(found: Calibration, block: Block, tally: Tally) -> None:
    """Take the planted work off what was measured. Raises ShopbenchError if nothing was."""
    operation, trial = block.options.operation, trial_of(block, 0, BASE, block.results[0])
    stretch = Stretch.of(trial, result_rows(block.results[0]))
    spent = tally.take().get(operation)
    try:
        time_ms = stretch.median_ms
    except StatisticsError as exc:
        raise ShopbenchError(f"calibration of {operation}: {exc}", 1) from exc
    if spent is None or not spent.size or stretch.cpu is None:
        raise ShopbenchError(f"calibration of {operation}: no work was planted", 1)
    planted_ms = statistics.median(spent.tolist()) / 1e6
    found.time_ms[operation] = time_ms - planted_ms
    found.cpu_ms[operation] = stretch.cpu.ms_per_request() - planted_ms
    found.unit_ns[operation] = planted_ms * 1e6 / TRIAL_UNITS


def _measure(ctx: RunContext, design: Design, calibration: Calibration, number: int) -> None:
    """One start of all members."""
    rng = random.Random(f"{ctx.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(MEMBERS, len(MEMBERS))
    ctx.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    with TemporaryDirectory(prefix="shopbench-planted-") as folder:
        openers, tallies = {}, {}
        for name in order:
            extras, path = calibration.extras(name), Path(folder) / name
            openers[name] = opener(ctx, BASE, environment(extras, path))
            tallies[name] = Tally(path, extras)
        with (
            start_together(openers, order) as pool,
            PairedStart(ctx, design, number, pool) as start,
        ):
            start.prime()
            gaps = {operation: start.gap_s(operation) for operation in OPERATIONS}
            idle = start.idle()
            for operation in rng.sample(OPERATIONS, len(OPERATIONS)):
                idle = start.idle() if operation in WRITES else idle
                for tally in tallies.values():
                    tally.take()
                block = start.block(operation, gaps[operation], idle)
                idle = block.idle_after
                store_block(ctx, block, facts=_facts(block, tallies))


def _facts(block: Block, tallies: Mapping[str, Tally]) -> dict[str, dict[str, float]]:
    """What each member did beyond the base: median, and mean a request, in ms."""
    facts = {}
    for name, result in zip(block.members, block.results, strict=True):
        spent = tallies[name].take().get(block.options.operation)
        if spent is not None and spent.size:
            mean_ms = float(spent.sum()) / 1e6 / max(1, len(result.due_s))
            kind = PLANTED_CPU_MS if name == DEARER else PLANTED_MS
            median_ms = float(statistics.median(spent.tolist())) / 1e6
            facts[name] = {kind: mean_ms if name == DEARER else median_ms}
    return facts
