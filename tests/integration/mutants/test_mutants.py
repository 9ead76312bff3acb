"""Shops with a mistake in them, run for real: each mistake is caught by its checker.

The same procedure on the shop as it is finds nothing, so it is the mistake that is caught.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bench.contract.seed import product_ids
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
from bench.experiments.consistency.buyers import CheckoutLoad
from bench.experiments.consistency.client import item
from bench.faults.points import FaultSpec, arm
from tests.integration.reliability.lab import SEED, RunningShop

SITE = Path(__file__).parent / "site"
ARMS = ("monolith", "microservices")
AT_ONCE, ROUNDS = 16, 12
PEOPLE, LOAD_S, CRASHES = 6, 2.0, 5

Provoke = Callable[[RunningShop], None]
# who answers an order, and whose schema forbids a second refund
ORDERS = {"monolith": "monolith", "microservices": "orders"}
ORDERS_DATABASE = {"monolith": "db:shop", "microservices": "db:orders"}
ALLOW_SECOND_REFUND = {
    "monolith": "DROP INDEX IF EXISTS ledger_transfers_once",
    "microservices": "DROP INDEX IF EXISTS ledger_transfers_once;"
    " DROP TRIGGER IF EXISTS payment_edges ON payments",
}


@contextmanager
def shop_with(mutant: str, arm_name: str, folder: Path) -> Iterator[RunningShop]:
    environment = {"PYTHONPATH": str(SITE), "SHOP_MUTANT": mutant} if mutant else {}
    options = UpOptions(seed=SEED, faults=True, environment=environment)
    with open_deployment(arm_name, options=options) as deployment:
        shop = RunningShop(deployment, folder)
        try:
            yield shop
        finally:
            shop.recorder.close()


def repeat_a_request(shop: RunningShop) -> None:
    """The same order with the same key, twice."""
    buyer, products = shop.client(shop.buyers[0]), _products(shop, 1)
    first = buyer.place([item(products[0])])
    assert first.outcome == "ok"
    assert buyer.place([item(products[0])], first.key).outcome == "ok"


def kill_after_the_answer(shop: RunningShop) -> None:
    """kill -9 of whoever has just acknowledged an order."""
    product = product_ids(SEED)[0]  # not a new one: that might not be committed either
    assert shop.client(shop.buyers[0]).place([item(product)]).outcome == "ok"
    name = ORDERS[shop.deployment.name]
    shop.deployment.kill(name)
    shop.bring_back(name)


def buy_the_same_at_once(shop: RunningShop) -> None:
    """Many orders of one product at the same time."""
    (product,) = _products(shop, 1)
    clients = [shop.client(shop.buyers[n % len(shop.buyers)]) for n in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            list(pool.map(lambda client: client.place([item(product)]), clients))


def lose_the_answer_to_a_refund(shop: RunningShop) -> None:
    """A refund whose answer is lost is asked for again; the schema would refuse a second one."""
    arm_name = shop.deployment.name
    with psycopg.connect(shop.dsns["payments"], autocommit=True) as connection:
        connection.execute(ALLOW_SECOND_REFUND[arm_name].encode())
    (product,) = _products(shop, 1)
    buyer = shop.client(shop.buyers[0])
    placed = buyer.place([item(product)])
    shop.settle()
    if arm_name != "monolith":  # there the refund is part of the one transaction
        arm(shop.faults_dir, "payments.refund.after_commit_before_reply", FaultSpec("drop_reply"))
    assert buyer.cancel(placed.body["id"]).outcome == "ok"


PROVOCATIONS: dict[str, tuple[Provoke, str]] = {
    "retry without idempotency": (repeat_a_request, "I3"),
    "acknowledge before commit": (kill_after_the_answer, "I1"),
    "read-modify-write of stock": (buy_the_same_at_once, "I5"),
    "refund twice": (lose_the_answer_to_a_refund, "I4"),
}
FAST = ("retry without idempotency", "monolith")
CASES = [
    pytest.param(mutant, arm_name, marks=() if (mutant, arm_name) == FAST else pytest.mark.slow)
    for mutant in PROVOCATIONS
    for arm_name in ARMS
]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("mutant", "arm_name"), CASES)
def test_a_mutant_is_caught_by_its_checker(mutant: str, arm_name: str, tmp_path: Path) -> None:
    provoke, invariant = PROVOCATIONS[mutant]
    with shop_with(mutant, arm_name, tmp_path) as shop:
        provoke(shop)
        shop.settle()
        report = shop.audit()
    assert report[invariant].outcome == "violated", report


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("arm_name", ARMS)
def test_the_same_procedures_find_nothing_in_the_shop_as_it_is(
    arm_name: str, tmp_path: Path
) -> None:
    with shop_with("", arm_name, tmp_path) as shop:
        for provoke, _ in PROVOCATIONS.values():
            provoke(shop)
            shop.assert_sound()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("arm_name", "durable"),
    [
        ("monolith", False),
        ("monolith", True),
        pytest.param("microservices", False, marks=pytest.mark.soak),
        ("microservices", True),
    ],
)
def test_commits_that_are_not_synced_are_lost_with_the_database(
    arm_name: str, durable: bool, tmp_path: Path
) -> None:
    """kill -9 of PostgreSQL while people buy: what was in its memory alone is gone."""
    with shop_with("", arm_name, tmp_path) as shop:
        with psycopg.connect(shop.dsns["orders"], autocommit=True) as connection:
            value = b"on" if durable else b"off"
            connection.execute(b"ALTER ROLE CURRENT_USER SET synchronous_commit = " + value)
        shop.deployment.restart(ORDERS[arm_name])  # connections made before have the old setting
        for _ in range(1 if durable else CRASHES):
            with CheckoutLoad(shop, PEOPLE) as load:
                time.sleep(LOAD_S)
                shop.deployment.kill(ORDERS_DATABASE[arm_name])
                shop.bring_back(ORDERS_DATABASE[arm_name])
            assert load.acknowledged
            shop.wait_ready()
            shop.settle()
            report = shop.audit()
            if report["I1"].outcome == "violated":
                break
    if durable:
        assert report.outcome == "valid", report
    else:
        assert report["I1"].outcome == "violated", report


def _products(shop: RunningShop, count: int) -> list[str]:
    staff = shop.client(shop.staff)
    return [staff.create_product(quantity=10_000) for _ in range(count)]
