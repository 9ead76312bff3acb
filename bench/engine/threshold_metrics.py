"""The plain values of a finished run that a pipeline may hold to a limit (`--fail-on`)."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from bench.engine.fail_on import Measured
from bench.registry import registered
from bench.results.journal import RunReader, Trial
from bench.results.paired.rounds import cpu_ms_of, is_twin
from bench.stats.errors import StatisticsError
from bench.stats.quantiles import exact_quantile

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measured_values(reader: RunReader) -> list[Measured]:
    """Every metric of every deployment and operation, pooled over the trials that count.

    A quantile with too few samples is left out, so a condition on it is broken rather than passed;
    so is the throughput of paired rounds, which wait between requests.
    """
    pools: dict[tuple[str, str], list[tuple[NDArray[np.float64], NDArray[np.bool_]]]]
    pools = defaultdict(list)
    cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    counting = {name for experiment in registered() for name in experiment.thresholds}
    for trial in (each for each in reader.trials if _counts(each, counting)):
        for operation, times, failed in _by_operation(reader, trial):
            pools[trial.deployment, operation].append((times, failed))
            seconds[trial.deployment, operation] += trial.measured_s if trial.loop == "open" else 0
        spent_ms = cpu_ms_of(trial)
        if spent_ms is not None:
            cpu[trial.deployment, trial.mix].append(spent_ms)
    found: list[Measured] = []
    for (deployment, operation), parts in pools.items():
        times = np.concatenate([each for each, _ in parts])
        failed = np.concatenate([each for _, each in parts])
        found += _quantiles(deployment, operation, times)
        found.append(Measured("errors", deployment, operation, float(failed.mean())))
        if lasted_s := seconds[deployment, operation]:
            good = float((~failed).sum()) / lasted_s
            found.append(Measured("throughput", deployment, operation, good))
    found += [
        Measured("cpu", deployment, mix, float(np.mean(values)))
        for (deployment, mix), values in cpu.items()
    ]
    return found


def _counts(trial: Trial, counting: set[str]) -> bool:
    """Whether its values are what a deployment does undisturbed; no second instance."""
    return (
        trial.experiment in counting
        and trial.loop != "closed"
        and trial.status != "invalid"
        and not is_twin(trial.deployment)
    )


def _by_operation(
    reader: RunReader, trial: Trial
) -> list[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """(operation, response times in ms, failed) of the measured window."""
    rows = reader.rows(trial.trial_id)
    due, done = (np.asarray(rows.column(name), dtype=float) for name in ("due_s", "done_s"))
    names = np.asarray(rows.column("operation").to_pylist(), dtype=object)
    failed = np.asarray([text != "" for text in rows.column("error").to_pylist()], dtype=bool)
    inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
    return [
        (str(name), (done - due)[chosen] * 1000, failed[chosen])
        for name in np.unique(names[inside].astype(str))
        if (chosen := inside & (names == name)).any()
    ]


def _quantiles(deployment: str, operation: str, times: NDArray[np.float64]) -> list[Measured]:
    found = []
    for metric, q in _QUANTILES.items():
        try:
            value = exact_quantile(times, q)
        except StatisticsError:
            continue
        found.append(Measured(metric, deployment, operation, float(value)))
    return found
