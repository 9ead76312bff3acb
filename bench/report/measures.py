"""Numbers of one trial and of a cell: response-time quantiles, CPU and SQL per request.

Neighbours: `dataset` (columns), `selection` (which trials), `bench.stats` (how).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.report.naming import ALL, belongs_to_deployment, component_order
from bench.report.selection import Cell
from bench.results.dataset import Column, RunData, TrialSample
from bench.results.paired.rounds import cpu_ms_of
from bench.stats.errors import TooFewSamples
from bench.stats.paired import paired_ratio
from bench.stats.quantiles import QuantileEstimate, clustered_quantile, exact_quantile

Kind = Literal["p50", "p95", "p99", "cpu"]
QUANTILES: dict[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
METRIC_NAMES: dict[str, str] = {
    "p50": "response_time_ms_p50",
    "p95": "response_time_ms_p95",
    "p99": "response_time_ms_p99",
    "cpu": "cpu_ms_per_request",
}


@dataclass(frozen=True)
class Level:
    """A mean over trials with its 95 % t interval on the logarithm; `n` trials."""

    value: float
    low: float | None
    high: float | None
    n: int


def trial_value(sample: TrialSample, kind: Kind, operation: str) -> float | None:
    """Return a metric of one trial, None where the trial cannot carry it (too few, no CPU)."""
    if kind == "cpu":
        return cpu_ms_per_request(sample) if operation == ALL else None
    key = kind, operation
    if key not in sample.computed:  # several questions ask for the same quantile
        sample.computed[key] = _quantile(sample.response[sample.where(operation)], QUANTILES[kind])
    found: float | None = sample.computed[key]
    return found


def _quantile(values: Column, q: float) -> float | None:
    try:
        return exact_quantile(values, q)
    except TooFewSamples:
        return None


def cpu_requests(sample: TrialSample) -> int:
    """Return how many requests the CPU window served (the measured rows where not stated)."""
    return sample.trial.cpu_requests or sample.requests


def cpu_ms_per_request(sample: TrialSample) -> float | None:
    """Return CPU-ms of all components, gateway and databases included, per request.

    In paired rounds less what the deployment uses when nobody asks it.
    """
    if sample.trial.loop == "rounds":
        return cpu_ms_of(sample.trial)
    return sum(parts) if (parts := list(cpu_parts(sample).values())) else None


def cpu_parts(sample: TrialSample) -> dict[str, float]:
    """Return CPU-ms per request by component; empty where CPU or requests are missing."""
    requests = cpu_requests(sample)
    if not requests:
        return {}
    usage = sample.trial.usage
    return {
        name: usage[name].cpu_seconds * 1000.0 / requests
        for name in component_order(filter(belongs_to_deployment, usage))
    }


def idle_ms_per_s(sample: TrialSample) -> float | None:
    """Return CPU-ms a second that the deployment uses unasked; None where it was not metered."""
    cores = sample.trial.facts.get("idle_cores")
    return None if cores is None else cores * 1000.0


def pss_mib(sample: TrialSample) -> float:
    """Return the deployment's memory (PSS, MiB) at the end of the CPU window."""
    usage = sample.trial.usage.items()
    return sum(u.pss_bytes for name, u in usage if belongs_to_deployment(name)) / 2**20


def sql_per_request(
    data: RunData, deployment: str, mix: str
) -> tuple[float | None, float | None] | None:
    """Return (statements, commits) per request under a mix; None where not counted.

    Counted in any trial of that deployment and mix that is not invalid; mean over them.
    """
    counts = [
        (s.trial.sql, cpu_requests(s))
        for s in data.trials
        if (s.trial.deployment, s.trial.mix) == (deployment, mix) and s.trial.status != "invalid"
    ]
    found = [(sql, n) for sql, n in counts if sql is not None and n]
    if not found:
        return None
    statements = [sql.statements / n for sql, n in found if sql.statements is not None]
    commits = sum(sql.commits / n for sql, n in found) / len(found)
    return (sum(statements) / len(statements) if statements else None), commits


def columns(samples: Sequence[TrialSample], operation: str) -> list[Column]:
    """Return the response times of an operation, one array a trial."""
    return [s.response[s.where(operation)] for s in samples]


def pooled_quantile(
    cell: Cell, deployment: str, operation: str, q: float
) -> QuantileEstimate | None:
    """Return the quantile over a deployment's trials of a cell, None with too few samples."""
    try:
        return clustered_quantile(columns(cell.samples(deployment), operation), q)
    except TooFewSamples:
        return None


def level_of(values: Sequence[float | None]) -> Level | None:
    """Return the geometric mean over trials with its t interval; None without a value."""
    present = [v for v in values if v is not None and v > 0]
    if not present:
        return None
    if len(present) < 2:
        return Level(present[0], None, None, 1)
    ratio = paired_ratio(np.log(present))
    return Level(ratio.estimate, ratio.low, ratio.high, len(present))


def mean_parts(samples: Sequence[TrialSample]) -> dict[str, float]:
    """Return the arithmetic mean CPU-ms per request by component over trials (parts add up)."""
    parts = [part for s in samples if (part := cpu_parts(s))]
    names = component_order(name for part in parts for name in part)
    return {name: sum(p.get(name, 0.0) for p in parts) / len(parts) for name in names}


def share_of_time(samples: Sequence[TrialSample], operation: str) -> dict[str, float | None]:
    """Return medians in ms of service time, the server's own time and its database time."""
    picks = {"service": "service", "app": "app", "db": "db"}
    found: dict[str, float | None] = {}
    for label, name in picks.items():
        parts = [getattr(s, name)[s.where(operation)] for s in samples]
        merged = np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
        merged = merged[np.isfinite(merged)]
        found[label] = float(np.median(merged)) if merged.size else None
    return found


@dataclass(frozen=True)
class PercentileRow:
    """Percentiles of one operation in one deployment and cell, over its trials."""

    cell: Cell
    deployment: str
    operation: str
    requests: int
    failed: int
    estimates: dict[str, QuantileEstimate | None]


def percentile_rows(cell: Cell) -> list[PercentileRow]:
    """Return the rows of every operation of a cell in every deployment."""
    return [
        _percentile_row(cell, deployment, operation)
        for operation in cell.shown_operations
        for deployment in cell.deployments
    ]


def _percentile_row(cell: Cell, deployment: str, operation: str) -> PercentileRow:
    samples = cell.samples(deployment)
    return PercentileRow(
        cell=cell,
        deployment=deployment,
        operation=operation,
        requests=sum(part.size for part in columns(samples, operation)),
        failed=sum(s.failures.get(operation, 0) for s in samples),
        estimates={
            kind: pooled_quantile(cell, deployment, operation, q) for kind, q in QUANTILES.items()
        },
    )
