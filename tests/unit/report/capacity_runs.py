"""Synthetic capacity searches: probes with known outcomes, CPU and memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.journal import ComponentUsage, RunWriter, TrialStatus
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


def capacity_run(
    root: Path,
    capacities: Mapping[str, Sequence[float]],
    *,
    profile: str = "standard",
    end: Literal["confirmed", "open", "interrupted", "invalid"] = "confirmed",
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """A run with one search a capacity: it passes twice there and fails 5 % above it.

    `end`: confirmed, left open, or without an end (with valid or invalid probes).
    """
    status: TrialStatus = "invalid" if end == "invalid" else "valid"
    plan = Plan(profile=profile, requests=400, measured_s=10.0)
    writer = RunWriter.create(root, "run", facts(plan, {"cpus": [0], "slo": SLO}))
    if settings:
        writer.add_settings(**settings)
    ends = []
    for deployment, found in capacities.items():
        for search, rps in enumerate(found):
            for number, (load, passed) in enumerate(
                [(rps / 2, True), (rps, True), (rps, True), (rps * 1.05, False)]
            ):
                _probe(writer, plan, (deployment, search, number), (load, passed), status)
            bracket = {"low_rps": rps, "high_rps": rps * 1.05, "confirmed": end == "confirmed"}
            reason = "" if end == "confirmed" else "16 probes did not settle it"
            key = {"mix": "mixed", "deployment": deployment, "search": search}
            ends.append({**key, **bracket, "reason": reason, "probes": 4})
    if end in ("confirmed", "open"):
        writer.add_settings(capacity_searches=ends)
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
    rng = np.random.default_rng(1000 * search + number)
    due = np.sort(rng.uniform(2.0, 12.0, plan.requests))
    response = rng.lognormal(-4, 0.3, plan.requests)
    block = 1000 * search + number
    entry = trial_entry(
        plan,
        trial_id=f"capacity-mixed-{load:g}-b{block:04}-{deployment}".replace(".", "p"),
        experiment="capacity",
        block=block,
        position=0,
        deployment=deployment,
        mix="mixed",
        offered_rps=load,
        status=status,
        usage={
            "shop": ComponentUsage(CPU_MS[deployment] * plan.requests / 1000, PSS_BYTES),
            "load:worker": ComponentUsage(99.0, PSS_BYTES),
        },
        facts={
            "search": float(search),
            "probe": float(number),
            "confirm": float(number >= 2),
            "slo_p95_ms": 30.0 if passed else 250.0,
            "slo_p95_ms_pass": float(passed),
            "slo_error_share": 0.0,
            "slo_error_share_pass": 1.0,
            "slo_pass": float(passed),
        },
    )
    writer.add_trial(entry, make_rows(due, response, ["order"] * plan.requests))
