"""How long a cell is warmed up: the profile's time, or longer once its first blocks still drift.

Where deployments are fresh for every trial, a cell in whose first three blocks a deployment
drifts the same way twice gets a longer warm-up, once, for all deployments alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.experiments.laboratory import Laboratory, cell_name
from bench.journal import Trial

LENGTHENED = "warmup_lengthened"  # the setting
FACTOR = 2.0
_GATE = "drift"
_DECIDING_BLOCKS, _ENOUGH = 3, 2


def warmup_s(lab: Laboratory, key: tuple[str, str, float], block: int) -> float:
    """The warm-up of a cell's block in seconds, for all deployments; decided once, and recorded."""
    usual = lab.profile.warmup_s
    if not lab.profile.restart:  # what stays up is warm after the first trials
        return usual
    kept = lab.setting(LENGTHENED) or {}
    name = cell_name(key)
    if name not in kept:
        culprit = drifts_again(key, lab.writer.journal.trials)
        if not culprit:
            return usual
        kept = {**kept, name: {"from_block": block, "warmup_s": FACTOR * usual}}
        lab.writer.add_settings(**{LENGTHENED: kept})
        lab.writer.note(
            f"{name}: {culprit} was still drifting after a warm-up of {usual:g} s; from block "
            f"{block + 1} on all deployments get {FACTOR * usual:g} s"
        )
    return float(kept[name]["warmup_s"]) if block >= kept[name]["from_block"] else usual


def drifts_again(key: tuple[str, str, float], trials: Iterable[Trial]) -> str:
    """The deployment that drifted the same way in two of a cell's first three blocks, or ""."""
    seen: dict[tuple[str, bool], set[int]] = {}
    for trial in trials:
        if (trial.experiment, trial.mix, trial.offered_rps) != key or trial.status == "invalid":
            continue
        for gate in trial.gates:
            if gate.name == _GATE and gate.outcome == "flag" and trial.block < _DECIDING_BLOCKS:
                way = (trial.deployment, (gate.value or 0.0) > 0)
                seen.setdefault(way, set()).add(trial.block)
    return next((name for (name, _), blocks in seen.items() if len(blocks) >= _ENOUGH), "")
