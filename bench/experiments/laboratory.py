"""What all experiments of a run share: the writer, the bench, the fleet, seeds, time budget."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from bench.experiments.fleet import Fleet
from bench.experiments.options import Profile, RunOptions
from bench.experiments.progress import Progress
from bench.experiments.trial import Bench
from bench.journal import RunWriter, Trial, TrialStatus
from bench.load.catalogue import Catalogue
from bench.load.generator import LoadError, LoadProcess

EXTRA_BLOCKS = 6  # that a cell may get for those that stayed invalid
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


Attempt = Callable[[int], list[TrialStatus]]


def run_until_valid(lab: Laboratory, label: str, planned_s: float, attempt: Attempt) -> bool:
    """Run a block; while a trial of it is invalid run it again whole, at most twice.

    Reruns stop early when the run has spent its time for them: an invalid block is kept and
    marked. Returns whether the last attempt was valid.
    """
    for number in range(lab.profile.max_reruns + 1):
        if number:
            if lab.rerun_budget_s < planned_s:
                return False
            lab.rerun_budget_s -= planned_s
            lab.progress.plan(planned_s)
        try:
            statuses = attempt(number)
        except LoadError as exc:
            # the trial loop's border: the block is lost, the run is not
            lab.writer.note(f"{label}, attempt {number}: {exc}")
            lab.load.stop()
            lab.load.start()
            statuses = ["invalid"]
        lab.progress.done(planned_s)
        if "invalid" not in statuses:
            return True
    return False


@dataclass
class Series:
    """The blocks of one cell: `attempt(block)` runs one, in `planned_s`."""

    label: str
    planned_s: float
    attempt: Callable[[int], Attempt]
    precise: Callable[[], bool] = lambda: True
    valid: int = 0


def run_series(lab: Laboratory, series: list[Series]) -> None:
    """Run the blocks of all cells, blocks outermost: an interrupted run has as many of each.

    Beyond the least number a cell gets more blocks while it has too few valid ones (on the time
    for reruns) or is not precise enough (up to the profile's limit).
    """
    least = lab.profile.min_blocks
    for block in range(max(least + EXTRA_BLOCKS, lab.profile.max_blocks)):
        for each in series:
            if block < least or _goes_on(lab, each, block):
                label = f"{each.label} block {block}"
                each.valid += run_until_valid(lab, label, each.planned_s, each.attempt(block))


def _goes_on(lab: Laboratory, series: Series, block: int) -> bool:
    if series.valid < lab.profile.min_blocks:
        if lab.rerun_budget_s < series.planned_s:
            return False
        lab.rerun_budget_s -= series.planned_s
    elif block >= lab.profile.max_blocks or series.precise():
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
