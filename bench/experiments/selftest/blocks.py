"""The values of trials and their ratios, block by block: what all parts judge from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.experiments.laboratory import Laboratory, store
from bench.experiments.values import Columns, TrialValues
from bench.journal import RunReader, Trial, TrialStatus
from bench.stats.paired import log_ratios

Floats = NDArray[np.float64]
Values = TypeVar("Values", bound=TrialValues)
Block = Sequence[Mapping[str, Values]]  # of each attempt the valid trials, by deployment
Compute = Callable[[Sequence[Trial], Sequence[Columns]], list[Values]]  # of one cell's trials


class Ledger(Generic[Values]):
    """Stores trials and remembers their columns, so that no rows are read twice."""

    def __init__(self, lab: Laboratory, compute: Compute[Values]) -> None:
        self._lab, self._compute = lab, compute
        self._known: dict[str, Columns] = {}
        self._reader: RunReader | None = None

    def store(self, measured: tuple[Trial, pa.Table]) -> TrialStatus:
        """Write a trial; return its status."""
        status = store(self._lab, measured)
        self._known[measured[0].trial_id] = Columns.of(*measured)
        return status

    def blocks(self, experiment: str, mix: str | None = None) -> list[Block[Values]]:
        """The blocks of an experiment (and mix)."""
        trials = [
            trial
            for trial in self._lab.writer.journal.trials
            if trial.experiment == experiment and mix in {None, trial.mix}
        ]
        return _blocks(trials, [self._columns(trial) for trial in trials], self._compute)

    def _columns(self, trial: Trial) -> Columns:
        """Of a stored trial, also of one from before a resume."""
        if trial.trial_id not in self._known:
            if self._reader is None or all(
                known.trial_id != trial.trial_id for known in self._reader.trials
            ):
                self._reader = RunReader(self._lab.writer.path)
            self._known[trial.trial_id] = Columns.of(trial, self._reader.rows(trial.trial_id))
        return self._known[trial.trial_id]


def stored_blocks(
    reader: RunReader, trials: Sequence[Trial], compute: Compute[Values]
) -> list[Block[Values]]:
    """The blocks of one cell of a run folder. Raises CorruptResults for damaged rows."""
    columns = [Columns.of(trial, reader.rows(trial.trial_id)) for trial in trials]
    return _blocks(trials, columns, compute)


def _blocks(
    trials: Sequence[Trial], columns: Sequence[Columns], compute: Compute[Values]
) -> list[Block[Values]]:
    ids = (trial.trial_id for trial in trials)
    values = dict(zip(ids, compute(trials, columns), strict=True))
    return [
        [{trial.deployment: values[trial.trial_id] for trial in each} for each in attempts]
        for attempts in valid_trials(trials)
    ]


def valid_trials(trials: Iterable[Trial]) -> list[list[list[Trial]]]:
    """The valid trials of each attempt of each block, both in order."""
    attempts: dict[int, dict[int, list[Trial]]] = {}
    for trial in trials:
        held = attempts.setdefault(trial.block, {}).setdefault(trial.attempt, [])
        held += [trial] if trial.status != "invalid" else []
    return [[held[number] for number in sorted(held)] for _, held in sorted(attempts.items())]


def pair_logs(
    blocks: Iterable[Block[Values]], kind: str, numerator: str, denominator: str
) -> Floats:
    """Log-ratios, one from each block that has a valid pair with that metric: the last.

    As in a user's report: what spoiled a third trial says nothing of these two.
    """
    pairs: list[tuple[float, float]] = []
    for block in blocks:
        valid = [
            (attempt[numerator].metrics[kind], attempt[denominator].metrics[kind])
            for attempt in block
            if all(n in attempt and kind in attempt[n].metrics for n in (numerator, denominator))
        ]
        pairs += valid[-1:]
    return log_ratios([top for top, _ in pairs], [low for _, low in pairs]) if pairs else _NONE


_NONE = np.empty(0)
