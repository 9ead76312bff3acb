"""The values of a trial, as they are compared: on a core of usual speed where that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.journal import Trial
from bench.stats.core_speed import UNKNOWN, CoreSpeed, TrialCore
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

    response: Floats
    app: Floats
    core: Floats
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, trial: Trial, rows: pa.Table) -> Columns:
        due, done, app, core = (
            np.asarray(rows.column(name), dtype=np.float64)
            for name in ("due_s", "done_s", "app_ms", "core_ms")
        )
        inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
        return cls((done - due) * 1000, app, core, inside)


def trial_values(trial: Trial, rows: pa.Table, speed: CoreSpeed = UNKNOWN) -> TrialValues:
    """Compute a trial's values from its rows, on a core of usual speed where that is known."""
    return values_of(trial, Columns.of(trial, rows), speed)


def values_of(trial: Trial, columns: Columns, speed: CoreSpeed) -> TrialValues:
    calm = columns.inside & speed.calm(trial.deployment, columns.core)
    metrics = {}
    for kind, q in QUANTILES.items():
        try:
            metrics[kind] = float(exact_quantile(columns.response[calm], q))
        except StatisticsError:
            continue
    factor = speed.cpu_factor(trial.deployment, trial.facts.get("canary_ms"))
    spent_ms = cpu_ms(trial)
    if spent_ms is not None:
        metrics["cpu"] = spent_ms * factor
    app = columns.app
    stated = app[calm & ~np.isnan(app)]
    everything = app[~np.isnan(app)] * factor
    return TrialValues(
        metrics,
        float(np.median(stated)) if stated.size else float("nan"),
        float(everything.mean()) if everything.size else float("nan"),
    )


def cpu_ms(trial: Trial) -> float | None:
    """CPU-ms per request as measured; of the bench's own proxy none. None: unknown."""
    spent_s = sum(u.cpu_seconds for name, u in trial.usage.items() if not name.startswith("bench:"))
    return spent_s * 1000 / trial.cpu_requests if trial.cpu_requests and spent_s > 0 else None


def speed_of(trials: Iterable[Trial]) -> CoreSpeed:
    """What is usual of the core in these trials of a cell."""
    return CoreSpeed.of(
        TrialCore(t.deployment, t.facts.get("core_ms_fast"), t.facts.get("canary_ms"), cpu_ms(t))
        for t in trials
    )
