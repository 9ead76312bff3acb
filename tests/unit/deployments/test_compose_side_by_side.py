"""Deployments in containers that are up at the same time, two of the same code among them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from bench.deployments.base import UpOptions
from bench.deployments.compose import opening, project
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.project import Project
from bench.deployments.local.home import StateHome

NAMES = ("monolith", "microservices", "modular-split", "modular", "monolith")


@pytest.fixture
def five(home: StateHome, monkeypatch: pytest.MonkeyPatch) -> list[ComposeDeployment]:
    """As the starts of `latency` make them; no engine is asked."""
    monkeypatch.setattr(opening, "require_engine", lambda: None)
    make: Callable[..., ComposeDeployment] = opening.new_compose_deployment
    return [make(home, name, None, UpOptions(cpus=(0,)), current=False) for name in NAMES]


def test_nothing_that_two_of_them_own_has_the_same_name_or_port(
    five: list[ComposeDeployment],
) -> None:
    states = [each.state for each in five]
    assert len({state.project for state in states}) == len({each.folder for each in five}) == 5
    ports = [port for s in states for port in (s.port, *s.database_ports.values())]
    assert len(ports) == 5 + 1 + 4 + 4 + 1 + 1
    assert len(set(ports)) == len(ports)


def test_of_two_that_start_side_by_side_one_builds_the_images(
    five: list[ComposeDeployment], home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def compose(self: Project, *arguments: str, **_: Any) -> str:
        built.append(f"{arguments[0]} {self.layout.profile}")
        return ""

    monkeypatch.setattr(Project, "compose", compose)
    monkeypatch.setattr(project, "_built", set())
    together = Barrier(5)

    def build(each: ComposeDeployment) -> None:
        together.wait(timeout=30)
        each.project.build(home)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(build, five))
    assert len(built) == len(set(built))
    assert {"build monolith", "build modular", "build microservices"} <= set(built)
