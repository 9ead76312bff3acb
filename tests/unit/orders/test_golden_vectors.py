"""The golden vectors, played by the saga over its in-memory ports."""

from datetime import UTC, datetime

import pytest

from bench.contract.golden import OrderState, Step, Vector, load_vectors
from microservices.orders.model import Line, Order
from microservices.orders.saga import Answer, OrderSaga
from tests.unit.saga.fakes import FakeInventory, FakePayments, FakeStore, Gate, Product

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
USER = "ann"


class Shop:
    """One buyer's shop; every port is open, so each call just succeeds."""

    def __init__(self, vector: Vector) -> None:
        gate = Gate(open=True)
        products = {
            alias: Product(product.price_cents, product.quantity)
            for alias, product in vector.given_products.items()
        }
        self.inventory = FakeInventory(gate, products)
        self.payments = FakePayments(gate, {USER: vector.given_wallet_cents})
        self.store = FakeStore(gate)
        self.saga = OrderSaga(self.store, self.inventory, self.payments, lambda: NOW)

    async def play(self, number: int, step: Step) -> tuple[int, OrderState | None]:
        match step.action:
            case "order":
                return await self.order(number, step)
            case "cancel":
                return await self.cancel(step)
            case "restock":
                self.inventory.products[step.product].initial += step.amount
                return 201, None
            case "reprice":
                self.inventory.products[step.product].price_cents = step.amount
                return 200, None
        self.payments.wallets[USER] += step.amount
        return 201, None

    async def order(self, number: int, step: Step) -> tuple[int, OrderState | None]:
        order = Order(
            id=f"order {number}",
            user_id=USER,
            status="pending",
            lines=tuple(Line(line.product, None, None, line.quantity) for line in step.lines),
            idempotency_key=f"key {number}",
            created_at=NOW,
            updated_at=NOW,
        )
        self.store.place(order)
        answer = await self.saga.advance(order)
        return await self.settled(answer, order.id)

    async def cancel(self, step: Step) -> tuple[int, OrderState | None]:
        order_id = f"order {step.order_step}"
        order = self.store.request_cancellation(order_id, f"cancel {order_id}")
        if order is None:
            return 409, self.state(order_id)
        return await self.settled(await self.saga.advance(order), order_id)

    async def settled(self, answer: Answer, order_id: str) -> tuple[int, OrderState | None]:
        while self.store.outbox:
            topic, owed_id = self.store.outbox.pop()
            assert topic == "inventory.settle"
            await self.inventory.settle(owed_id)
        return answer.status, self.state(order_id)

    def state(self, order_id: str) -> OrderState | None:
        row = self.store.rows.get(order_id)
        if row is None:
            return None
        order = row.order
        prices = tuple(line.unit_price_cents or 0 for line in order.lines)
        return OrderState(order.status, order.reason, order.total_cents or 0, prices)


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
async def test_the_saga_gives(vector: Vector) -> None:
    shop = Shop(vector)
    for number, (step, expected) in enumerate(zip(vector.steps, vector.answers, strict=True)):
        assert await shop.play(number, step) == (expected.http, expected.order)
    assert shop.payments.wallets[USER] == vector.wallet_cents
    for alias, stock in vector.stock.items():
        product = shop.inventory.products[alias]
        assert (product.sold, product.reserved) == (stock.sold, stock.reserved)
        assert product.initial - product.sold == stock.on_hand
