"""The store of orders over PostgreSQL: implements the saga's `Store`, and what its drivers need.

The SQL is in `statements` (moves) and `queries` (reads).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from microservices.chassis.context import Context, current_or_none
from microservices.chassis.database import Connection, Database
from microservices.chassis.idempotency import fingerprint
from microservices.chassis.outbox import Outbox
from microservices.orders import queries, statements, views
from microservices.orders.model import Line, Order, Topic
from microservices.orders.saga import Answer, LostOrder

ORDERS_PATH = "/api/v1/orders"
LEASE_S = 10.0
# An order is answered this long before the edge's deadline, settled or not.
MARGIN_S = 0.3
FOREVER = datetime.max.replace(tzinfo=UTC)
_lines = msgspec.json.Decoder(tuple[Line, ...]).decode


def cancellation_path(order_id: str) -> str:
    return f"{ORDERS_PATH}/{order_id}/cancellation"


class OrderStore:
    def __init__(self, database: Database) -> None:
        self.outbox = Outbox(database)
        self._database = database

    async def place(self, order: Order, ctx: Context) -> bool:
        """The pending order and its key in one commit; False if the key is known already."""
        parameters = {
            "id": order.id,
            "user_id": order.user_id,
            "path": ORDERS_PATH,
            "key": order.idempotency_key,
            "fingerprint": fingerprint(ctx.body),
            "lease_s": LEASE_S,
            "now": order.created_at,
            "product_ids": [line.product_id for line in order.lines],
            "quantities": [line.quantity for line in order.lines],
        }
        return bool(await self._database.write(statements.PLACE, parameters, fault="orders.place"))

    async def compensating(self, held: Order, order: Order) -> None:
        parameters = _moving(held, order) | _naming(order)
        rows = await self._database.write(statements.COMPENSATING, parameters)
        if not rows[0][0]:
            raise LostOrder(order.id)

    async def confirm(self, held: Order, order: Order) -> Answer:
        answer = views.created(order)
        parameters = _moving(held, order) | _naming(order) | _answering(order, answer, _until())
        with self._owing():
            return await self._finish(statements.CONFIRM, parameters, answer, "orders.confirm")

    async def reject(self, held: Order, order: Order, owed: Sequence[Topic]) -> Answer:
        answer = views.refused(order)
        parameters = _moving(held, order) | _answering(order, answer, _until())
        parameters |= {"owed": list(owed)}
        with self._owing() if owed else nullcontext():
            if order.reason == "unknown_product" and order.by_request:  # else a 202 may be out
                rows = await self._database.write(
                    statements.DROP, parameters, fault="orders.reject"
                )
                if rows[0][0]:
                    return answer
            return await self._finish(statements.REJECT, parameters, answer, "orders.reject")

    async def cancel(self, held: Order, order: Order) -> Answer:
        answer = views.cancelled(order)
        parameters = _moving(held, order) | _answering(order, answer)
        parameters |= {"path": cancellation_path(order.id), "key": order.cancellation_key}
        return await self._finish(statements.CANCEL, parameters, answer, "orders.cancel")

    async def hand_over(self, order: Order, answer: Answer, pause_s: float) -> Answer:
        """Record the answer of a request that ends before its order; the earlier one stands."""
        parameters = {"id": order.id, "attempt": order.attempt, "pause_s": pause_s}
        parameters |= _answering(order, answer)
        try:
            return await self._finish(statements.HAND_OVER, parameters, answer)
        except LostOrder:
            return await self.recorded(order.user_id, ORDERS_PATH, order.idempotency_key) or answer

    async def recorded(self, user_id: str, path: str, key: str) -> Answer | None:
        """The answer that stands for a key, if it has one by now."""
        row = await self._database.fetch_one(statements.RECORDED, (user_id, path, key))
        return None if row is None else Answer(row[0], bytes(row[1]))

    async def request_cancellation(
        self, connection: Connection, order_id: str, user_id: str, key: str
    ) -> Order | None:
        """Compare-and-set in the caller's transaction; None if the order cannot be cancelled."""
        parameters = {"id": order_id, "user_id": user_id, "key": key, "lease_s": LEASE_S}
        cursor = await connection.execute(statements.REQUEST_CANCELLATION, parameters)
        row = await cursor.fetchone()
        return None if row is None else _order(row)

    async def owned(self, connection: Connection, order_id: str, user_id: str) -> bool:
        """Whether the user has this order, seen from the caller's transaction."""
        cursor = await connection.execute(queries.OWNED, (order_id, user_id))
        return await cursor.fetchone() is not None

    async def claim_due(self, limit: int) -> list[Order]:
        """Take over orders whose lease has run out, the longest waiting first."""
        rows = await self._database.write(
            statements.CLAIM_DUE, {"lease_s": LEASE_S, "limit": limit}
        )
        return [_order(row) for row in rows]

    async def postpone(self, order: Order, pause_s: float) -> None:
        """Give up the lease, so that somebody comes back after the pause."""
        parameters = {"id": order.id, "attempt": order.attempt, "pause_s": pause_s}
        await self._database.execute(statements.POSTPONE, parameters)

    async def find(self, order_id: str, user_id: str) -> Order | None:
        row = await self._database.fetch_one(queries.GET_ORDER, (order_id, user_id))
        return None if row is None else _order(row)

    async def page(
        self, user_id: str, limit: int, after: tuple[datetime, str] | None
    ) -> list[Order]:
        """Newest first, from the one after `after` (created_at, id) on."""
        parameters: dict[str, Any] = {"user_id": user_id, "limit": limit}
        sql = queries.FIRST_PAGE
        if after is not None:
            sql = queries.NEXT_PAGE
            parameters["last"], parameters["last_id"] = after
        return [_order(row) for row in await self._database.fetch_all(sql, parameters)]

    @contextmanager
    def _owing(self) -> Iterator[None]:
        """The block commits events; it may have, if it raises."""
        try:
            yield
        finally:
            self.outbox.wake()

    async def _finish(
        self, sql: str, parameters: dict[str, Any], answer: Answer, fault: str = ""
    ) -> Answer:
        """Run a move that records an answer; the first finisher's answer is the one returned."""
        moved, status = (await self._database.write(sql, parameters, fault=fault))[0]
        if not moved:
            raise LostOrder(parameters["id"])
        if status is not None:
            return answer if status == answer.status else Answer(status, parameters["accepted"])
        earlier = await self.recorded(parameters["user_id"], parameters["path"], parameters["key"])
        return earlier or answer


