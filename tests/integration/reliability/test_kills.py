"""kill -9 of each process and database while people buy; after a restart nothing is lost.

Zero acknowledged orders lost, zero double charges, zero oversold, money conserved: the audit.
"""

import time
from collections.abc import Iterator

import pytest

from bench.experiments.consistency.buyers import CheckoutLoad
from bench.experiments.consistency.client import ShopClient
from bench.experiments.consistency.nemesis import WORKER_OF, comes_back_alone, kill
from tests.integration.reliability.lab import Lab, RunningShop
from tests.integration.reliability.side_by_side import SideBySide, selected_cases

WORKER = f"{WORKER_OF}monolith"
# Each group is killed one by one during one load of 30 s.
GROUPS: dict[str, list[tuple[str, ...]]] = {
    "monolith": [("monolith", WORKER, "db:shop")],
    "modular": [("users+inventory+orders+payments", "db:all")],
    "microservices": [
        ("gateway", "orders", "db:orders"),
        ("payments", "db:payments", "users"),
        ("inventory", "db:inventory", "db:users"),
    ],
}
LOAD_S, SHORT_LOAD_S = 30.0, 8.0
FIRST_KILL_S = 3.0
DOWN_S = 1.0  # how long the killed component stays away
PEOPLE = 6
Kills = tuple[tuple[str, ...], float]  # the components, and how long people buy in seconds


def load_with_kills(shop: RunningShop, kills_during: Kills) -> None:
    """Buy for a while, kill the components one after the other meanwhile, then judge."""
    components, load_s = kills_during
    started = time.monotonic()
    pause_s = (load_s - FIRST_KILL_S) / len(components)
    with CheckoutLoad(shop, PEOPLE) as load:
        for number, component in enumerate(components):
            wait_until(started + FIRST_KILL_S + number * pause_s)
            assert load.acknowledged > 0, "nobody could buy before the kill"
            assert kill(shop.deployment, component)
            time.sleep(DOWN_S)
            if not comes_back_alone(component):
                shop.deployment.release(component)
            wait_until_bought(load, component)
        wait_until(started + load_s)
    assert not load.errors
    wait_until_ready(shop)
    shop.assert_sound()
    assert_wallets_agree_with_the_ledger(shop)


def wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def wait_until_bought(load: CheckoutLoad, component: str, within_s: float = 30.0) -> None:
    """A start takes seconds, and then a breaker may still be open."""
    before = load.acknowledged
    deadline = time.monotonic() + within_s
    while load.acknowledged <= before:
        assert time.monotonic() < deadline, f"nobody could buy after {component} was back"
        time.sleep(0.05)


def wait_until_ready(shop: RunningShop, within_s: float = 10.0) -> None:
    """An idle pool meets its dead connections at the first question only."""
    deadline = time.monotonic() + within_s
    while not shop.deployment.ready():
        assert time.monotonic() < deadline, "not ready again"
        time.sleep(0.1)


def wait_until_served(client: ShopClient, within_s: float = 5.0) -> None:
    """A breaker or a pool may still be closed to a component that is back."""
    deadline = time.monotonic() + within_s
    while (answer := client.read("/wallet")).status != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def assert_wallets_agree_with_the_ledger(shop: RunningShop) -> None:
    """The stored balance is no audit view, so ask the shop for it."""
    ledger = shop.ledger_wallets()
    for person in shop.buyers:
        client = shop.client(person)
        wait_until_served(client)
        assert client.read("/wallet").body == {"balance_cents": ledger[person.user_id]}
        client.close()


FAST = [("microservices", ("orders",))]
SLOW = [(name, group) for name, groups in GROUPS.items() for group in groups]
PARAMS = [
    *(pytest.param(name, (group, SHORT_LOAD_S), id=f"{name} {group[0]}") for name, group in FAST),
    *(
        pytest.param(name, (group, LOAD_S), id=f"{name} {' '.join(group)}", marks=pytest.mark.slow)
        for name, group in SLOW
    ),
]


@pytest.fixture(scope="module")
def kills(lab: Lab, request: pytest.FixtureRequest) -> Iterator[SideBySide[Kills]]:
    running = SideBySide(lab, selected_cases(request, "kills_during"), load_with_kills)
    yield running
    running.close()
    lab.reset_all()  # thousands of orders, which later tests need not audit again


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("deployment", "kills_during"), PARAMS)
def test_kills_lose_nothing(kills: SideBySide[Kills], deployment: str, kills_during: Kills) -> None:
    kills.result(deployment, kills_during)
