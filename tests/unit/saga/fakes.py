"""In-memory ports of the order saga, with a gate before and after each effect.

A call waits at the gate until the test decides how it goes; the fakes keep the same rules as the
services (idempotent by order id, tombstones, compare-and-set), and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeVar

from msgspec.structs import replace

from microservices.orders import views
from microservices.orders.model import Order, Quote, Topic
from microservices.orders.saga import Answer, Charge, LostOrder, Reservation, Unclear

T = TypeVar("T")
Fate = Literal["ok", "error_before", "error_after", "late", "crash_before", "crash_after"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Crash(BaseException):
    """The process of a driver ends here: nothing of it catches this."""


class StoreDown(Exception):
    """The orders database gave no answer."""


@dataclass(eq=False)
class Call:
    """One call that waits for its fate."""

    name: str
    effect: Callable[[], object]
    fate: "asyncio.Future[Fate]"


@dataclass
class Gate:
    """Where every call waits. `late` are messages under way whose sender has given up."""

    waiting: list[Call] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)
    open: bool = False

    async def call(self, name: str, effect: Callable[[], T], failure: type[Exception]) -> T:
        if self.open:
            return effect()
        call = Call(name, effect, asyncio.get_running_loop().create_future())
        self.waiting.append(call)
        fate = await call.fate
        if fate == "late":
            self.late.append(call)
        if fate in ("error_before", "late"):
            raise failure(name)
        if fate == "crash_before":
            raise Crash
        result = effect()
        if fate == "error_after":
            raise failure(name)
        if fate == "crash_after":
            raise Crash
        return result

    def decide(self, call: Call, fate: Fate) -> None:
        self.waiting.remove(call)
        call.fate.set_result(fate)


@dataclass
class Product:
    price_cents: int
    initial: int
    sold: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        return self.initial - self.sold - self.reserved


@dataclass
class Stored:
    state: str
    lines: dict[str, int]
    quotes: dict[str, Quote]


class FakeInventory:
    def __init__(self, gate: Gate, products: dict[str, Product]) -> None:
        self._gate = gate
        self.products = products
        self.reservations: dict[str, Stored] = {}

    def reserve(self, order: Order) -> Awaitable[Reservation]:
        return self._gate.call("reserve", lambda: self._reserve(order), Unclear)

    def release(self, order_id: str) -> Awaitable[None]:
        return self._gate.call("release", lambda: self._release(order_id), Unclear)

    def settle(self, order_id: str) -> Awaitable[None]:
        return self._gate.call("settle", lambda: self._settle(order_id), Unclear)

    def _reserve(self, order: Order) -> Reservation:
        lines = {line.product_id: line.quantity for line in order.lines}
        stored = self.reservations.get(order.id)
        if stored is not None:
            if stored.state in ("released", "returned"):
                raise Unclear("released already")
            assert stored.lines == lines
            return Reservation(None, stored.quotes)
        known = {name: self.products[name] for name in lines if name in self.products}
        quotes = {name: Quote(name, product.price_cents) for name, product in known.items()}
        if len(known) < len(lines):
            return Reservation("unknown_product", quotes)
        if any(known[name].available < quantity for name, quantity in lines.items()):
            return Reservation("out_of_stock", quotes)
        for name, quantity in lines.items():
            known[name].reserved += quantity
        self.reservations[order.id] = Stored("reserved", lines, quotes)
        return Reservation(None, quotes)

    def _release(self, order_id: str) -> None:
        stored = self.reservations.setdefault(order_id, Stored("released", {}, {}))
        for name, quantity in stored.lines.items():
            if stored.state == "reserved":
                self.products[name].reserved -= quantity
            if stored.state == "sold":
                self.products[name].sold -= quantity
        stored.state = {"reserved": "released", "sold": "returned"}.get(stored.state, stored.state)

    def _settle(self, order_id: str) -> None:
        stored = self.reservations.get(order_id)
        if stored is None or stored.state != "reserved":
            return
        stored.state = "sold"
        for name, quantity in stored.lines.items():
            self.products[name].reserved -= quantity
            self.products[name].sold += quantity


@dataclass
class Paid:
    status: str
    user_id: str = ""
    amount_cents: int = 0


class FakePayments:
    def __init__(self, gate: Gate, wallets: dict[str, int]) -> None:
        self._gate = gate
        self.wallets = wallets
        self.merchant = 0
        self.payments: dict[str, Paid] = {}

    def charge(self, order: Order) -> Awaitable[Charge]:
        return self._gate.call("charge", lambda: self._charge(order), Unclear)

    def refund(self, order_id: str) -> Awaitable[None]:
        return self._gate.call("refund", lambda: self._refund(order_id), Unclear)

    def _charge(self, order: Order) -> Charge:
        assert order.total_cents is not None
        paid = self.payments.get(order.id)
        if paid is None:
            enough = self.wallets[order.user_id] >= order.total_cents
            status = "captured" if enough else "refused"
            paid = self.payments[order.id] = Paid(status, order.user_id, order.total_cents)
            if enough:
                self._move(order.user_id, order.total_cents)
        if paid.status in ("void", "refunded"):
            raise Unclear("refunded already")
        assert (paid.user_id, paid.amount_cents) == (order.user_id, order.total_cents)
        return Charge(f"payment of {order.id}" if paid.status == "captured" else None)

    def _refund(self, order_id: str) -> None:
        paid = self.payments.setdefault(order_id, Paid("void"))
        if paid.status == "captured":
            paid.status = "refunded"
            self._move(paid.user_id, -paid.amount_cents)

    def _move(self, user_id: str, amount_cents: int) -> None:
        self.wallets[user_id] -= amount_cents
        assert self.wallets[user_id] >= 0
        self.merchant += amount_cents


@dataclass
class Row:
    order: Order
    cancel_requested: bool = False


class FakeStore:
    """Orders, recorded answers and the outbox; a method is one commit."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.rows: dict[str, Row] = {}
        self.answers: dict[str, Answer | None] = {}
        self.outbox: list[tuple[Topic, str]] = []
        self.edges: list[tuple[str, str, str]] = []

    def place(self, order: Order) -> None:
        self.rows[order.id] = Row(order)
        self.answers[order.idempotency_key] = None

    def compensating(self, held: Order, order: Order) -> Awaitable[None]:
        return self._gate.call("compensating", lambda: self._move(held, order), StoreDown)

    def confirm(self, held: Order, order: Order) -> Awaitable[Answer]:
        def effect() -> Answer:
            self._move(held, order)
            self.outbox.append(("inventory.settle", order.id))
            return self._answered(order.idempotency_key, views.created(order))

        return self._gate.call("confirm", effect, StoreDown)

    def reject(self, held: Order, order: Order, owed: Sequence[Topic]) -> Awaitable[Answer]:
        def effect() -> Answer:
            unanswered = self.answers[order.idempotency_key] is None
            self._move(held, order)
            self.outbox.extend((topic, order.id) for topic in owed)
            if order.reason == "unknown_product" and unanswered and order.by_request:
                del self.rows[order.id]
            return self._answered(order.idempotency_key, views.refused(order))

        return self._gate.call("reject", effect, StoreDown)

    def cancel(self, held: Order, order: Order) -> Awaitable[Answer]:
        def effect() -> Answer:
            self._move(held, order)
            assert order.cancellation_key is not None
            return self._answered(order.cancellation_key, views.cancelled(order))

        return self._gate.call("cancel", effect, StoreDown)

    def hand_over(self, order: Order) -> Awaitable[Answer]:
        def effect() -> Answer:
            row = self.rows.get(order.id)
            if row is not None and row.order.attempt == order.attempt:
                return self._answered(order.idempotency_key, views.accepted(order))
            return self.answers[order.idempotency_key] or views.accepted(order)

        return self._gate.call("hand_over", effect, StoreDown)

    def request_cancellation(self, order_id: str, key: str) -> Order | None:
        row = self.rows.get(order_id)
        if row is None or row.order.status != "confirmed" or row.cancel_requested:
            return None
        row.cancel_requested = True
        row.order = replace(row.order, cancellation_key=key, attempt=row.order.attempt + 1)
        self.answers[key] = None
        return row.order

    def claim(self, order_id: str) -> Order | None:
        """The next attempt at an order, if it is not final."""
        row = self.rows.get(order_id)
        if row is None or not self._unfinished(row):
            return None
        row.order = replace(row.order, attempt=row.order.attempt + 1)
        return row.order

    def unfinished(self) -> list[str]:
        return [order_id for order_id, row in self.rows.items() if self._unfinished(row)]

    def _unfinished(self, row: Row) -> bool:
        if row.order.status == "confirmed":
            return row.cancel_requested
        return row.order.status in ("pending", "compensating")

    def _move(self, held: Order, order: Order) -> None:
        row = self.rows.get(order.id)
        if row is None or (row.order.status, row.order.attempt) != (held.status, held.attempt):
            raise LostOrder(order.id)
        self.edges.append((order.id, row.order.status, order.status))
        row.order = replace(order, cancellation_key=row.order.cancellation_key)

    def _answered(self, key: str, answer: Answer) -> Answer:
        first = self.answers[key]
        if first is None:
            first = self.answers[key] = answer
        return first
