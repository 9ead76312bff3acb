"""Where the response time goes, by the server's own account (Server-Timing) and the client's clock.

Parts of one request, which add up to its response time: database (`db`), application (`app - db`),
outside the server (`done - sent - app`) and the generator's send lag (`sent - due`). Medians of
parts do not add up, so each trial gives the mean of every part over its answered requests, and a
share is that mean over the mean response time; intervals go over trials.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.report.selection import Cell
from bench.results.dataset import TrialSample
from bench.stats.errors import TooFewSamples
from bench.stats.means import MeanInterval, mean_interval

PARTS = ("database", "application", "outside", "send lag")
WHOLE = "response"


@dataclass(frozen=True)
class Account:
    """Mean response time of an operation in a deployment, taken apart; `requests` accounted for.

    `shares`: part -> share of the mean response time; `means_ms`: part (and `response`) -> ms.
    An interval is None with fewer than two trials.
    """

    cell: Cell
    deployment: str
    operation: str
    requests: int
    trials: int
    shares: Mapping[str, float]
    intervals: Mapping[str, MeanInterval | None]
    means_ms: Mapping[str, float]


@dataclass(frozen=True)
class Gap:
    """Mean response time of one deployment minus another's by part, ms, over paired blocks."""

    numerator: str
    denominator: str
    operation: str
    parts: Mapping[str, MeanInterval]


def accounts(cell: Cell, operation: str) -> list[Account]:
    """Return the account of each deployment of a cell that states its own time."""
    found = [_account(cell, name, operation) for name in cell.deployments]
    return [account for account in found if account is not None]


def gaps(cell: Cell, operation: str, pairs: Iterable[tuple[str, str]]) -> list[Gap]:
    """Return the differences between pairs of deployments, for those with two blocks or more."""
    found = []
    for numerator, denominator in pairs:
        both = [
            (part_means(top, operation), part_means(bottom, operation))
            for top, bottom in cell.pairs(numerator, denominator)
        ]
        try:
            parts = {
                part: mean_interval([a[part] - b[part] for a, b in both if a and b])
                for part in (WHOLE, *PARTS)
            }
        except TooFewSamples:
            continue
        found.append(Gap(numerator, denominator, operation, parts))
    return found


def part_means(sample: TrialSample, operation: str) -> dict[str, float]:
    """Return a trial's mean of every part and of the whole in ms; empty where nothing is stated.

    Over requests that were answered without an error and state the server's time. The databases'
    times of parallel calls are added up by the server, so `db` is capped at `app`.
    """
    key = "parts of time", operation
    if key not in sample.computed:
        sample.computed[key] = _part_means(sample, operation)
    found: dict[str, float] = sample.computed[key]
    return found


def _part_means(sample: TrialSample, operation: str) -> dict[str, float]:
    rows = sample.where(operation)
    app, db = sample.app[rows], sample.db[rows]
    kept = np.isfinite(app) & np.isfinite(db) & ~sample.failed[rows]
    if not kept.any():
        return {}
    response, service = sample.response[rows][kept], sample.service[rows][kept]
    app = np.minimum(app[kept], service)  # two clocks: never more than the client saw
    db = np.minimum(db[kept], app)
    return {
        WHOLE: _mean(response),
        "database": _mean(db),
        "application": _mean(app - db),
        "outside": _mean(service - app),
        "send lag": _mean(response - service),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64))


def _account(cell: Cell, deployment: str, operation: str) -> Account | None:
    samples = cell.samples(deployment)
    means = [found for s in samples if (found := part_means(s, operation))]
    if not means:
        return None
    shares = {part: [m[part] / m[WHOLE] for m in means] for part in PARTS}
    return Account(
        cell=cell,
        deployment=deployment,
        operation=operation,
        requests=sum(_stated(s, operation) for s in samples),
        trials=len(means),
        shares={part: sum(found) / len(found) for part, found in shares.items()},
        intervals={part: _interval(found) for part, found in shares.items()},
        means_ms={part: sum(m[part] for m in means) / len(means) for part in (WHOLE, *PARTS)},
    )


def _stated(sample: TrialSample, operation: str) -> int:
    rows = sample.where(operation)
    return int((np.isfinite(sample.app[rows]) & ~sample.failed[rows]).sum())


def _interval(values: Sequence[float]) -> MeanInterval | None:
    try:
        return mean_interval(values)
    except TooFewSamples:
        return None
