"""Holds one probe against the service-level objective: each part with its value and 0 or 1. Pure.

A probe passes only if every part that could be measured passes. Neighbours: `capacity` runs the
probes, `settle_lag` samples the outbox.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.results.journal import Gate
from bench.stats.errors import TooFewSamples
from bench.stats.trend import drifting, mann_kendall

MAX_RPS = 6_000.0  # no probe beyond it: the generator's own limit on one core, with room to spare
MIN_REQUESTS = 20  # fewer cannot be judged
# Judged by the objective itself: in overload it says something of the deployment.
_JUDGED_HERE = {"skipped"}
_TREND_WINDOWS = 10
_P = 0.01
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slo:
    """The objective. Shares as fractions.

    Response time rises if the medians of ten windows have a significant trend (Mann-Kendall,
    1 %) that lifts them by more than `rise_share` of the median and by more than `rise_ms` within
    the window; the settle lag likewise, by more than `lag_rise_s`.
    """

    p95_ms: float = 200.0
    error_share: float = 0.001
    goodput_share: float = 0.99
    settle_lag_s: float = 2.0
    rise_share: float = 0.2
    rise_ms: float = 20.0
    lag_rise_s: float = 0.5


@dataclass(frozen=True)
class LagSample:
    """Age of the oldest undelivered event, in seconds, `at_s` after the trial's start."""

    at_s: float
    age_s: float


def judge_slo(
    rows: pa.Table,
    window: tuple[float, float],
    lost: int,
    lags: Sequence[LagSample] | None,
    slo: Slo,
) -> dict[str, float] | None:
    """Return the parts as `slo_<part>` (value) and `slo_<part>_pass` (0, 1), and `slo_pass`.

    `rows` in the journal's schema; `lost`: planned requests that were never sent (skipped, or
    steps after a failed one); `lags` None: the shop has no outbox to read. None: too few
    requests to judge.
    """
    due, done = (np.asarray(rows.column(name), dtype=float) for name in ("due_s", "done_s"))
    failed = np.asarray([text != "" for text in rows.column("error").to_pylist()], dtype=bool)
    inside = (due >= window[0]) & (due < window[1])
    count = int(inside.sum())
    if count < MIN_REQUESTS:
        return None
    response_ms = (done - due)[inside] * 1000
    late = done[inside] > window[1] + slo.p95_ms / 1000
    good = int((~failed[inside] & ~late).sum())
    parts = {
        "p95_ms": _part(_p95(response_ms), slo.p95_ms),
        "error_share": _part(float(failed[inside].mean()), slo.error_share),
        "goodput_share": (good / (count + lost), good / (count + lost) >= slo.goodput_share),
        "rise_share": _response_trend(due[inside], response_ms, slo),
    }
    if lags is not None:
        within = [lag for lag in lags if lag.at_s >= window[0]]
        ages = np.array([lag.age_s for lag in within] or [0.0])
        parts["settle_lag_s"] = _part(_p95(ages), slo.settle_lag_s)
        parts["settle_rise_s"] = _lag_trend(within, slo)
    facts: dict[str, float] = {}
    for name, (value, passed) in parts.items():
        facts |= {f"slo_{name}": value, f"slo_{name}_pass": float(passed)}
    return facts | {"slo_pass": float(all(passed for _, passed in parts.values()))}


def gates_of_a_probe(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Skips of an overloaded deployment are its result, no fault of the bench."""
    return tuple(
        replace(gate, outcome="flag")
        if gate.outcome == "fail" and gate.name in _JUDGED_HERE
        else gate
        for gate in gates
    )


def _part(value: float, limit: float) -> tuple[float, bool]:
    return value, value <= limit


def _p95(values: Floats) -> float:
    """Order statistic; a check, not an estimate, so it takes what there is."""
    return float(np.sort(values)[math.ceil(0.95 * values.size) - 1])


def _response_trend(due_s: Floats, response_ms: Floats, slo: Slo) -> tuple[float, bool]:
    """Relative rise over the window, and whether it is none to speak of."""
    width = float(np.ptp(due_s)) / _TREND_WINDOWS
    try:
        moving, trend = drifting(
            due_s, response_ms, window_s=width or 1.0, tolerance=slo.rise_share, level=1 - _P
        )
    except TooFewSamples:
        return 0.0, True
    rise_ms = trend.relative_change * float(np.median(response_ms))
    return trend.relative_change, not (moving and rise_ms > slo.rise_ms)


def _lag_trend(lags: Sequence[LagSample], slo: Slo) -> tuple[float, bool]:
    """Rise of the age in seconds over the samples."""
    at = np.array([lag.at_s for lag in lags])
    try:
        trend = mann_kendall(at, np.array([lag.age_s for lag in lags]))
    except TooFewSamples:
        return 0.0, True
    rise = trend.slope * float(np.ptp(at))
    return rise, not (trend.p_value < _P and rise > slo.lag_rise_s)
