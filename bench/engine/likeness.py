"""`run --like RUN`: the same experiments, options and offered loads as another run's.

Two runs that look for their own loads measure different points; one that takes them over can be
held against the other. Neighbours: `registry` knows which settings are loads, `runner` takes them
over before it measures, `resume` reads the stored options.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.engine.options import RunOptions
from bench.engine.resume import Stored, differs, wanted
from bench.errors import CorruptResults, ShopbenchError
from bench.machine import machine_facts, package_versions, source_commit
from bench.registry import loads_in, named
from bench.results.journal import Journal, RunReader, RunWriter

LIKE = "like"  # the setting that says which run it is like


def wanted_like(run_dir: Path) -> Stored:
    """What a run like this one is asked for. Raises ShopbenchError (usage) if it does not say."""
    journal = _journal(run_dir)
    asked = wanted(journal.settings, run_dir)
    _loads(run_dir, journal)  # what is no load is said before anything starts
    fresh = RunOptions()
    options = replace(
        asked.options,
        like=run_dir,
        command=fresh.command,
        results_root=fresh.results_root,
        fail_on=(),
    )
    return Stored(asked.experiments, options)


def take_over(writer: RunWriter, run_dir: Path) -> None:
    """Put the other run's loads into the journal of one that has not measured, and say so."""
    journal = _journal(run_dir)
    loads = _loads(run_dir, journal)
    asked = wanted(journal.settings, run_dir)
    writer.add_settings(
        **{LIKE: {"run": journal.run_id, "loads": list(loads)}},
        **_nested(loads),
    )
    taken = ", ".join(loads) or "none, it looked for none"
    writer.note(
        f"like {journal.run_id}: the same experiments, profile, seed, mixes and deployments; "
        f"loads taken over: {taken}"
    )
    if anew := _found_anew(asked.experiments, loads):
        writer.note(f"loads that {journal.run_id} does not state are found anew: {', '.join(anew)}")
    if reason := differs(journal, machine_facts(), source_commit()[0], package_versions()):
        writer.note(f"not all is like {journal.run_id}: {reason}")


def _journal(run_dir: Path) -> Journal:
    try:
        return RunReader(run_dir, exact=True).journal
    except CorruptResults as exc:
        raise ShopbenchError(f"cannot be like that run: {exc.message}", 2) from exc


def _loads(run_dir: Path, journal: Journal) -> dict[str, Any]:
    found = loads_in(journal.settings)
    for name, value in found.items():
        if not _is_load(value):
            raise ShopbenchError(f"{run_dir}: its {name} holds no loads", 2)
    return found


def _is_load(value: object) -> bool:
    """Whether it is made of numbers that can be offered, with names."""
    if isinstance(value, Mapping):
        return bool(value) and all(map(_is_load, value.values()))
    if isinstance(value, list):
        return all(map(_is_load, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return math.isfinite(value) and value >= 0
    return isinstance(value, str)


def _nested(loads: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted names as the settings they are."""
    found: dict[str, Any] = {}
    for name, value in loads.items():
        *outer, last = name.split(".")
        inner = found
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found


def _found_anew(experiments: list[str], loads: Mapping[str, Any]) -> list[str]:
    return [load for each in experiments for load in named(each).loads if load not in loads]
