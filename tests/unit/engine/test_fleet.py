"""A fleet says so when a deployment runs without a CPU budget, also one that was made beside it."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from bench.engine.deployment_fleet import Fleet


@pytest.mark.parametrize(("control", "told"), [("affinity", 0), ("uncontrolled", 2)])
def test_a_deployment_without_a_budget_is_told_wherever_it_is_opened(
    control: str, told: int
) -> None:
    said: list[bool] = []

    def opener(name: str) -> Any:
        deployment = SimpleNamespace(name=name, cpu_control=control, base_url="http://x")
        return nullcontext(deployment)

    fleet = Fleet(opener, lambda _: [], restart=False, uncontrolled=lambda: said.append(True))
    with fleet, fleet.beside() as other:
        fleet.deployment("monolith")
        other.deployment("modular")
    assert len(said) == told
