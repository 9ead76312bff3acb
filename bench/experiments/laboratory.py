"""What all experiments of a run share: the writer, the bench, the fleet, seeds, time budget."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bench.experiments.fleet import Fleet
from bench.experiments.options import Profile, RunOptions
from bench.experiments.progress import Progress
from bench.experiments.trial import Bench
from bench.journal import RunWriter, Trial, TrialStatus
from bench.load.catalogue import Catalogue
from bench.load.generator import LoadError, LoadProcess

EXTRA_BLOCKS = 6  # that a cell may get for those that stayed invalid
RERUN_SPENT = "rerun_spent_s"  # the setting that counts it
TRIAL_OVERHEAD_S = 0.36  # canary, readings, hand-over, drain


@dataclass
class Laboratory:
    """The tools of a run. `rerun_budget_s`: what is left for repeating invalid blocks."""

    options: RunOptions
    profile: Profile
    writer: RunWriter
    load: LoadProcess
    bench: Bench
    fleet: Fleet
    catalogue: Catalogue
    progress: Progress
    rerun_budget_s: float = 0.0

    def seed(self, *parts: object) -> int:
        """A seed for one purpose, derived from the run's."""
        text = "/".join(map(str, (self.options.seed, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])

    def setting(self, name: str) -> Any:
        """What the journal already says, for example before a resume; None if nothing."""
        return self.writer.journal.settings.get(name)

    def spend(self, seconds: float) -> bool:
        """Take time for a repetition out of the budget; False if there is too little left.

        What was spent stands in the journal, so a resumed run does not get it twice.
        """
        if self.rerun_budget_s < seconds:
            return False
        self.rerun_budget_s -= seconds
        spent = (self.setting(RERUN_SPENT) or 0.0) + seconds
        self.writer.add_settings(**{RERUN_SPENT: spent})
        self.progress.plan(seconds)
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
    in the journal are these.
    """

    label: str
    planned_s: float
    attempt: Callable[[int], Attempt]
    precise: Callable[[], bool] = lambda: True
    valid: int = 0
    key: tuple[str, str, float] = field(kw_only=True)
    names: tuple[str, ...] = field(kw_only=True)

    def recorded(self, trials: tuple[Trial, ...], block: int) -> Recorded:
        """What these trials say about a block."""
        attempts: dict[int, list[Trial]] = {}
        for trial in trials:
            key = (trial.experiment, trial.mix, trial.offered_rps)
            if key == self.key and trial.block == block and trial.deployment in self.names:
                attempts.setdefault(trial.attempt, []).append(trial)
        if not attempts:
            return Recorded(False, False, 0, 0)
        whole = [
            number
            for number, held in attempts.items()
            if {trial.deployment for trial in held} == set(self.names)
        ]
        last = max(attempts)
        valid = all(trial.status != "invalid" for trial in attempts[last])
        return Recorded(last in whole, last in whole and valid, len(whole), last + 1)


def run_until_valid(lab: Laboratory, series: Series, block: int, held: Recorded) -> bool:
    """Run a block; while a trial of it is invalid run it again whole, at most twice.

    Reruns stop early when the run has spent its time for them: an invalid block is kept and
    marked. Returns whether the last attempt was valid.
    """
    attempt = series.attempt(block)
    for tried in range(lab.profile.max_reruns + 1 - min(held.whole, lab.profile.max_reruns)):
        if tried and not lab.spend(series.planned_s):
            return False
        number = held.next_attempt + tried
        try:
            statuses = attempt(number)
        except LoadError as exc:
            # the trial loop's border: the block is lost, the run is not
            lab.writer.note(f"{series.label} block {block}, attempt {number}: {exc}")
            lab.load.stop()
            lab.load.start()
            statuses = ["invalid"]
        lab.progress.done(series.planned_s)
        if "invalid" not in statuses:
            return True
    return False


def run_series(lab: Laboratory, series: list[Series]) -> None:
    """Run the blocks of all cells, blocks outermost: an interrupted run has as many of each.

    Beyond the least number a cell gets more blocks while it has too few valid ones (on the time
    for reruns) or is not precise enough (up to the profile's limit). Blocks the journal holds
    whole, from before a resume, are not run again.
    """
    least = lab.profile.min_blocks
    before = lab.writer.journal.trials
    for block in range(max(least + EXTRA_BLOCKS, lab.profile.max_blocks)):
        for each in series:
            held = each.recorded(before, block)
            if held.complete:
                each.valid += held.valid
                lab.progress.drop(each.planned_s if block < least else 0.0)
            elif block < least or _goes_on(lab, each, block):
                each.valid += run_until_valid(lab, each, block, held)


def _goes_on(lab: Laboratory, series: Series, block: int) -> bool:
    if series.valid < lab.profile.min_blocks:
        return lab.spend(series.planned_s)
    if block >= lab.profile.max_blocks or series.precise():
        return False
    lab.progress.plan(series.planned_s)
    return True


def shuffled(names: tuple[str, ...], seed: int) -> list[str]:
    """The order of the trials within a block."""
    order = list(names)
    random.Random(f"{seed}/order").shuffle(order)
    return order


def store(lab: Laboratory, measured: tuple[Trial, pa.Table]) -> TrialStatus:
    """Write a trial; return its status."""
    trial, rows = measured
    lab.writer.add_trial(trial, rows)
    return trial.status
