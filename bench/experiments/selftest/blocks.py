"""The values of trials and their ratios, block by block: what all parts judge from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.experiments.laboratory import Laboratory, store
from bench.experiments.values import Columns, TrialValues, cell_values
from bench.journal import RunReader, Trial, TrialStatus
from bench.stats.paired import log_ratios

Floats = NDArray[np.float64]


class Ledger:
    """Stores trials and remembers their columns, so that no rows are read twice."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self._known: dict[str, Columns] = {}
        self._reader: RunReader | None = None

    def store(self, measured: tuple[Trial, pa.Table]) -> TrialStatus:
        """Write a trial; return its status."""
        status = store(self._lab, measured)
        self._known[measured[0].trial_id] = Columns.of(*measured)
        return status

    def blocks(self, experiment: str, mix: str | None = None) -> list[dict[str, TrialValues]]:
        """The valid blocks of an experiment (and mix): values by deployment."""
        trials = [
            trial
            for trial in self._lab.writer.journal.trials
            if trial.experiment == experiment and mix in {None, trial.mix}
        ]
        values = dict(
            zip(
                (trial.trial_id for trial in trials),
                cell_values(trials, [self._columns(trial) for trial in trials]),
                strict=True,
            )
        )
        return [
            {trial.deployment: values[trial.trial_id] for trial in block}
            for block in valid_blocks(trials)
        ]

    def _columns(self, trial: Trial) -> Columns:
        """Of a stored trial, also of one from before a resume."""
        if trial.trial_id not in self._known:
            if self._reader is None or all(
                known.trial_id != trial.trial_id for known in self._reader.trials
            ):
                self._reader = RunReader(self._lab.writer.path)
            self._known[trial.trial_id] = Columns.of(trial, self._reader.rows(trial.trial_id))
        return self._known[trial.trial_id]


def valid_blocks(trials: Iterable[Trial]) -> list[list[Trial]]:
    """The last attempts of the blocks, in order, without those that hold an invalid trial."""
    attempts: dict[int, dict[int, list[Trial]]] = {}
    for trial in trials:
        attempts.setdefault(trial.block, {}).setdefault(trial.attempt, []).append(trial)
    last = [attempts[block][max(attempts[block])] for block in sorted(attempts)]
    return [block for block in last if all(trial.status != "invalid" for trial in block)]


def pair_logs(
    blocks: Iterable[Mapping[str, TrialValues]], kind: str, numerator: str, denominator: str
) -> Floats:
    """Log-ratios over the blocks that have both trials with that metric."""
    pairs = [
        (block[numerator].metrics[kind], block[denominator].metrics[kind])
        for block in blocks
        if all(name in block and kind in block[name].metrics for name in (numerator, denominator))
    ]
    return log_ratios([top for top, _ in pairs], [low for _, low in pairs]) if pairs else _NONE


_NONE = np.empty(0)
