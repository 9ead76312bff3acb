"""Made-up runs of `footprint`: planted memory, CPU and start time of each start, and two loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.experiments.footprint.records import (
    MIB,
    NAME,
    Counts,
    Databases,
    Load,
    Shipped,
    Start,
    Window,
)
from bench.results.journal import ComponentUsage, RunWriter
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry

MONOLITH, SERVICES = "monolith", "microservices"
PARTS = {
    MONOLITH: {"monolith": 100.0, "db:shop": 50.0},
    SERVICES: {"gateway": 40.0, "users": 80.0, "orders": 120.0, "db:users": 60.0},
}
IDLE_CORES = {MONOLITH: 0.002, SERVICES: 0.008}
COLD_S = {MONOLITH: 0.7, SERVICES: 1.6}
REQUEST_CPU_S = {MONOLITH: 0.005, SERVICES: 0.004}
CAPACITY_RPS = {MONOLITH: 100.0, SERVICES: 200.0}
REQUESTS = 20

Change = Callable[[Start], Start]


def start_of(name: str, number: int, *, counted: bool = True) -> Start:
    """A start with the planted numbers, a little different from start to start."""
    wobble = 1 + 0.01 * (number % 3 - 1)
    parts = PARTS[name]
    cpu_s = {part: IDLE_CORES[name] * wobble / len(parts) for part in parts}
    pss = {part: round(mib * wobble * MIB) for part, mib in parts.items()}
    per_part = dict.fromkeys(parts, 3)
    return Start(
        deployment=name,
        number=number,
        position=0,
        counted=counted,
        up_s=3.0,
        cold_start_s=COLD_S[name] * wobble,
        first_answer_ms={"product_list": 20.0 * wobble, "order": 40.0 * wobble},
        settled_s=0.6,
        settled=True,
        idle=Window(1.0, cpu_s, pss),
        counts=Counts(per_part, per_part, per_part, 16, 0, 2),
        databases=Databases(16, 10 * MIB, 60 * MIB, 61 * MIB),
    )


def load_of(name: str, *, half: bool, valid: bool = True) -> Load:
    """A load of two seconds: idle CPU, and the planted CPU of each request."""
    requests = REQUESTS if half else 2
    cpu_s = 2.0 * IDLE_CORES[name] + requests * REQUEST_CPU_S[name]
    pss = {part: round(mib * (1.2 if half else 1.0) * MIB) for part, mib in PARTS[name].items()}
    capacity_rps = CAPACITY_RPS[name] if half else None
    rate = CAPACITY_RPS[name] / 2 if half else 1.0
    window = Window(2.0, {next(iter(pss)): cpu_s}, pss)
    return Load(name, 0, half, rate, capacity_rps, requests, 0, valid, window)


def settings_of(
    starts: int = 6, *, change: Change = lambda start: start, **others: Any
) -> Mapping[str, Any]:
    """The setting of a whole run. `change`: what is planted in each start."""
    names = (MONOLITH, SERVICES)
    found = [change(start_of(name, number)) for number in range(1, starts + 1) for name in names]
    rehearsed = [start_of(name, 0, counted=False) for name in names]
    loads = [load_of(name, half=half) for name in names for half in (False, True)]
    shipped = [Shipped(name, {"a": 2 * MIB, "b": MIB}, 2048, {}) for name in names]
    whole = {"starts": rehearsed + found, "loads": loads, "shipped": shipped, **others}
    told: Mapping[str, Any] = msgspec.to_builtins(whole)
    return told


def footprint_run(root: Path, settings: Any = None, profile: str = "quick") -> Path:
    """A finished run with the trials of its loads."""
    plan = Plan(profile=profile, requests=REQUESTS, measured_s=2.0)
    told = settings_of() if settings is None else settings
    writer = RunWriter.create(root, "run", facts(plan, {NAME: told}))
    due = np.linspace(2.0, 3.9, REQUESTS)
    for name in PARTS:
        entry = trial_entry(
            plan,
            trial_id=f"{NAME}-{name}",
            experiment=NAME,
            block=0,
            position=0,
            deployment=name,
            mix="journeys",
            offered_rps=CAPACITY_RPS[name] / 2,
            status="valid",
            usage={part: ComponentUsage(0.01, MIB) for part in PARTS[name]},
        )
        writer.add_trial(entry, make_rows(due, np.full(REQUESTS, 0.01), ["order"] * REQUESTS))
    writer.finish()
    return writer.path
