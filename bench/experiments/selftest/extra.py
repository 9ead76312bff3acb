"""What a planted variant did beyond its base: the share of it in what is compared.

Only for the reference servers, which work on one request at a time and state the extra work as
`db` in their `Server-Timing`; of a shop the same name means its databases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.experiments.values import Columns, TrialValues, cell_values, cpu_ms
from bench.journal import Trial
from bench.stats.queueing import without_extra


@dataclass(frozen=True)
class PlantedValues(TrialValues):
    """`extra_share`: of p50 and cpu, what the stated extra work makes of each; {}: none stated."""

    extra_share: Mapping[str, float] = field(default_factory=dict)


def planted_values(trials: Sequence[Trial], columns: Sequence[Columns]) -> list[PlantedValues]:
    """Compute the values of all trials of a cell, each with the share of its extra work."""
    values = cell_values(trials, columns)
    return [
        PlantedValues(v.metrics, v.app_ms_p50, v.app_ms_mean, dict(_shares(c, cpu_ms(t))))
        for v, t, c in zip(values, trials, columns, strict=True)
    ]


def _shares(columns: Columns, spent_ms: float | None) -> Iterator[tuple[str, float]]:
    """Each from the requests that are compared, so that the core's speed does not matter."""
    stated = ~np.isnan(columns.db)
    share = _median_share(columns, stated & ~np.isnan(columns.response))
    if share is not None:
        yield "p50", share
        if spent_ms is not None:
            yield "cpu", float(np.mean(columns.db[stated])) / spent_ms


def _median_share(columns: Columns, known: NDArray[np.bool_]) -> float | None:
    """How much lower the median would be without the extra, as a share of it; None: not stated."""
    order = np.flatnonzero(known)
    order = order[np.argsort(columns.due[order], kind="stable")]
    due, response = columns.due[order], columns.response[order]
    measured = columns.inside[order]
    if not measured.any():
        return None
    outside = (response - columns.app[order])[measured]  # on the way, there and back
    way = max(0.0, float(np.nanmedian(outside))) if not np.isnan(outside).all() else 0.0
    less = without_extra(due + way, due + response, columns.db[order]) - due
    return 1 - float(np.median(less[measured])) / float(np.median(response[measured]))
