"""The values of a trial, as they are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.journal import Trial
from bench.stats.errors import StatisticsError
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


@dataclass(frozen=True)
class Columns:
    """What a trial's values are computed from, in ms; `inside`: due in the measured window."""

    due: Floats
    response: Floats
    app: Floats
    db: Floats
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, trial: Trial, rows: pa.Table) -> Columns:
        due, done, app, db = (
            np.asarray(rows.column(name), dtype=np.float64)
            for name in ("due_s", "done_s", "app_ms", "db_ms")
        )
        inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
        return cls(due * 1000, (done - due) * 1000, app, db, inside)


def trial_values(trial: Trial, rows: pa.Table) -> TrialValues:
    """Compute the values of a trial."""
    return values_of(trial, Columns.of(trial, rows))


def cell_values(trials: Sequence[Trial], columns: Sequence[Columns]) -> list[TrialValues]:
    """Compute the values of all trials of a cell."""
    return [values_of(*each) for each in zip(trials, columns, strict=True)]


def values_of(trial: Trial, columns: Columns) -> TrialValues:
    """Compute the values of a trial whose columns are known."""
    metrics = {
        kind: found
        for kind, q in QUANTILES.items()
        if (found := _quantile(columns.response[columns.inside], q)) is not None
    }
    spent_ms = cpu_ms(trial)
    if spent_ms is not None:
        metrics["cpu"] = spent_ms
    stated = columns.app[columns.inside & ~np.isnan(columns.app)]
    everything = columns.app[~np.isnan(columns.app)]
    return TrialValues(
        metrics,
        float(np.median(stated)) if stated.size else float("nan"),
        float(everything.mean()) if everything.size else float("nan"),
    )


def _quantile(values: Floats, q: float) -> float | None:
    try:
        return float(exact_quantile(values, q))
    except StatisticsError:
        return None


def cpu_ms(trial: Trial) -> float | None:
    """CPU-ms per request as measured; of the bench's own proxy none. None: unknown."""
    spent_s = sum(u.cpu_seconds for name, u in trial.usage.items() if not name.startswith("bench:"))
    return spent_s * 1000 / trial.cpu_requests if trial.cpu_requests and spent_s > 0 else None
