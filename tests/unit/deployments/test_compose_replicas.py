"""What is asked of the engine for a component that has been scaled; no engine is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.deployments.base import UpOptions
from bench.deployments.compose import driver
from bench.deployments.compose.containers import Container
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.project import Project
from bench.deployments.compose.state import ComposeState
from bench.deployments.local.home import StateHome

ORDERS = Container("o", "orders", 1, "running", 1, 0, 0.0, "10.0.0.1", 0)
FIRST = Container("p1", "payments", 1, "running", 2, 0, 0.0, "10.0.0.2", 0)
SECOND = replace(FIRST, ident="p2", number=2, pid=3, ip="10.0.0.3")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    commands: list[str] = []
    monkeypatch.setattr(driver, "docker", lambda *arguments: commands.append(" ".join(arguments)))
    monkeypatch.setattr(driver, "containers", lambda project: [ORDERS, FIRST, SECOND])
    monkeypatch.setattr(driver, "wait_serving", lambda project, services: None)
    monkeypatch.setattr(driver, "port_forwarder", lambda port: None)
    return commands


@pytest.fixture
def shop(home: StateHome) -> ComposeDeployment:
    state = ComposeState("x", "microservices", 1, False, (), False, 0.0, None, {}, {"payments": 2})
    project = Project(layout_of("microservices"), UpOptions(), state, home.root)
    return ComposeDeployment(home, project)


def test_its_replicas_are_redeployed_one_after_the_other(
    shop: ComposeDeployment, asked: list[str]
) -> None:
    shop.redeploy("payments")
    assert asked == ["stop -t 15 p1", "start p1", "stop -t 15 p2", "start p2"]


def test_one_replica_and_what_was_not_scaled_are_restarted_alone(
    shop: ComposeDeployment, asked: list[str]
) -> None:
    shop.restart("payments#2")
    shop.restart("orders")
    kill = "kill --signal KILL"
    assert asked == [f"{kill} p2", "start p2", f"{kill} o", "start o"]


def test_the_processes_of_a_component_are_those_of_its_container(
    shop: ComposeDeployment, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Container, "pids", lambda self: (self.pid,))
    assert shop.pids() == {"orders": (1,), "payments#1": (2,), "payments#2": (3,)}
