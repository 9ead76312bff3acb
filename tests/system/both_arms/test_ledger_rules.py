"""The ledger keeps the same rules in both databases, whatever the code above them does."""

from __future__ import annotations

import psycopg
import pytest

from tests.system.both_arms.footing import rows
from tests.system.both_arms.pair import Arm, new_key

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

T = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
WALLET = f"wallet:{T}"
TRANSFER = f"INSERT INTO ledger_transfers (id, kind, order_id) VALUES ('{T}', "
DEPOSIT = TRANSFER + "'deposit', NULL);"


def entries(*written: tuple[str, int]) -> str:
    values = ", ".join(f"('{T}', '{account}', {cents})" for account, cents in written)
    return f"INSERT INTO ledger_entries (transfer_id, account, amount_cents) VALUES {values};"


BALANCED = DEPOSIT + entries(("external", -5), (WALLET, 5))
REFUSED = {
    "entries that do not add up": DEPOSIT + entries(("external", -5), (WALLET, 6)),
    "a single entry": DEPOSIT + entries((WALLET, 5)),
    "three entries": DEPOSIT + entries(("external", -5), (WALLET, 3), ("merchant", 2)),
    "an account twice": DEPOSIT + entries((WALLET, -5), (WALLET, 5)),
    "an entry of nothing": DEPOSIT + entries(("external", 0), (WALLET, 0)),
    "an unknown account": DEPOSIT + entries(("mattress", -5), (WALLET, 5)),
    "an entry of no transfer": entries(("external", -5), (WALLET, 5)),
    "an unknown kind": TRANSFER + "'gift', NULL);" + entries(("external", -5), (WALLET, 5)),
    "a capture of no order": TRANSFER
    + "'capture', NULL);"
    + entries((WALLET, -5), ("merchant", 5)),
    "a deposit of an order": TRANSFER
    + "'deposit', '{order}');"
    + entries(("external", -5), (WALLET, 5)),
    "a second capture of an order": TRANSFER
    + "'capture', '{order}');"
    + entries((WALLET, -5), ("merchant", 5)),
    "an entry that is changed": "UPDATE ledger_entries SET amount_cents = amount_cents + 1;",
    "an entry that is removed": "DELETE FROM ledger_entries;",
    "a transfer that is changed": "UPDATE ledger_transfers SET kind = 'refund';",
    "a wallet below zero": "UPDATE wallets SET balance_cents = -1;",
    "a payment of nothing": "UPDATE payments SET amount_cents = 0;",
    "a payment of more than was captured": "UPDATE payments SET amount_cents = amount_cents + 1;",
    "a second payment of an order": "INSERT INTO payments (id, order_id, user_id, amount_cents,"
    " status, created_at) SELECT '{transfer}', order_id, user_id, amount_cents, status, created_at"
    " FROM payments WHERE order_id = '{order}';",
    "an unknown state of a payment": "UPDATE payments SET status = 'lost';",
}


@pytest.fixture(scope="module")
def paid(pair: tuple[Arm, Arm]) -> dict[str, str]:
    """A paid order of each arm."""
    found = {}
    for arm in pair:
        items = [{"product_id": arm.products[0], "quantity": 1}]
        answer = arm.world.call(
            "POST", "/orders", token=arm.customer, key=new_key(), payload={"items": items}
        )
        assert answer.status == 201, answer
        found[arm.name] = answer["id"]
    return found


def refusal(arm: Arm, script: str, order: str) -> str:
    """The class of the error with which the database refuses; empty if it takes it all."""
    script = script.format(order=order, transfer=T) + "SET CONSTRAINTS ALL IMMEDIATE;"
    with psycopg.connect(arm.dsns["payments"]) as connection:
        try:
            connection.execute(script.encode())
        except psycopg.IntegrityError as error:
            return type(error).__name__
        finally:
            connection.rollback()
    return ""


def test_a_balanced_transfer_is_taken(arm: Arm, paid: dict[str, str]) -> None:
    assert refusal(arm, BALANCED, paid[arm.name]) == ""


@pytest.mark.parametrize("what", REFUSED)
def test_both_databases_refuse(pair: tuple[Arm, Arm], paid: dict[str, str], what: str) -> None:
    told = {arm.name: refusal(arm, REFUSED[what], paid[arm.name]) for arm in pair}
    assert all(told.values()), told
    assert len(set(told.values())) == 1, told


def test_every_transfer_is_two_rows_in_both(arm: Arm, paid: dict[str, str]) -> None:
    ((uneven,),) = rows(
        arm.dsns["payments"],
        "SELECT count(*) FROM (SELECT transfer_id FROM ledger_entries GROUP BY transfer_id"
        " HAVING count(*) <> 2 OR sum(amount_cents) <> 0) AS uneven",
    )
    assert uneven == 0
    ((shown, stored),) = rows(
        arm.dsns["payments"],
        "SELECT (SELECT count(*) FROM audit_ledger), (SELECT count(*) FROM ledger_entries)",
    )
    assert shown == stored > 0


def test_a_rule_that_is_dropped_is_seen(arm: Arm, paid: dict[str, str]) -> None:
    """Each trigger and constraint of the ledger matters: without it something passes."""
    what = "entries that do not add up"
    with psycopg.connect(arm.dsns["payments"]) as connection:
        connection.execute("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
        script = REFUSED[what].format(order=paid[arm.name], transfer=T)
        connection.execute(script.encode())
        connection.rollback()
    assert refusal(arm, REFUSED[what], paid[arm.name])
