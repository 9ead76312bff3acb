"""The faults that can be injected, and what each means in a given deployment. Pure: no I/O.

A fault names a component of the shop; `plan` works out its twin: what is done to the process,
database, hop or module that this component is in this deployment, or why there is nothing of the
kind. Neighbours: `nemesis` does it and undoes it, `fault_ledger` remembers what is to be undone.
"""

from __future__ import annotations

from bench.faults.model import (
    EDGE,
    DeploymentFacts,
    Fault,
    Injection,
    NotApplicable,
    Step,
    facts_from,
)
from bench.faults.twins import TWINS

__all__ = [
    "EDGE",
    "DeploymentFacts",
    "Fault",
    "Injection",
    "NotApplicable",
    "Step",
    "catalogue",
    "facts_from",
    "plan",
]


def catalogue() -> tuple[Fault, ...]:
    """The default faults: each kind once, at the component where a shop feels it most."""
    return (
        Fault("crash", "payments"),
        Fault("crash", EDGE),
        Fault("crash_worker", "payments"),
        Fault("hang", "payments"),
        Fault("hang_worker", "payments"),
        Fault("slow", "payments"),
        Fault("errors", "payments"),
        Fault("database_down", "orders"),
        Fault("database_slow", "inventory"),
        Fault("database_blackhole", "payments"),
        Fault("hop_latency", "inventory"),
        Fault("hop_loss", "inventory"),
        Fault("hop_blackhole", "payments"),
        Fault("hop_reset", "payments"),
        Fault("poison", "payments"),
        Fault("cpu_hog", "inventory"),
        Fault("memory_leak", "inventory"),
        Fault("bad_release", "orders"),
        Fault("overload", seconds=10.0),
    )


def plan(fault: Fault, facts: DeploymentFacts) -> Injection | NotApplicable:
    """Work out what exactly a fault is in a deployment."""
    try:
        return TWINS[fault.kind](fault, facts)
    except NotApplicable as finding:
        return finding
