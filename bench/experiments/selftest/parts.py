"""The parts of the selftest as experiments of a run, in the order they are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest import busy, disturbance, gates_tripped, generator, planted

NAME = "selftest"
Experiment = Callable[[Laboratory], None]
Examine = Callable[[Path], list[dict[str, Any]]]
_MODULES = (gates_tripped, generator, planted, disturbance, busy)
PART_NAMES = tuple(module.PART for module in _MODULES)


def _part(announce: Experiment, run: Experiment) -> Experiment:
    def part(lab: Laboratory) -> None:
        announce(lab)
        run(lab)

    return part


def run_all(lab: Laboratory) -> None:
    """All parts, one after the other; all are announced first, for an honest time left."""
    for module in _MODULES:
        module.announce(lab)
    for module in _MODULES:
        module.run(lab)


SELFTEST_EXPERIMENTS: dict[str, Experiment] = {
    NAME: run_all,
    **{f"{NAME}-{module.PART}": _part(module.announce, module.run) for module in _MODULES},
}


def examine(part: str, run_dir: Path) -> list[dict[str, Any]]:
    """Judge a part that a run recorded by today's rules; return the outcomes as rows.

    Raises ShopbenchError for a run without it, CorruptResults for a damaged one.
    """
    again: dict[str, Examine] = {m.PART: m.examine for m in (planted, disturbance, busy, generator)}
    return again[part](run_dir)
