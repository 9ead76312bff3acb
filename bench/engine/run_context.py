"""What all experiments of a run share: the writer, the bench, the fleet, seeds, time budget."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bench.engine.deployment_fleet import Fleet
from bench.engine.gates import reasons
from bench.engine.options import Profile, RunOptions
from bench.engine.progress import Progress
from bench.engine.trial import Bench
from bench.load.generator import LoadError, LoadProcess
from bench.results.journal import RunWriter, Trial, TrialStatus

EXTRA_BLOCKS = 6  # that a cell may get for those that stayed invalid
RERUNS = "reruns"  # the setting that counts them
STOPPED = "stopped"  # the setting that says why a cell has no more blocks
TIMED_BLOCKS = 200  # at the most, where a time limit says when to stop
TRIAL_OVERHEAD_S = 0.22  # readings, hand-over, drain


@dataclass
class RunContext:
    """The tools of a run. `rerun_budget_s`: what is left for repeating invalid blocks.

    Without a time limit the profile's blocks are the limit.
    """

    options: RunOptions
    profile: Profile
    writer: RunWriter
    load: LoadProcess
    bench: Bench
    fleet: Fleet
    progress: Progress
    rerun_budget_s: float = 0.0
    deadline: float = math.inf  # on the monotonic clock: no block begins that would end later

    def seed(self, *parts: object) -> int:
        """A seed for one purpose, derived from the run's."""
        text = "/".join(map(str, (self.options.seed, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])

    def setting(self, name: str) -> Any:
        """What the journal already says, for example before a resume; None if nothing."""
        return self.writer.journal.settings.get(name)

    @property
    def timed(self) -> bool:
        """Whether a time limit was given."""
        return self.deadline < math.inf

    def has_time(self, seconds: float) -> bool:
        """Whether so much work still fits before the time limit."""
        return time.monotonic() + seconds <= self.deadline

    def spend(self, seconds: float) -> bool:
        """Take time for a repetition out of the budget; False if there is too little left.

        What was spent stands in the journal, so a resumed run does not get it twice.
        """
        if self.rerun_budget_s < seconds and not (self.timed and self.has_time(seconds)):
            return False
        self.rerun_budget_s -= seconds
        spent_s = (self.setting(RERUNS) or {}).get("spent_s", 0.0) + seconds
        self.writer.add_settings(**{RERUNS: {"spent_s": spent_s}})
        return True


Attempt = Callable[[int], list[TrialStatus]]


@dataclass(frozen=True)
class Recorded:
    """What the journal holds of a block. `complete`: the last attempt has all its trials.

    `whole`: attempts with all their trials; `next_attempt`: the number of the next one.
    """

    complete: bool
    valid: bool
    whole: int
    next_attempt: int


@dataclass
class Series:
    """The blocks of one cell: `attempt(block)` runs one, in `planned_s`.

    `key` (experiment, mix, offered_rps) and `names` (the deployments of a block) say which trials
    in the journal are these. `stopped`: why it gets no more blocks.
    """

    label: str
    planned_s: float
    attempt: Callable[[int], Attempt]
    precise: Callable[[], bool] | None = None
    valid: int = 0
    stopped: str = ""
    key: tuple[str, str, float] = field(kw_only=True)
    names: tuple[str, ...] = field(kw_only=True)

    def holds(self, trial: Trial) -> bool:
        """Whether it is a trial of this cell."""
        key = (trial.experiment, trial.mix, trial.offered_rps)
        return key == self.key and trial.deployment in self.names

    def recorded(self, trials: tuple[Trial, ...], block: int) -> Recorded:
        """What these trials say about a block."""
        attempts: dict[int, list[Trial]] = {}
        for trial in trials:
            if trial.block == block and self.holds(trial):
                attempts.setdefault(trial.attempt, []).append(trial)
        if not attempts:
            return Recorded(False, False, 0, 0)
        whole = [
            number
            for number, held in attempts.items()
            if {trial.deployment for trial in held} == set(self.names)
        ]
        last = max(attempts)
        valid = last in whole and all(trial.status != "invalid" for trial in attempts[last])
        return Recorded(last in whole, valid, len(whole), last + 1)


def run_until_valid(ctx: RunContext, series: Series, block: int, held: Recorded) -> bool:
    """Run a block; until it is valid run it again whole, at most twice.

    Reruns stop early when the run has spent its time for them: an invalid block is kept and
    marked. Returns whether it is valid.
    """
    attempt = series.attempt(block)
    for tried in range(ctx.profile.max_reruns + 1 - min(held.whole, ctx.profile.max_reruns)):
        if tried:
            if not ctx.spend(series.planned_s):
                return False
            ctx.progress.plan(series.planned_s)
        number = held.next_attempt + tried
        try:
            statuses = attempt(number)
        except LoadError as exc:
            # the trial loop's border: the block is lost, the run is not
            ctx.writer.note(f"{series.label} block {block}, attempt {number}: {exc}")
            ctx.load.stop()
            ctx.load.start()
            statuses = ["invalid"]
        ctx.progress.done(series.planned_s)
        if "invalid" not in statuses or series.recorded(ctx.writer.journal.trials, block).valid:
            return True
    return False


def run_series(
    ctx: RunContext, series: list[Series], order: Callable[[int], list[Series]] | None = None
) -> None:
    """Run the blocks of all cells, blocks outermost: an interrupted run has as many of each.

    Beyond the least number a cell gets more blocks while it has too few valid ones (beyond the
    profile's limit on the time for reruns) or is not precise enough (up to that limit). Blocks the
    journal holds whole, from before a resume, are not run again. `order`: of the cells in a block,
    as listed if left out. Why each cell has no more blocks is in the setting `stopped`, by
    `cell_name`.
    """
    least, limit = ctx.profile.min_blocks, ctx.profile.max_blocks
    before = ctx.writer.journal.trials
    for block in range(TIMED_BLOCKS if ctx.timed else max(least + EXTRA_BLOCKS, limit)):
        for each in order(block) if order else series:
            held = each.recorded(before, block)
            if held.complete:
                each.valid += held.valid
                ctx.progress.drop(each.planned_s if block < least else 0.0)
            elif _goes_on(ctx, each, block):
                each.valid += run_until_valid(ctx, each, block, held)
        if all(each.stopped for each in series):
            break
    for each in series:
        each.stopped = each.stopped or f"{each.valid} of {least} valid blocks after {block + 1}"
    reasons = {cell_name(each.key): each.stopped for each in series}
    ctx.writer.add_settings(**{STOPPED: {**(ctx.setting(STOPPED) or {}), **reasons}})


def cell_name(key: tuple[str, str, float]) -> str:
    """How settings name a cell: experiment/mix/offered_rps."""
    experiment, mix, offered_rps = key
    return f"{experiment}/{mix}/{offered_rps:g}"


def _goes_on(ctx: RunContext, series: Series, block: int) -> bool:
    if series.stopped:
        return False
    series.stopped = _why_stop(ctx, series, block)
    if series.stopped and block < ctx.profile.min_blocks:
        ctx.progress.drop(series.planned_s * (ctx.profile.min_blocks - block))
    elif not series.stopped and block >= ctx.profile.min_blocks:
        ctx.progress.plan(series.planned_s)
    return not series.stopped


def _why_stop(ctx: RunContext, series: Series, block: int) -> str:
    """Why a cell gets no further block; "" if it does."""
    least, limit = ctx.profile.min_blocks, ctx.profile.max_blocks
    if not ctx.has_time(series.planned_s):
        return f"time limit reached with {series.valid} of at least {least} valid blocks"
    if block < least:
        return ""
    if series.valid < least:
        short = f"{series.valid} of {least} valid blocks, no time left to repeat others"
        return "" if block < limit or ctx.spend(series.planned_s) else short
    if series.precise is None or series.precise():
        enough = "all planned blocks" if series.precise is None else "every interval narrow enough"
        return f"{enough}, {series.valid} valid blocks"
    if block >= limit and not ctx.timed:
        return f"block limit {limit} reached before every interval was narrow enough"
    return ""


def shuffled(names: tuple[str, ...], seed: int) -> list[str]:
    """The order of the trials within a block."""
    order = list(names)
    random.Random(f"{seed}/order").shuffle(order)
    return order


def store(ctx: RunContext, measured: tuple[Trial, pa.Table]) -> TrialStatus:
    """Write a trial, say why if it is invalid; return its status."""
    trial, rows = measured
    ctx.writer.add_trial(trial, rows)
    if trial.status == "invalid":
        ctx.progress.tell(f"invalid: {trial.trial_id}: {reasons(trial.gates)}")
    return trial.status
