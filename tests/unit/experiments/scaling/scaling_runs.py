"""Synthetic scaling runs: planted capacities by level and block, CPU, memory, quota use."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.results.journal import ComponentUsage, RunWriter, TrialStatus
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry

MIB = 2**20
MIXES = ("mixed", "hot_browse")
QUOTA = 0.1
COPY_MIB, REPLICA_MIB, EDGE_MIB = 64, 40, 15
DATABASE_CORES = 0.05
PATHS = {
    "monolith": [{"monolith": n} for n in range(1, 6)],
    "microservices": [
        {"gateway": 1, "users": 1, "inventory": 1, "orders": 1, "payments": 1},
        {"gateway": 2, "users": 1, "inventory": 1, "orders": 1, "payments": 1},
        {"gateway": 2, "users": 1, "inventory": 2, "orders": 1, "payments": 1},
        {"gateway": 3, "users": 1, "inventory": 2, "orders": 1, "payments": 1},
        {"gateway": 3, "users": 1, "inventory": 3, "orders": 1, "payments": 1},
    ],
}
Capacity = Callable[[str, str, int, int], float | None]


def planted(name: str, mix: str, level: int, block: int) -> float | None:
    """Each copy adds 60/s; each replica adds 90/s from 150 (mixed), 120/s from 250 (hot)."""
    wobble = 1 + 0.01 * ((block * 7 + level * 3) % 5 - 2)
    if name == "monolith":
        return 60.0 * (level + 1) * wobble
    first, more = (150.0, 90.0) if mix == "mixed" else (250.0, 120.0)
    return (first + more * level) * wobble


def scaling_run(  # noqa: PLR0913 - what is planted
    root: Path,
    *,
    capacity: Capacity = planted,
    blocks: int = 3,
    mixes: tuple[str, ...] = MIXES[:1],
    profile: str = "quick",
    paths: dict[str, list[dict[str, int]]] | None = None,
    status: Callable[[str], TrialStatus] = lambda name: "valid",
) -> Path:
    """A run in which every search found the planted capacity within 8 %."""
    plan = Plan(profile=profile, requests=60, measured_s=10.0)
    paths = paths or PATHS
    writer = RunWriter.create(root, "run", facts(plan, {"cpus": [0]}))
    cells = []
    for mix in mixes:
        for name, path in paths.items():
            for block in range(blocks):
                for level, replicas in enumerate(path):
                    found = capacity(name, mix, level, block)
                    key = {"deployment": name, "mix": mix, "block": block, "level": level}
                    quota = round(sum(replicas.values()) * QUOTA, 6)
                    low = high = None
                    if found is not None:
                        low, high = found / 1.04, found * 1.04
                        _probe(writer, plan, key, replicas, (0, low, True), status(name))
                    cells.append(
                        {
                            **key, "replicas": replicas, "quota_cores": quota,
                            "low_rps": low, "high_rps": high, "closed": low is not None,
                            "reason": "" if low else "7 probes", "probes": 2,
                        }
                    )  # fmt: skip
    told = {f"{mix}/{name}": _steps(path) for mix in mixes for name, path in paths.items()}
    writer.add_settings(scaling={"cells": cells, "paths": told, "replica_cores": QUOTA})
    writer.finish()
    return writer.path


def _steps(path: list[dict[str, int]]) -> list[dict[str, Any]]:
    """What the pilot would have noted: the component that grows next."""
    steps = []
    for level, replicas in enumerate(path):
        after = path[min(level + 1, len(path) - 1)]
        grew = next((n for n in replicas if after[n] > replicas[n]), next(iter(replicas)))
        steps.append({"replicas": replicas, "saturation_rps": 90.0, "uses": {}, "bottleneck": grew})
    return steps


def _probe(  # noqa: PLR0913, PLR0917 - what names a probe
    writer: RunWriter,
    plan: Plan,
    key: dict[str, Any],
    replicas: dict[str, int],
    probed: tuple[int, float, bool],
    status: TrialStatus,
) -> None:
    number, load, passed = probed
    name, level = key["deployment"], key["level"]
    due = np.linspace(2.0, 11.99, plan.requests)
    rate = plan.requests / plan.measured_s  # what the rows say, not the planted load
    usage = {"edge:" + next(iter(replicas)): ComponentUsage(0.01 / rate * plan.requests, 15 * MIB)}
    usage["db:shop"] = ComponentUsage(DATABASE_CORES / rate * plan.requests, 100 * MIB)
    for component, n in replicas.items():
        mib = COPY_MIB if name == "monolith" else REPLICA_MIB
        for copy in range(1, n + 1):
            usage[f"{component}#{copy}"] = ComponentUsage(0.5, mib * MIB)
    used = {f"use/{each}": 0.3 for each in replicas} | {f"use/{next(iter(replicas))}": 0.93}
    held = {f"held_back/{each}": 0.1 for each in replicas}
    block = key["block"] * 10_000 + level * 100 + number
    entry = trial_entry(
        plan,
        trial_id=f"scaling-{key['mix']}-b{block:06}-{name}",
        experiment="scaling",
        block=block,
        position=0,
        deployment=name,
        mix=key["mix"],
        offered_rps=load,
        status=status,
        usage=usage,
        facts={
            "level": float(level), "quota_cores": sum(replicas.values()) * QUOTA, **used, **held,
            "slo_pass": float(passed), "slo_p95_ms": 100.0, "slo_p95_ms_pass": float(passed),
        },
    )  # fmt: skip
    writer.add_trial(entry, make_rows(due, np.full(plan.requests, 0.05), ["order"] * plan.requests))
