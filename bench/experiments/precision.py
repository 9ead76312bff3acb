"""When a cell has blocks enough: the intervals are narrow, whatever they say."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bench.experiments.laboratory import Laboratory
from bench.journal import RunReader, Trial
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios
from bench.stats.precision import stop_rule
from bench.stats.quantiles import exact_quantile


class Cell(Protocol):
    """One mix at one offered load."""

    @property
    def mix(self) -> str:
        """Its mix."""

    @property
    def offered_rps(self) -> float:
        """Its load."""


def precise_enough(lab: Laboratory, experiment: str, cell: Cell) -> bool:
    """Apply the stop rule to p50 and CPU of every deployment against the first."""
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
        return stop_rule(logs, kinds, max_blocks=lab.profile.max_blocks).stop
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
    found: dict[str, dict[str, list[float]]] = {"p50": {}, "cpu": {}}
    reader = RunReader(lab.writer.path)
    for block in blocks:
        for trial in block:
            rows = reader.rows(trial.trial_id)
            due, done = (np.asarray(rows.column(name)) for name in ("due_s", "done_s"))
            inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
            p50 = exact_quantile((done - due)[inside], 0.5)
            cpu = sum(used.cpu_seconds for used in trial.usage.values()) / trial.cpu_requests
            found["p50"].setdefault(trial.deployment, []).append(p50)
            found["cpu"].setdefault(trial.deployment, []).append(cpu)
    return found
