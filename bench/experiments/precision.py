"""When a cell has blocks enough: the intervals are narrow, whatever they say."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bench.experiments.laboratory import Laboratory
from bench.journal import RunReader, Trial
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios
from bench.stats.precision import stop_rule
from bench.stats.quantiles import exact_quantile, minimum_samples


class Cell(Protocol):
    """One mix at one offered load."""

    @property
    def mix(self) -> str:
        """Its mix."""

    @property
    def offered_rps(self) -> float:
        """Its load."""


def precise_enough(lab: Laboratory, experiment: str, cell: Cell) -> bool:
    """Apply the stop rule to p50, p95 and CPU of every deployment against the first.

    p95 only where every trial has requests enough for one.
    """
    blocks = _valid_blocks(lab, experiment, cell)
    if not blocks:
        return False
    names = [trial.deployment for trial in blocks[0]]
    logs, kinds = {}, {}
    try:
        for kind, values in _metrics(lab, blocks).items():
            for name in names[1:]:
                logs[f"{kind} {name}"] = log_ratios(values[name], values[names[0]])
                kinds[f"{kind} {name}"] = kind
        return stop_rule(logs, kinds, max_blocks=lab.profile.max_blocks).precise
    except StatisticsError:
        return False


def _valid_blocks(lab: Laboratory, experiment: str, cell: Cell) -> list[list[Trial]]:
    """Trials of the last attempt of each block, by deployment; without the invalid blocks."""
    last: dict[int, list[Trial]] = {}
    for trial in lab.writer.journal.trials:
        wanted = (experiment, cell.mix, cell.offered_rps)
        if (trial.experiment, trial.mix, trial.offered_rps) != wanted:
            continue
        held = last.get(trial.block, [])
        last[trial.block] = [trial] if held and held[0].attempt < trial.attempt else [*held, trial]
    valid = [block for block in last.values() if all(t.status != "invalid" for t in block)]
    return [sorted(block, key=lambda trial: trial.deployment) for block in valid]


def _metrics(lab: Laboratory, blocks: list[list[Trial]]) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {"p50": {}, "cpu": {}, "p95": {}}
    fewest = None
    reader = RunReader(lab.writer.path)
    for block in blocks:
        for trial in block:
            rows = reader.rows(trial.trial_id)
            due, done = (np.asarray(rows.column(name)) for name in ("due_s", "done_s"))
            inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
            times = (done - due)[inside]
            fewest = times.size if fewest is None else min(fewest, times.size)
            if times.size >= minimum_samples(0.95):
                p95 = exact_quantile(times, 0.95)
                found["p95"].setdefault(trial.deployment, []).append(p95)
            p50 = exact_quantile(times, 0.5)
            cpu = _shop_cpu_s(trial) / trial.cpu_requests
            found["p50"].setdefault(trial.deployment, []).append(p50)
            found["cpu"].setdefault(trial.deployment, []).append(cpu)
    if fewest is None or fewest < minimum_samples(0.95):
        del found["p95"]
    if not all(trial.usage for block in blocks for trial in block):
        del found["cpu"]  # of a service without a process id nobody knows it
    return found


def _shop_cpu_s(trial: Trial) -> float:
    """CPU of the shop alone: a proxy of the bench stands for the network."""
    return sum(u.cpu_seconds for name, u in trial.usage.items() if not name.startswith("bench:"))
