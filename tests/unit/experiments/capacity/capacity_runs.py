"""Synthetic runs of `capacity`: searches with known outcomes, windows at saturation, a curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.results.journal import ComponentUsage, RunWriter, TrialStatus
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry

SLO = {
    "p95_ms": 200.0,
    "error_share": 0.001,
    "goodput_share": 0.99,
    "settle_lag_s": 2.0,
    "rise_share": 0.2,
    "rise_ms": 20.0,
    "lag_rise_s": 0.5,
}
CPU_MS = {"monolith": 2.0, "microservices": 4.0}
PSS_BYTES = 2**29
STEP = 1.08
PASSES = 6
SATURATED = {
    "monolith": 400.0,
    "modular": 1000.0,
    "modular-split": 900.0,
    "microservices": 600.0,
}


def capacity_run(
    root: Path,
    capacities: Mapping[str, Sequence[float]],
    *,
    profile: str = "quick",
    end: Literal["closed", "open", "interrupted", "invalid"] = "closed",
    saturated: Mapping[str, float] | None = None,
    loads: Sequence[float] = (),
) -> Path:
    """A run with one search a capacity: passes half of it and it, fails a step above.

    `end`: closed, left open, or without an end (with valid or invalid probes). `saturated`:
    requests/s of each deployment, a few percent apart from pass to pass, alike in all of them.
    `loads`: of a curve, of the deployments that were searched.
    """
    status: TrialStatus = "invalid" if end == "invalid" else "valid"
    plan = Plan(profile=profile, requests=400, measured_s=10.0)
    writer = RunWriter.create(root, "run", facts(plan, {"cpus": [0], "slo": SLO}))
    ends = []
    for deployment, found in capacities.items():
        for search, rps in enumerate(found):
            for number, (load, passed) in enumerate(
                [(rps / 2, True), (rps, True), (rps * STEP, False)]
            ):
                _probe(writer, plan, (deployment, search, number), (load, passed), status)
            ends.append(
                {
                    "mix": "mixed",
                    "deployment": deployment,
                    "search": search,
                    "low_rps": rps,
                    "high_rps": rps * STEP if end == "closed" else None,
                    "closed": end == "closed",
                    "reason": "" if end == "closed" else "10 probes",
                    "probes": 3,
                }
            )
    if end in ("closed", "open"):
        writer.add_settings(capacity_searches=ends)
    for number in range(PASSES if saturated else 0):
        for deployment, rps in (saturated or {}).items():
            # the machine's speed in this pass, and a percent of the window's own
            speed = 1 + 0.3 * (number % 3) + 0.01 * ((number + len(deployment)) % 2)
            _window(writer, plan, (deployment, number), rps * speed)
    for load in loads:
        for deployment in capacities:
            for block in range(3):
                _curve(writer, plan, (deployment, block), load)
    writer.finish()
    return writer.path


def _probe(
    writer: RunWriter,
    plan: Plan,
    key: tuple[str, int, int],
    probed: tuple[float, bool],
    status: TrialStatus,
) -> None:
    deployment, search, number = key
    load, passed = probed
    block = 1000 * search + number
    entry = {
        "trial_id": f"capacity-mixed-{load:g}-b{block:04}-{deployment}".replace(".", "p"),
        "experiment": "capacity",
        "block": block,
        "deployment": deployment,
        "offered_rps": load,
        "status": status,
        "facts": {
            "search": float(search),
            "probe": float(number),
            "slo_p95_ms": 30.0 if passed else 250.0,
            "slo_p95_ms_pass": float(passed),
            "slo_error_share": 0.0,
            "slo_error_share_pass": 1.0,
            "slo_pass": float(passed),
        },
    }
    _add(writer, plan, entry)


def _window(writer: RunWriter, plan: Plan, key: tuple[str, int], rps: float) -> None:
    deployment, number = key
    entry = {
        "trial_id": f"saturation-mixed-b{number:03}-{deployment}",
        "experiment": "capacity:saturation",
        "block": number,
        "deployment": deployment,
        "offered_rps": 0.0,
        "status": "valid",
        "loop": "closed",
        "facts": {"throughput_rps": rps},
    }
    _add(writer, plan, entry)


def _curve(writer: RunWriter, plan: Plan, key: tuple[str, int], load: float) -> None:
    deployment, block = key
    entry = {
        "trial_id": f"curve-mixed-{load:g}-b{block:03}-{deployment}",
        "experiment": "capacity:curve",
        "block": block,
        "deployment": deployment,
        "offered_rps": load,
        "status": "valid",
        "facts": {},
    }
    _add(writer, plan, entry)


def _add(writer: RunWriter, plan: Plan, entry: dict[str, Any]) -> None:
    rng = np.random.default_rng(len(writer.journal.trials))
    due = np.sort(rng.uniform(2.0, 12.0, plan.requests))
    response = rng.lognormal(-4, 0.3, plan.requests)
    cpu_s = CPU_MS.get(entry["deployment"], 1.0) * plan.requests / 1000
    usage = {
        "shop": ComponentUsage(cpu_s, PSS_BYTES),
        "load:worker": ComponentUsage(99.0, PSS_BYTES),
    }
    trial = trial_entry(plan, position=0, mix="mixed", usage=usage, **entry)
    writer.add_trial(trial, make_rows(due, response, ["order"] * plan.requests))
