"""What each fault is in each deployment, and what a fault that cannot be written says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.deployments.base import ComponentInfo
from bench.deployments.local.topology import NAMES, all_partitions
from bench.errors import ShopbenchError
from bench.faults.catalogue import (
    DeploymentFacts,
    Fault,
    Injection,
    NotApplicable,
    catalogue,
    facts_from,
    plan,
)
from bench.faults.explain import facts_of_topology
from bench.faults.parameters import DEFAULTS

HOP_KINDS = {"hop_latency", "hop_loss", "hop_blackhole", "hop_reset"}
ALL_IN_ONE = "users+inventory+orders+payments"


def planned(fault: Fault, name: str) -> Injection:
    found = plan(fault, facts_of_topology(name))
    assert isinstance(found, Injection), found
    return found


def target(kind: str, component: str, name: str) -> tuple[str, str]:
    (step,) = planned(Fault(kind, component), name).steps
    return step.action, step.target


def test_the_catalogue_has_every_kind() -> None:
    assert {fault.kind for fault in catalogue()} == set(DEFAULTS)
    assert len(catalogue()) >= 14
    assert len({fault.name for fault in catalogue()}) == len(catalogue())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", catalogue(), ids=lambda fault: fault.name)
def test_every_fault_has_a_twin_or_a_reason(fault: Fault, name: str) -> None:
    found = plan(fault, facts_of_topology(name))
    if isinstance(found, NotApplicable):
        assert fault.kind in HOP_KINDS
        assert name != "microservices"
        assert "no network between components" in found.reason
    else:
        assert found.does
        assert len(found.steps) == (0 if fault.kind == "overload" else 1)


@pytest.mark.parametrize("topology", all_partitions(), ids=lambda topology: topology.name)
def test_every_partition_has_hops_between_its_processes_only(topology) -> None:
    found = plan(Fault("hop_reset", "orders"), facts_of_topology(topology.name))
    assert isinstance(found, Injection) == topology.has_gateway


@pytest.mark.parametrize(
    ("kind", "component", "name", "expected"),
    [
        ("crash", "payments", "microservices", ("kill", "payments")),
        ("crash", "payments", "monolith", ("kill", "monolith")),
        ("crash", "payments", "modular", ("kill", ALL_IN_ONE)),
        ("crash", "payments", "users+inventory|orders+payments", ("kill", "orders+payments")),
        ("crash", "edge", "microservices", ("kill", "gateway")),
        ("crash", "edge", "monolith", ("kill", "monolith")),
        ("crash_worker", "payments", "monolith", ("kill", "monolith:worker")),
        ("crash_worker", "payments", "microservices", ("kill", "payments")),
        ("hang", "orders", "modular-split", ("pause", ALL_IN_ONE)),
        ("hang_worker", "orders", "monolith", ("pause", "monolith:worker")),
        ("slow", "users", "monolith", ("arm", "users.operation")),
        ("slow", "users", "microservices", ("arm", "users.operation")),
        ("errors", "orders", "modular", ("arm", "orders.operation")),
        ("poison", "payments", "modular-split", ("arm", "payments.operation")),
        ("cpu_hog", "inventory", "monolith", ("arm", "inventory.operation")),
        ("memory_leak", "inventory", "microservices", ("arm", "inventory.operation")),
        ("database_down", "orders", "microservices", ("kill", "db:orders")),
        ("database_down", "orders", "modular-split", ("kill", "db:orders")),
        ("database_down", "orders", "modular", ("kill", "db:all")),
        ("database_down", "orders", "monolith", ("kill", "db:shop")),
        ("database_blackhole", "users", "monolith", ("hop", "db:shop")),
        ("database_slow", "users", "microservices", ("hop", "db:users")),
        ("hop_latency", "users", "microservices", ("hop", "users")),
        ("hop_reset", "users", "users+inventory|orders+payments", ("hop", "users+inventory")),
        ("bad_release", "orders", "microservices", ("release", "orders")),
        ("bad_release", "orders", "monolith", ("release", "monolith")),
    ],
)
def test_a_fault_hits_what_holds_its_component(kind, component, name, expected) -> None:
    assert target(kind, component, name) == expected


@pytest.mark.parametrize("name", NAMES)
def test_only_a_kill_that_is_to_last_holds_the_restart_back(name: str) -> None:
    held = {
        kind: planned(Fault(kind, "orders"), name).steps[0].settings.get("held", False)
        for kind in ("crash", "database_down", "crash_worker")
    }
    assert held == {"crash": True, "database_down": True, "crash_worker": False}
    assert "hold its supervisor back" in planned(Fault("crash", "orders"), name).does


def test_that_a_component_is_a_part_of_the_whole_server_is_said() -> None:
    assert "whole server" in planned(Fault("crash", "payments"), "monolith").does
    assert "whole server" not in planned(Fault("crash", "payments"), "microservices").does
    assert "whole server" not in planned(Fault("crash", "edge"), "monolith").does
    assert "the only one" in planned(Fault("database_down", "orders"), "modular").does


def test_parameters_reach_the_step() -> None:
    fault = Fault("slow", "users", parameters={"delay_s": 0.5, "probability": 0.25})
    (step,) = planned(fault, "monolith").steps
    expected = {"action": "delay", "seconds": 0.5, "probability": 0.25, "once": False}
    assert dict(step.settings) == expected


@pytest.mark.parametrize(
    ("fault", "facts", "reason"),
    [
        (Fault("slow", "edge"), facts_of_topology("microservices"), "the edge has none"),
        (Fault("hop_reset", "edge"), facts_of_topology("microservices"), "reach the edge directly"),
        (Fault("database_down", "edge"), facts_of_topology("microservices"), "no database"),
        (
            Fault("slow", "users"),
            DeploymentFacts("monolith", {"monolith": ("users",)}, {}),
            "without fault points",
        ),
        (
            Fault("database_down", "users"),
            DeploymentFacts("monolith", {"monolith": ("users",)}, {}),
            "your own PostgreSQL",
        ),
        (
            Fault("database_slow", "users"),
            DeploymentFacts("m", {"monolith": ("users",)}, {"db:shop": ("users",)}),
            "do not go through the proxy",
        ),
        (
            Fault("hop_reset", "users"),
            DeploymentFacts("m", {"gateway": (), "users": ("users",)}, {}),
            "do not go through the proxy",
        ),
    ],
)
def test_what_has_no_twin_says_why(fault, facts, reason) -> None:
    found = plan(fault, facts)
    assert isinstance(found, NotApplicable)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "crsh", "component": "users"}, "kind: unknown 'crsh'; did you mean 'crash'?"),
        ({"kind": "crash", "component": "paymets"}, "component: .*did you mean 'payments'"),
        ({"kind": "crash"}, "component: unknown ''"),
        ({"kind": "overload", "component": "users"}, "component: an overload is load"),
        ({"kind": "crash", "component": "users", "seconds": 0}, "seconds: 0 is not in"),
        ({"kind": "crash", "component": "users", "seconds": float("nan")}, "seconds: nan"),
        (
            {"kind": "slow", "component": "users", "parameters": {"dely_s": 1}},
            "parameters of slow: unknown 'dely_s'; did you mean 'delay_s'",
        ),
        (
            {"kind": "slow", "component": "users", "parameters": {"delay_s": 61}},
            "delay_s must be between 0 and 60 s, not 61",
        ),
        (
            {"kind": "errors", "component": "users", "parameters": {"probability": "x"}},
            "probability must be a number",
        ),
    ],
)
def test_a_fault_that_is_none_names_the_field(arguments, message) -> None:
    with pytest.raises(ShopbenchError, match=message):
        Fault(**arguments)


def test_facts_are_read_off_what_a_driver_lists(tmp_path) -> None:
    listed = [
        ComponentInfo(name, kind, "running", 1, 0.0, 1, tmp_path)
        for name, kind in (
            ("gateway", "process"),
            ("users+inventory", "process"),
            ("orders+payments", "process"),
            ("db:users", "database"),
            ("bench:proxy", "process"),
        )
    ]
    facts = facts_from("x", listed, ["db:users"], fault_points=True)
    assert facts.edge == "gateway"
    assert facts.host("payments") == "orders+payments"
    assert facts.database("users") == "db:users"
    assert facts.database("orders") is None
    assert "bench:proxy" not in facts.processes
    assert not facts.has_workers


@pytest.mark.parametrize(
    ("kind", "name", "missing"),
    [
        ("crash_worker", "monolith", "single worker processes"),
        ("hang_worker", "monolith", "single worker processes"),
        ("bad_release", "microservices", "another release"),
    ],
)
def test_what_a_place_cannot_reach_has_no_twin_there(kind: str, name: str, missing: str) -> None:
    facts = replace(facts_of_topology(name), reach=frozenset())
    found = plan(Fault(kind, "orders"), facts)  # type: ignore[arg-type]
    assert isinstance(found, NotApplicable)
    assert missing in found.reason
    assert isinstance(plan(Fault("crash", "orders"), facts), Injection)
