"""SQL of wallets, ledger and payments. Each write is one statement and one commit.

Lock order of charge and refund: the order's payment if there is one, then the wallet.
"""

from uuid import uuid4

from psycopg.errors import UniqueViolation

from microservices.chassis.database import Connection, Database
from microservices.payments.errors import PaymentMismatch
from microservices.payments.messages import Charge, ChargeOutcome, Payment

BALANCE = "SELECT balance_cents FROM wallets WHERE user_id = %s"

GET_PAYMENT = """
SELECT id::text, order_id::text, amount_cents, status, created_at FROM payments
WHERE id = %s AND user_id = %s AND status IN ('captured', 'refunded')"""

DEPOSIT = """
WITH transfer AS (
    INSERT INTO ledger_transfers (id, kind) VALUES (%(transfer_id)s::uuid, 'deposit')
    RETURNING id
), entries AS (
    INSERT INTO ledger_entries (transfer_id, account, amount_cents)
    SELECT id, account, amount_cents
    FROM transfer
    CROSS JOIN (VALUES ('external', -%(amount_cents)s::bigint),
                       ('wallet:' || %(user_id)s::uuid::text, %(amount_cents)s::bigint))
        AS e (account, amount_cents)
)
INSERT INTO wallets AS w (user_id, balance_cents) VALUES (%(user_id)s::uuid, %(amount_cents)s)
ON CONFLICT (user_id) DO UPDATE SET balance_cents = w.balance_cents + excluded.balance_cents
RETURNING balance_cents"""

# The balance is compared and lowered by one conditional update. An order known already moves
# nothing; one that becomes known meanwhile violates the unique order id, and all is rolled back.
CHARGE = """
WITH debited AS (
    UPDATE wallets SET balance_cents = balance_cents - %(amount_cents)s
    WHERE user_id = %(user_id)s::uuid AND balance_cents >= %(amount_cents)s
      AND NOT EXISTS (SELECT FROM payments WHERE order_id = %(order_id)s::uuid)
    RETURNING user_id
), payment AS (
    INSERT INTO payments (id, order_id, user_id, amount_cents, status)
    SELECT %(payment_id)s::uuid, %(order_id)s::uuid, user_id, %(amount_cents)s, 'captured'
    FROM debited
    RETURNING id
), transfer AS (
    INSERT INTO ledger_transfers (id, kind, order_id)
    SELECT %(payment_id)s::uuid, 'capture', %(order_id)s::uuid
    FROM debited
    RETURNING id
), entries AS (
    INSERT INTO ledger_entries (transfer_id, account, amount_cents)
    SELECT id, account, amount_cents
    FROM transfer
    CROSS JOIN (VALUES ('wallet:' || %(user_id)s::uuid::text, -%(amount_cents)s::bigint),
                       ('merchant', %(amount_cents)s::bigint)) AS e (account, amount_cents)
)
SELECT id::text FROM payment"""

# A refusal is kept, so that a repetition, even a late one after a deposit, is refused as well.
REFUSE = """
INSERT INTO payments (id, order_id, user_id, amount_cents, status)
VALUES (%(payment_id)s::uuid, %(order_id)s::uuid, %(user_id)s::uuid, %(amount_cents)s, 'refused')
ON CONFLICT (order_id) DO NOTHING
RETURNING id::text"""

STORED = """
SELECT id::text, user_id::text, amount_cents, status FROM payments WHERE order_id = %s"""

REFUND = """
WITH payment AS (
    UPDATE payments SET status = 'refunded'
    WHERE order_id = %(order_id)s::uuid AND status = 'captured'
    RETURNING user_id, amount_cents
), credited AS (
    UPDATE wallets w SET balance_cents = w.balance_cents + p.amount_cents
    FROM payment p WHERE w.user_id = p.user_id
), transfer AS (
    INSERT INTO ledger_transfers (id, kind, order_id)
    SELECT %(transfer_id)s::uuid, 'refund', %(order_id)s::uuid
    FROM payment
    RETURNING id
), entries AS (
    INSERT INTO ledger_entries (transfer_id, account, amount_cents)
    SELECT t.id, e.account, e.amount_cents
    FROM transfer t
    CROSS JOIN payment p
    CROSS JOIN LATERAL (VALUES ('merchant', -p.amount_cents),
                               ('wallet:' || p.user_id::text, p.amount_cents))
        AS e (account, amount_cents)
), tombstone AS (
    INSERT INTO payments (id, order_id, status)
    SELECT %(transfer_id)s::uuid, %(order_id)s::uuid, 'void'
    WHERE NOT EXISTS (SELECT FROM payments WHERE order_id = %(order_id)s::uuid)
)
SELECT count(*) FROM payment"""


async def balance(database: Database, user_id: str) -> int:
    """A wallet never used is empty."""
    row = await database.fetch_one(BALANCE, (user_id,))
    return 0 if row is None else int(row[0])


async def find(database: Database, payment_id: str, user_id: str) -> Payment | None:
    row = await database.fetch_one(GET_PAYMENT, (payment_id, user_id))
    return None if row is None else Payment(*row)


async def deposit(connection: Connection, user_id: str, amount_cents: int) -> tuple[str, int]:
    """The transfer's id and the new balance."""
    transfer_id = str(uuid4())
    cursor = await connection.execute(
        DEPOSIT,
        {"transfer_id": transfer_id, "user_id": user_id, "amount_cents": amount_cents},
    )
    row = await cursor.fetchone()
    assert row is not None, "an upsert returns its row"
    return transfer_id, int(row[0])


async def charge(database: Database, request: Charge) -> ChargeOutcome:
    """Take an order's money once. A repetition gets the stored outcome.

    Raises:
        PaymentMismatch: The order was charged for another user or amount.
    """
    parameters = {
        "payment_id": str(uuid4()),
        "order_id": request.order_id,
        "user_id": request.user_id,
        "amount_cents": request.amount_cents,
    }
    try:
        rows = await database.write(CHARGE, parameters, fault="payments.charge")
    except UniqueViolation:
        return await _repeated(database, request)
    if rows:
        return ChargeOutcome("captured", rows[0][0])
    if await database.write(REFUSE, parameters, fault="payments.charge"):
        return ChargeOutcome("insufficient_funds")
    return await _repeated(database, request)


async def _repeated(database: Database, request: Charge) -> ChargeOutcome:
    row = await database.fetch_one(STORED, (request.order_id,))
    if row is None or row[3] in ("void", "refunded"):
        return ChargeOutcome("void")
    if (row[1], row[2]) != (request.user_id, request.amount_cents):
        raise PaymentMismatch()
    if row[3] == "refused":
        return ChargeOutcome("insufficient_funds")
    return ChargeOutcome("captured", row[0])


async def refund(database: Database, order_id: str) -> None:
    """Give an order's money back, or leave its tombstone. Repetitions do nothing."""
    parameters = {"order_id": order_id, "transfer_id": str(uuid4())}
    try:
        await database.write(REFUND, parameters, fault="payments.refund")
    except UniqueViolation:
        # The charge it is to undo was committed meanwhile, so now there is something to refund.
        await database.write(REFUND, parameters, fault="payments.refund")
