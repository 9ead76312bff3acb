"""All parts of the selftest, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.experiments.selftest import busy, disturbance, gates_tripped, generator, planted
from bench.registry import Planned

Examine = Callable[[Path], list[dict[str, Any]]]
_MODULES = (gates_tripped, generator, planted, disturbance, busy)


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The sum of the parts."""
    return sum((each.planned(options, profile, settings) for each in _MODULES), Planned(0.0))


def run(ctx: RunContext) -> None:
    """Every part; each is judged by itself."""
    for module in _MODULES:
        module.run(ctx)


def examine(part: str, run_dir: Path) -> list[dict[str, Any]]:
    """Judge a part that a run recorded by today's rules; return the outcomes as rows.

    Raises ShopbenchError for a run without it, CorruptResults for a damaged one.
    """
    again: dict[str, Examine] = {m.PART: m.examine for m in (planted, disturbance, busy, generator)}
    return again[part](run_dir)
