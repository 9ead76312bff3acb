"""Each service starts with nothing else running and passes its own part of the contract."""

from collections.abc import Iterator

import pytest

from bench.contract.conformance.registry import run_case, select_cases
from bench.contract.conformance.world import World
from bench.deployments.base import COMPONENTS
from bench.deployments.local.home import StateHome
from tests.integration.reliability.lab import Lab, RunningShop

FAST = "users"


@pytest.fixture(
    params=[
        name if name == FAST else pytest.param(name, marks=pytest.mark.slow) for name in COMPONENTS
    ]
)
def lonely(lab: Lab, request: pytest.FixtureRequest) -> Iterator[World]:
    """One service and its database, started while every other process is dead."""
    component = str(request.param)
    shop = lab.shop("microservices")
    with lab.distrusted_on_failure("microservices"):
        others = silence_others(shop, component)
        shop.deployment.restart(component)
        yield World(
            url_of(shop, component),
            signing_key=StateHome.from_environment().keys / "signing.pem",
            hosted=frozenset({component}),
        )
        bring_back(shop, others)


def silence_others(shop: RunningShop, component: str) -> list[str]:
    """Kill everything but the service and its database, for good; returns what was killed."""
    names = [each.name for each in shop.deployment.components()]
    others = [name for name in names if name not in {component, f"db:{component}"}]
    for name in others:
        shop.deployment.hold(name)
        shop.deployment.kill(name)
    return others


def bring_back(shop: RunningShop, names: list[str]) -> None:
    """Start what was killed, databases first."""
    for name in sorted(names, key=lambda name: not name.startswith("db:")):
        shop.deployment.release(name)


def url_of(shop: RunningShop, component: str) -> str:
    port = next(each.port for each in shop.deployment.components() if each.name == component)
    return f"http://127.0.0.1:{port}"


def test_a_service_alone_passes_its_part_of_the_contract(lonely: World) -> None:
    assert lonely.hosted is not None
    cases = select_cases(components=lonely.hosted)
    assert cases, "no contract case needs this component alone"
    results = [run_case(case, lonely) for case in cases]
    failed = [result for result in results if result.outcome == "failed"]
    assert not failed, "\n".join(f"{each.area}: {each.name}: {each.detail}" for each in failed)
    assert any(result.outcome == "passed" for result in results)
