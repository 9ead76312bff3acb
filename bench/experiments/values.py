"""The values of a trial, as they are compared: on a core of usual speed where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.journal import Trial
from bench.stats.core_speed import CoreSpeed, Stretched, median_ms, speed_factors
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
    core: Floats
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, trial: Trial, rows: pa.Table) -> Columns:
        due, done, app, db, core = (
            np.asarray(rows.column(name), dtype=np.float64)
            for name in ("due_s", "done_s", "app_ms", "db_ms", "core_ms")
        )
        inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
        return cls(due * 1000, (done - due) * 1000, app, db, core, inside)


def trial_values(trial: Trial, rows: pa.Table) -> TrialValues:
    """Compute the values of a trial that is compared with no other."""
    return cell_values([trial], [Columns.of(trial, rows)])[0]


def cell_values(trials: Sequence[Trial], columns: Sequence[Columns]) -> list[TrialValues]:
    """Compute the values of all trials of a cell, each as on a core of usual speed."""
    kept = compared_rows(trials, columns)
    names = [trial.deployment for trial in trials]
    cpu = speed_factors(
        [Stretched(t.deployment, t.facts.get("canary_ms"), cpu_ms(t)) for t in trials]
    )
    cores = [median_ms(each.core[calm]) for each, calm in zip(columns, kept, strict=True)]
    medians = [
        _quantile(each.response[calm], 0.5) for each, calm in zip(columns, kept, strict=True)
    ]
    p50 = speed_factors([Stretched(*each) for each in zip(names, cores, medians, strict=True)])
    return [_values(*each) for each in zip(trials, columns, kept, cpu, p50, strict=True)]


def compared_rows(trials: Sequence[Trial], columns: Sequence[Columns]) -> list[NDArray[np.bool_]]:
    """Which rows of each trial are compared: in its window, on a core of usual speed."""
    speed = CoreSpeed.of(trial.facts.get("core_ms_fast") for trial in trials)
    return [each.inside & speed.calm(each.core) for each in columns]


def _values(
    trial: Trial, columns: Columns, kept: NDArray[np.bool_], cpu_factor: float, p50_factor: float
) -> TrialValues:
    metrics = {
        kind: found
        for kind, q in QUANTILES.items()
        if (found := _quantile(columns.response[kept], q)) is not None
    }
    if "p50" in metrics:
        metrics["p50"] *= p50_factor
    spent_ms = cpu_ms(trial)
    if spent_ms is not None:
        metrics["cpu"] = spent_ms * cpu_factor
    stated = columns.app[kept & ~np.isnan(columns.app)] * p50_factor
    everything = columns.app[~np.isnan(columns.app)] * cpu_factor
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