def _moving(held: Order, order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "held": held.status,
        "attempt": held.attempt,
        "reason": order.reason,
        "total_cents": order.total_cents,
        "payment_id": order.payment_id,
        "updated_at": order.updated_at,
    }


def _naming(order: Order) -> dict[str, Any]:
    lines = [line for line in order.lines if line.name is not None]
    return {
        "product_ids": [line.product_id for line in lines],
        "names": [line.name for line in lines],
        "prices": [line.unit_price_cents for line in lines],
    }


def _until() -> datetime:
    """When the request gives up waiting; a driver without one records 202 whenever it ends."""
    ctx = current_or_none()
    if ctx is None:
        return FOREVER
    return datetime.now(UTC) + timedelta(seconds=ctx.remaining() - MARGIN_S)


def _answering(order: Order, answer: Answer, until: datetime = FOREVER) -> dict[str, Any]:
    return {
        "accepted": views.accepted(order).body,
        "until": until,
        "user_id": order.user_id,
        "path": ORDERS_PATH,
        "key": order.idempotency_key,
        "answer_status": answer.status,
        "answer": answer.body,
    }


def _order(row: tuple[Any, ...]) -> Order:
    return Order(
        id=row[0],
        user_id=row[1],
        status=row[2],
        reason=row[3],
        total_cents=row[4],
        payment_id=row[5],
        idempotency_key=row[6],
        cancellation_key=row[7],
        attempt=row[8],
        created_at=row[9],
        updated_at=row[10],
        lines=_lines(row[11]),
    )
