"""What the API cannot show: ledger entries and stock of the golden vectors, in the audit views."""

import time
from typing import Any

import psycopg
import pytest

from bench.contract.conformance import World
from bench.contract.conformance.cases_money import Play
from bench.contract.golden import LedgerEntry, Stock, Vector, load_vectors
from bench.deployments.local.driver import LocalDeployment

SETTLE_SECONDS = 15.0
GIVEN_KIND = "deposit"


def rows(dsn: str, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(statement, parameters).fetchall()


def ledger_of(dsn: str, user_id: str, given: int) -> list[LedgerEntry]:
    """Entries of the transfers that touched this wallet, in order, without the opening deposits."""
    found = rows(
        dsn,
        "SELECT kind, account, amount_cents FROM audit_ledger WHERE transfer_id IN ("
        " SELECT transfer_id FROM audit_ledger WHERE account = %(wallet)s)"
        " ORDER BY created_at, transfer_id, amount_cents",
        {"wallet": f"wallet:{user_id}"},
    )
    entries = [
        LedgerEntry(kind, "wallet" if account.startswith("wallet:") else account, amount)
        for kind, account, amount in found
    ]
    return entries[given * 2 :]


def stock_of(dsn: str, product_id: str) -> Stock:
    statement = (
        "SELECT initial, restocked, sold, on_hand, reserved FROM audit_stock"
        " WHERE product_id = %(id)s"
    )
    ((initial, restocked, sold, on_hand, reserved),) = rows(dsn, statement, {"id": product_id})
    return Stock(initial, restocked, sold, on_hand, reserved)


def settled_stock(dsn: str, product_id: str, wanted: Stock) -> Stock:
    """The stock row once it is as wanted, or as it is when the time for settling has passed."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := stock_of(dsn, product_id)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_ledger_and_stock_are_those_of_the_vector(
    deployment: LocalDeployment, world: World, vector: Vector
) -> None:
    play = Play(world, vector)
    play.take_all_steps()
    opening_deposits = -(-vector.given_wallet_cents // 100_000_000)
    ledger = ledger_of(deployment.database_dsn("payments"), play.buyer.id, opening_deposits)
    assert ledger == list(vector.ledger)
    for alias, wanted in vector.stock.items():
        dsn = deployment.database_dsn("inventory")
        assert settled_stock(dsn, play.products[alias]["id"], wanted) == wanted
