"""What must outlive a process: tokens, idempotency keys, and the keys that verify tokens."""

import time
import uuid

import pytest

from bench.experiments.consistency.client import item
from tests.integration.reliability.lab import Lab, RunningShop

SERVING = {
    "monolith": ("monolith",),
    "modular": ("users+inventory+orders+payments",),
    "microservices": ("gateway", "users", "inventory", "orders", "payments"),
}


def test_tokens_and_keys_stay_valid_across_restarts(shop: RunningShop) -> None:
    product = shop.client(shop.staff).create_product(quantity=10)
    client = shop.client(shop.buyers[0])
    key = str(uuid.uuid4())
    first = client.place([item(product)], key)
    for component in SERVING[shop.deployment.name]:
        shop.deployment.restart(component)
    client.close()
    replay = client.place([item(product)], key)
    assert (replay.final.status, replay.body) == (first.final.status, first.body)
    assert client.read("/users/me").status == 200
    shop.assert_sound()


def test_a_drained_redeploy_fails_no_order(shop: RunningShop) -> None:
    product = shop.client(shop.staff).create_product(quantity=10)
    client = shop.client(shop.buyers[0])
    for component in SERVING[shop.deployment.name]:
        shop.deployment.redeploy(component)
        assert client.place([item(product)]).outcome == "ok"
    shop.assert_sound()


@pytest.fixture
def without_users(lab: Lab) -> RunningShop:
    """Microservices whose users service and its database are dead."""
    running = lab.shop("microservices")
    for name in ("users", "db:users"):
        running.deployment.hold(name)
        running.deployment.kill(name)
    return running


def test_the_shop_goes_on_while_users_is_down(without_users: RunningShop) -> None:
    """Stale keys are served: tokens are verified by services restarted without users, too."""
    shop = without_users
    product = shop.client(shop.staff).create_product(quantity=10)
    client = shop.client(shop.buyers[0])
    try:
        assert client.place([item(product)]).final.status == 201
        for component in ("orders", "inventory", "payments"):
            shop.deployment.restart(component)
        client.close()
        assert client.place([item(product)]).outcome == "ok"
        assert client.read("/wallet").status == 200
        assert client.read("/users/me").status == 503
        overview = client.read("/account/overview")
        assert (overview.status, overview.body["degraded"]) == (200, ["users"])
    finally:
        shop.deployment.release("db:users")
        shop.deployment.release("users")
    wait_until_whole(shop)
    shop.assert_sound()


def wait_until_whole(shop: RunningShop, within_s: float = 10.0) -> None:
    """Poll until the overview has all its parts again."""
    client = shop.client(shop.buyers[0])
    deadline = time.monotonic() + within_s
    while (answer := client.read("/account/overview")).body.get("degraded") != []:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
