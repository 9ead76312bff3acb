"""SQL of reservations: reserve, settle, release, each one statement and one commit.

Lock order of each: the reservation if there is one, then all stock rows in product id order. The
states are none -> reserved -> sold -> returned, reserved -> released, none -> released (tombstone).
"""

from typing import Any

from psycopg.errors import CheckViolation, UniqueViolation

from microservices.chassis.database import Database, Row
from microservices.chassis.errors import Overloaded
from microservices.inventory.errors import ReservationMismatch
from microservices.inventory.messages import QuotedLine, Reserve, ReserveOutcome

TRIES = 5

# A row for each known product: id, name, price, enough, and whether this call made the reservation.
# No row is locked for an order that is known already. `FOR UPDATE` waits for other buyers and then
# reads the newest counters, so `available` is never stale.
RESERVE = """
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM unnest(%(product_ids)s::uuid[], %(quantities)s::integer[]) AS w (product_id, quantity)
    WHERE NOT EXISTS (SELECT FROM reservations WHERE order_id = %(order_id)s::uuid)
), locked AS MATERIALIZED (
    SELECT s.product_id, w.quantity, p.name, p.price_cents,
           s.initial + s.restocked - s.sold - s.reserved >= w.quantity AS enough
    FROM wanted w
    JOIN stock s USING (product_id)
    JOIN products p ON p.id = s.product_id
    ORDER BY s.product_id
    FOR UPDATE OF s
), verdict AS (
    SELECT count(*) = cardinality(%(product_ids)s::uuid[]) AND bool_and(enough) AS possible
    FROM locked
), reservation AS (
    INSERT INTO reservations (order_id, state)
    SELECT %(order_id)s::uuid, 'reserved' FROM verdict WHERE possible
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id
), lines AS (
    INSERT INTO reservation_lines (order_id, product_id, quantity, name, unit_price_cents)
    SELECT r.order_id, l.product_id, l.quantity, l.name, l.price_cents
    FROM reservation r CROSS JOIN locked l
), moved AS (
    UPDATE stock s SET reserved = s.reserved + l.quantity
    FROM reservation r CROSS JOIN locked l
    WHERE s.product_id = l.product_id
)
SELECT l.product_id::text, l.name, l.price_cents, l.enough, r.order_id IS NOT NULL
FROM locked l LEFT JOIN reservation r ON true"""

STORED = """
SELECT r.state, l.product_id::text, l.name, l.unit_price_cents, l.quantity
FROM reservations r LEFT JOIN reservation_lines l USING (order_id)
WHERE r.order_id = %s"""

# Many orders at once: what is not `reserved` (released, returned, sold before) is left alone.
SETTLE = """
WITH due AS MATERIALIZED (
    SELECT order_id FROM reservations
    WHERE order_id = ANY(%(order_ids)s::uuid[]) AND state = 'reserved'
    ORDER BY order_id
    FOR UPDATE
), sold AS (
    UPDATE reservations r SET state = 'sold' FROM due WHERE r.order_id = due.order_id
), moves AS MATERIALIZED (
    SELECT product_id, sum(quantity) AS quantity FROM due JOIN reservation_lines USING (order_id)
    GROUP BY product_id
), locked AS MATERIALIZED (
    SELECT s.product_id, m.quantity FROM moves m JOIN stock s USING (product_id)
    ORDER BY s.product_id
    FOR UPDATE OF s
), moved AS (
    UPDATE stock s SET reserved = s.reserved - l.quantity, sold = s.sold + l.quantity
    FROM locked l WHERE s.product_id = l.product_id
)
SELECT count(*) FROM due"""

RELEASE = """
WITH held AS MATERIALIZED (
    SELECT order_id, state FROM reservations
    WHERE order_id = %(order_id)s::uuid AND state IN ('reserved', 'sold')
    FOR UPDATE
), freed AS (
    UPDATE reservations r
    SET state = CASE h.state WHEN 'sold' THEN 'returned' ELSE 'released' END
    FROM held h WHERE r.order_id = h.order_id
), locked AS MATERIALIZED (
    SELECT s.product_id, h.state, l.quantity
    FROM held h JOIN reservation_lines l USING (order_id) JOIN stock s USING (product_id)
    ORDER BY s.product_id
    FOR UPDATE OF s
), moved AS (
    UPDATE stock s
    SET reserved = s.reserved - CASE l.state WHEN 'reserved' THEN l.quantity ELSE 0 END,
        sold = s.sold - CASE l.state WHEN 'sold' THEN l.quantity ELSE 0 END
    FROM locked l WHERE s.product_id = l.product_id
), tombstone AS (
    INSERT INTO reservations (order_id, state)
    SELECT %(order_id)s::uuid, 'released'
    WHERE NOT EXISTS (SELECT FROM reservations WHERE order_id = %(order_id)s::uuid)
)
SELECT count(*) FROM held"""


async def reserve(database: Database, request: Reserve) -> ReserveOutcome:
    """Reserve all lines or none. A repetition gets the stored reservation, whatever prices are now.

    Raises:
        ReservationMismatch: The order holds other lines.
    """
    parameters = {
        "order_id": request.order_id,
        "product_ids": [line.product_id for line in request.lines],
        "quantities": [line.quantity for line in request.lines],
    }
    rows = await _write(database, RESERVE, parameters, "inventory.reserve")
    lines = [QuotedLine(row[0], row[1], row[2]) for row in rows]
    if rows and rows[0][4]:
        return ReserveOutcome("reserved", lines)
    stored = await database.fetch_all(STORED, (request.order_id,))
    if stored:
        return _repeated(request, stored)
    if len(rows) < len(request.lines):
        return ReserveOutcome("unknown_product", lines)
    return ReserveOutcome("out_of_stock", lines)


def _repeated(request: Reserve, stored: list[tuple[str, str, str, int, int]]) -> ReserveOutcome:
    if stored[0][0] in ("released", "returned"):
        return ReserveOutcome("released", [])
    held = {row[1]: row[4] for row in stored}
    if held != {line.product_id: line.quantity for line in request.lines}:
        raise ReservationMismatch()
    return ReserveOutcome("reserved", [QuotedLine(row[1], row[2], row[3]) for row in stored])


async def settle(database: Database, order_ids: list[str]) -> int:
    """Reserved units become sold ones; the number of orders that were still reserved."""
    rows = await database.write(SETTLE, {"order_ids": order_ids}, fault="inventory.settle")
    return int(rows[0][0])


async def release(database: Database, order_id: str) -> None:
    """Give an order's units back, or leave its tombstone. Repetitions do nothing."""
    await _write(database, RELEASE, {"order_id": order_id}, "inventory.release")


async def _write(database: Database, sql: str, parameters: dict[str, Any], fault: str) -> list[Row]:
    """Run a statement, again with a fresh snapshot when it met a change younger than its own.

    Two kinds of that are errors: the order's reservation appeared after the look (a duplicate key),
    and a CHECK failed on counters older than those now locked, which PostgreSQL computes and checks
    before it follows the row to its newest version.
    """
    for _ in range(TRIES):
        try:
            return await database.write(sql, parameters, fault=fault)
        except (CheckViolation, UniqueViolation):
            continue
    raise Overloaded("Too much contention on the same rows.")
