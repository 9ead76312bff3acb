"""The parts of the selftest as experiments of a run, in the order they are made."""

from __future__ import annotations

from collections.abc import Callable

from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest import aa, coverage, gates_tripped, planted

NAME = "selftest"
PARTS: dict[str, Callable[[Laboratory], None]] = {
    gates_tripped.PART: gates_tripped.run,
    planted.PART: planted.run,
    aa.PART: aa.run,
    coverage.PART: coverage.run,
}


def run_all(lab: Laboratory) -> None:
    """All parts, one after the other."""
    for run in PARTS.values():
        run(lab)


SELFTEST_EXPERIMENTS = {NAME: run_all, **{f"{NAME}-{part}": run for part, run in PARTS.items()}}
