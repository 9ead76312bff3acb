"""The values of trials and their ratios, block by block: what all parts judge from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.experiments.laboratory import Laboratory, store
from bench.journal import RunReader, Trial, TrialStatus
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios
from bench.stats.quantiles import exact_quantile

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrialValues:
    """p50, p95, p99 in ms and CPU-ms per request, where the trial can carry them.

    `app_ms_p50`, `app_ms_mean`: the server's own time, of the window and of all its answers.
    """

    metrics: Mapping[str, float]
    app_ms_p50: float
    app_ms_mean: float


def trial_values(trial: Trial, rows: pa.Table) -> TrialValues:
    """Compute a trial's values from its rows."""
    due, done, app = (
        np.asarray(rows.column(name), dtype=np.float64) for name in ("due_s", "done_s", "app_ms")
    )
    inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
    metrics = {}
    for kind, q in QUANTILES.items():
        try:
            metrics[kind] = float(exact_quantile((done - due)[inside] * 1000, q))
        except StatisticsError:
            continue
    spent_s = sum(used.cpu_seconds for used in trial.usage.values())
    if trial.cpu_requests and spent_s > 0:
        metrics["cpu"] = spent_s * 1000 / trial.cpu_requests
    stated = app[inside & ~np.isnan(app)]
    everything = app[~np.isnan(app)]
    return TrialValues(
        metrics,
        float(np.median(stated)) if stated.size else float("nan"),
        float(everything.mean()) if everything.size else float("nan"),
    )


class Ledger:
    """Stores trials and remembers their values, so that no rows are read twice."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self._known: dict[str, TrialValues] = {}
        self._reader: RunReader | None = None

    def store(self, measured: tuple[Trial, pa.Table]) -> TrialStatus:
        """Write a trial; return its status."""
        status = store(self._lab, measured)
        self._known[measured[0].trial_id] = trial_values(*measured)
        return status

    def values(self, trial: Trial) -> TrialValues:
        """The values of a stored trial, also of one from before a resume."""
        if trial.trial_id not in self._known:
            if self._reader is None or all(
                known.trial_id != trial.trial_id for known in self._reader.trials
            ):
                self._reader = RunReader(self._lab.writer.path)
            self._known[trial.trial_id] = trial_values(trial, self._reader.rows(trial.trial_id))
        return self._known[trial.trial_id]

    def blocks(self, experiment: str, mix: str | None = None) -> list[dict[str, TrialValues]]:
        """The valid blocks of an experiment (and mix): values by deployment."""
        trials = (
            trial
            for trial in self._lab.writer.journal.trials
            if trial.experiment == experiment and mix in {None, trial.mix}
        )
        return [
            {trial.deployment: self.values(trial) for trial in block}
            for block in valid_blocks(trials)
        ]


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
