"""Payments' steps of an order on a real database: once, never below zero, every cent counted."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from microservices.chassis.database import Database
from microservices.payments import repository
from microservices.payments.errors import PaymentMismatch
from microservices.payments.messages import Charge, ChargeOutcome


async def wallet(database: Database, balance_cents: int) -> str:
    """A new user with money."""
    user_id = str(uuid4())
    if balance_cents:
        async with database.transaction() as connection:
            await repository.deposit(connection, user_id, balance_cents)
    return user_id


async def charge(
    database: Database, user_id: str, amount_cents: int, order_id: str | None = None
) -> ChargeOutcome:
    return await repository.charge(
        database, Charge(order_id or str(uuid4()), user_id, amount_cents)
    )


async def check_books(database: Database) -> None:
    """All entries add up to zero, each transfer does, and wallets are what their entries say."""
    sums = await database.fetch_all(
        "SELECT sum(amount_cents) FROM audit_ledger GROUP BY transfer_id"
    )
    assert {row[0] for row in sums} <= {0}
    differences = await database.fetch_all(
        """
        SELECT w.user_id FROM wallets w
        LEFT JOIN audit_ledger l ON l.account = 'wallet:' || w.user_id
        GROUP BY w.user_id, w.balance_cents
        HAVING w.balance_cents <> coalesce(sum(l.amount_cents), 0) OR w.balance_cents < 0"""
    )
    assert differences == []


async def test_20_charges_of_one_order_at_once_take_the_money_once(payments: Database) -> None:
    user_id, order_id = await wallet(payments, 1000), str(uuid4())
    outcomes = await asyncio.gather(*(charge(payments, user_id, 300, order_id) for _ in range(20)))
    assert {outcome.outcome for outcome in outcomes} == {"captured"}
    assert len({outcome.payment_id for outcome in outcomes}) == 1
    assert await repository.balance(payments, user_id) == 700
    await check_books(payments)


async def test_50_orders_at_once_never_overdraw_a_wallet(payments: Database) -> None:
    user_id = await wallet(payments, 1000)
    outcomes = await asyncio.gather(*(charge(payments, user_id, 300) for _ in range(50)))
    assert [outcome.outcome for outcome in outcomes].count("captured") == 3
    assert await repository.balance(payments, user_id) == 100
    await check_books(payments)


async def test_a_refusal_stays_a_refusal_after_a_deposit(payments: Database) -> None:
    user_id, order_id = await wallet(payments, 10), str(uuid4())
    assert (await charge(payments, user_id, 300, order_id)).outcome == "insufficient_funds"
    async with payments.transaction() as connection:
        await repository.deposit(connection, user_id, 1000)
    assert (await charge(payments, user_id, 300, order_id)).outcome == "insufficient_funds"
    assert await repository.balance(payments, user_id) == 1010
    assert await payments.fetch_all("SELECT * FROM audit_payments") == []


async def test_a_charge_after_its_refund_finds_the_tombstone(payments: Database) -> None:
    user_id, order_id = await wallet(payments, 1000), str(uuid4())
    await repository.refund(payments, order_id)
    assert (await charge(payments, user_id, 300, order_id)).outcome == "void"
    assert await repository.balance(payments, user_id) == 1000
    assert await payments.fetch_all("SELECT * FROM audit_payments") == []


async def test_10_refunds_give_the_money_back_once(payments: Database) -> None:
    user_id, order_id = await wallet(payments, 1000), str(uuid4())
    await charge(payments, user_id, 300, order_id)
    await asyncio.gather(*(repository.refund(payments, order_id) for _ in range(10)))
    assert await repository.balance(payments, user_id) == 1000
    assert (await charge(payments, user_id, 300, order_id)).outcome == "void"
    await check_books(payments)


async def test_a_refund_that_races_its_charge_leaves_nothing_captured(payments: Database) -> None:
    user_id = await wallet(payments, 1000)
    for _ in range(30):
        order_id = str(uuid4())
        await asyncio.gather(
            charge(payments, user_id, 300, order_id), repository.refund(payments, order_id)
        )
        await repository.refund(payments, order_id)
    assert await repository.balance(payments, user_id) == 1000
    await check_books(payments)


async def test_the_same_order_with_another_amount_is_an_error(payments: Database) -> None:
    user_id, order_id = await wallet(payments, 1000), str(uuid4())
    await charge(payments, user_id, 300, order_id)
    with pytest.raises(PaymentMismatch):
        await charge(payments, user_id, 301, order_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets SET balance_cents = -1",
        "UPDATE payments SET amount_cents = amount_cents + 1",
        "UPDATE payments SET status = 'captured'",
        "UPDATE ledger_entries SET amount_cents = 0",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_transfers",
        "INSERT INTO ledger_transfers (id, kind) VALUES (gen_random_uuid(), 'capture')",
        "INSERT INTO ledger_transfers (id, kind, order_id)"
        " SELECT gen_random_uuid(), 'capture', order_id FROM payments",
        "INSERT INTO ledger_entries (transfer_id, account, amount_cents)"
        " SELECT id, 'merchant', 1 FROM ledger_transfers",
        "WITH t AS (INSERT INTO ledger_transfers (id, kind)"
        " VALUES (gen_random_uuid(), 'deposit') RETURNING id)"
        " INSERT INTO ledger_entries (transfer_id, account, amount_cents)"
        " SELECT id, account, 1 FROM t CROSS JOIN (VALUES ('external'), ('merchant')) e (account)",
        "WITH t AS (INSERT INTO ledger_transfers (id, kind)"
        " VALUES (gen_random_uuid(), 'deposit') RETURNING id)"
        " INSERT INTO ledger_entries (transfer_id, account, amount_cents)"
        " SELECT id, account, cents FROM t"
        " CROSS JOIN (VALUES ('external', -1), ('wallet:x', 1)) e (account, cents)",
        "UPDATE payments SET status = 'paid'",
        "UPDATE payments SET amount_cents = 0",
        "INSERT INTO payments (id, order_id, status) "
        "SELECT gen_random_uuid(), order_id, 'void' FROM payments",
    ],
)
async def test_the_database_itself_refuses(payments: Database, statement: str) -> None:
    await charge(payments, await wallet(payments, 1000), 300)
    with pytest.raises(psycopg.errors.IntegrityError):
        await payments.execute(statement)
