"""Has a cell enough blocks? It has once its intervals are narrow, whatever the result is."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

import numpy as np
import pyarrow as pa

from bench.engine.run_context import RunContext
from bench.results.journal import RunReader, Trial
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios
from bench.stats.precision import stop_rule
from bench.stats.quantiles import exact_quantile

QUANTILES = {"p50": 0.5, "p95": 0.95}


class Cell(Protocol):
    """One mix at one offered load."""

    @property
    def mix(self) -> str:
        """Its mix."""

    @property
    def offered_rps(self) -> float:
        """Its load."""


def precise_enough(ctx: RunContext, experiment: str, cell: Cell) -> bool:
    """Apply the stop rule to p50, p95 and CPU of every deployment against the first.

    p95 only where every trial has requests enough for one.
    """
    blocks = _valid_blocks(ctx, experiment, cell)
    if not blocks:
        return False
    names = [trial.deployment for trial in blocks[0]]
    logs, kinds = {}, {}
    try:
        for kind, values in _metrics(ctx, blocks).items():
            for name in names[1:]:
                logs[f"{kind} {name}"] = log_ratios(values[name], values[names[0]])
                kinds[f"{kind} {name}"] = kind
        return stop_rule(logs, kinds, max_blocks=ctx.profile.max_blocks).precise
    except StatisticsError:
        return False


def _valid_blocks(ctx: RunContext, experiment: str, cell: Cell) -> list[list[Trial]]:
    """Trials of the last attempt of each block, by deployment; without the invalid blocks."""
    last: dict[int, list[Trial]] = {}
    for trial in ctx.writer.journal.trials:
        wanted = (experiment, cell.mix, cell.offered_rps)
        if (trial.experiment, trial.mix, trial.offered_rps) != wanted:
            continue
        held = last.get(trial.block, [])
        last[trial.block] = [trial] if held and held[0].attempt < trial.attempt else [*held, trial]
    valid = [block for block in last.values() if all(t.status != "invalid" for t in block)]
    return [sorted(block, key=lambda trial: trial.deployment) for block in valid]


def _metrics(ctx: RunContext, blocks: list[list[Trial]]) -> dict[str, dict[str, list[float]]]:
    """Values by metric and deployment; a metric that some trial cannot carry is left out."""
    found: dict[str, dict[str, list[float]]] = {"p50": {}, "cpu": {}, "p95": {}}
    reader = RunReader(ctx.writer.path)
    for trial in (trial for block in blocks for trial in block):
        values = trial_values(trial, reader.rows(trial.trial_id))
        for kind in [*found]:
            if kind in values:
                found[kind].setdefault(trial.deployment, []).append(values[kind])
            else:  # too few requests for a p95; of a service without a process id no CPU
                del found[kind]
    return found


def trial_values(trial: Trial, rows: pa.Table) -> dict[str, float]:
    """Response time p50 and p95 in ms and CPU-ms a request, where the trial can carry them."""
    due, done = (np.asarray(rows.column(name), dtype=np.float64) for name in ("due_s", "done_s"))
    inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
    found = {}
    for kind, q in QUANTILES.items():
        with suppress(StatisticsError):  # too few for it
            found[kind] = float(exact_quantile((done - due)[inside] * 1000, q))
    spent_ms = _cpu_ms(trial)
    return found if spent_ms is None else {**found, "cpu": spent_ms}


def _cpu_ms(trial: Trial) -> float | None:
    """CPU-ms a request; that of the bench's own proxy is none of it. None: not metered."""
    spent_s = sum(u.cpu_seconds for name, u in trial.usage.items() if not name.startswith("bench:"))
    return spent_s * 1000 / trial.cpu_requests if trial.cpu_requests and spent_s > 0 else None
