"""When a cell has blocks enough: the intervals are narrow, whatever they say."""

from __future__ import annotations

from typing import Protocol

from bench.experiments.laboratory import Laboratory
from bench.experiments.values import Columns, cell_values
from bench.journal import RunReader, Trial
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios
from bench.stats.precision import stop_rule


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
    """Values by metric and deployment; a metric that some trial cannot carry is left out."""
    found: dict[str, dict[str, list[float]]] = {"p50": {}, "cpu": {}, "p95": {}}
    reader = RunReader(lab.writer.path)
    trials = [trial for block in blocks for trial in block]
    columns = [Columns.of(trial, reader.rows(trial.trial_id)) for trial in trials]
    for trial, values in zip(trials, cell_values(trials, columns), strict=True):
        for kind in [*found]:
            if kind in values.metrics:
                found[kind].setdefault(trial.deployment, []).append(values.metrics[kind])
            else:  # too few requests for a p95; of a service without a process id no CPU
                del found[kind]
    return found
