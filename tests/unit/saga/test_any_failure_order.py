"""Whatever fails, in whatever order, and whoever drives: after recovery money and stock are right.

Hypothesis chooses how each single call of each driver goes, when a second driver takes an order
over, and when a message whose sender gave up arrives after all.
"""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from microservices.orders.model import Line, Order
from microservices.orders.saga import Answer, LostOrder, OrderSaga, Unclear
from microservices.orders.views import accepted
from tests.unit.saga.fakes import (
    NOW,
    Call,
    Crash,
    FakeInventory,
    FakePayments,
    FakeStore,
    Fate,
    Gate,
    Product,
    StoreDown,
)

FATES: tuple[Fate, ...] = (
    "ok",
    "error_before",
    "error_after",
    "late",
    "crash_before",
    "crash_after",
)
LEGAL_EDGES = {
    ("pending", "confirmed"),
    ("pending", "compensating"),
    ("compensating", "rejected"),
    ("confirmed", "cancelled"),
}
BALANCE_CENTS = 1000
UNITS = 5


class SagaMachine(RuleBasedStateMachine):
    saga_type = OrderSaga
    inventory_type = FakeInventory
    payments_type = FakePayments
    store_type = FakeStore

    @initialize()
    def open_shop(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.gate = Gate()
        products = {"tea": Product(100, UNITS), "pot": Product(900, UNITS)}
        self.inventory = self.inventory_type(self.gate, products)
        self.payments = self.payments_type(self.gate, {"ann": BALANCE_CENTS, "bob": BALANCE_CENTS})
        self.store = self.store_type(self.gate)
        self.saga = self.saga_type(self.store, self.inventory, self.payments, lambda: NOW)
        self.drivers: list[asyncio.Task[None]] = []
        self.placed: dict[str, Order] = {}
        self.unrecorded: dict[str, Answer] = {}
        self.deposited = 2 * BALANCE_CENTS

    @rule(
        user=st.sampled_from(["ann", "bob"]),
        lines=st.dictionaries(
            st.sampled_from(["tea", "tea", "pot", "ghost"]), st.integers(1, 3), min_size=1
        ),
    )
    def place(self, user: str, lines: dict[str, int]) -> None:
        number = len(self.placed)
        order = Order(
            id=f"order {number}",
            user_id=user,
            status="pending",
            lines=tuple(Line(name, None, None, quantity) for name, quantity in lines.items()),
            idempotency_key=f"key {number}",
            created_at=NOW,
            updated_at=NOW,
        )
        self.placed[order.id] = order
        self.store.place(order)
        self.start(order, live=True)

    @precondition(lambda self: self.gate.waiting)
    @rule(data=st.data(), fate=st.sampled_from(FATES))
    def decide(self, data: st.DataObject, fate: Fate) -> None:
        call: Call = data.draw(st.sampled_from(self.gate.waiting))
        self.gate.decide(call, fate)
        self.settle_down()

    @precondition(lambda self: self.store.unfinished())
    @rule(data=st.data(), too_old=st.booleans())
    def take_over(self, data: st.DataObject, too_old: bool) -> None:
        """A worker claims the order, whether or not its last driver still runs."""
        order = self.store.claim(data.draw(st.sampled_from(self.store.unfinished())))
        assert order is not None
        self.start(order, too_old=too_old)

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def request_cancellation(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(list(self.placed)))
        order = self.store.request_cancellation(order_id, f"cancel {order_id}")
        if order is not None:
            self.start(order)

    def deposit(self, user: str, amount_cents: int) -> None:
        self.payments.wallets[user] += amount_cents
        self.deposited += amount_cents

    @precondition(lambda self: self.gate.late)
    @rule(data=st.data())
    def deliver_late(self, data: st.DataObject) -> None:
        self.arrive(data.draw(st.sampled_from(self.gate.late)))

    @precondition(lambda self: self.store.outbox)
    @rule(data=st.data(), fate=st.sampled_from(FATES[:4]))
    def relay(self, data: st.DataObject, fate: Fate) -> None:
        event = data.draw(st.sampled_from(self.store.outbox))
        task = self.loop.create_task(self.deliver(*event))
        self.settle_down()
        self.gate.decide(self.gate.waiting[-1], fate)
        self.settle_down()
        if task.result() and event in self.store.outbox:
            self.store.outbox.remove(event)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.recover()
            self.check_final_state()
            for user in self.payments.wallets:
                self.deposit(user, 100 * BALANCE_CENTS)
            for call in tuple(
                self.gate.late
            ):  # long after everything is final, and with money there
                self.arrive(call)
            self.check_final_state()
        finally:
            for task in self.drivers:
                task.cancel()
            self.settle_down()
            self.loop.close()

    def start(self, order: Order, *, live: bool = False, too_old: bool = False) -> None:
        drive = self.drive_live(order) if live else self.drive(order, too_old)
        self.drivers.append(self.loop.create_task(drive))
        self.settle_down()

    async def drive(self, order: Order, too_old: bool = False) -> None:
        try:
            await self.saga.advance(order, too_old=too_old)
        except (Unclear, LostOrder, StoreDown, Crash):
            return

    async def drive_live(self, order: Order) -> None:
        """As a request does it: what it cannot finish it answers with 202, written down or not.

        Not where another answer may be written down already: then it says nothing (503).
        """
        try:
            answer = await self.saga.advance(order)
        except (Unclear, LostOrder, StoreDown) as error:
            try:
                answer = await self.store.hand_over(order)
            except StoreDown:
                if not isinstance(error, StoreDown):
                    self.unrecorded[order.idempotency_key] = accepted(order)
                return
            except Crash:
                return
        except Crash:
            return
        assert answer == self.store.answers[order.idempotency_key]

    async def deliver(self, topic: str, order_id: str) -> bool:
        calls = {
            "inventory.settle": self.inventory.settle,
            "inventory.release": self.inventory.release,
            "payments.refund": self.payments.refund,
        }
        try:
            await calls[topic](order_id)
        except Unclear:
            return False
        return True

    def settle_down(self) -> None:
        """Run every driver up to its next gate."""

        async def idle() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())

    def arrive(self, call: Call) -> None:
        self.gate.late.remove(call)
        try:
            call.effect()
        except (Unclear, LostOrder):
            pass  # a tombstone, or a commit that came too late

    def recover(self) -> None:
        """All components are back: workers and relay run until nothing is left."""
        self.gate.open = True
        for call in tuple(self.gate.waiting):
            self.gate.decide(call, "ok")
            self.settle_down()
        for _ in range(3):
            for order_id in self.store.unfinished():
                order = self.store.claim(order_id)
                assert order is not None
                self.loop.run_until_complete(self.drive(order))
            while self.store.outbox:
                assert self.loop.run_until_complete(self.deliver(*self.store.outbox.pop()))
        assert not self.store.unfinished()

    def check_final_state(self) -> None:
        statuses = {order_id: row.order.status for order_id, row in self.store.rows.items()}
        assert set(statuses.values()) <= {"confirmed", "rejected", "cancelled"}
        assert {edge[1:] for edge in self.store.edges} <= LEGAL_EDGES
        assert max(Counter(self.store.edges).values(), default=1) == 1
        self.check_money(statuses)
        self.check_stock(statuses)
        self.check_answers(statuses)

    def check_money(self, statuses: dict[str, str]) -> None:
        wallets = sum(self.payments.wallets.values())
        assert wallets + self.payments.merchant == self.deposited
        captured = {
            key for key, paid in self.payments.payments.items() if paid.status == "captured"
        }
        confirmed = {key for key, status in statuses.items() if status == "confirmed"}
        assert captured == confirmed
        totals = [self.store.rows[key].order.total_cents or 0 for key in confirmed]
        assert self.payments.merchant == sum(totals)

    def check_stock(self, statuses: dict[str, str]) -> None:
        sold: Counter[str] = Counter()
        for order_id, status in statuses.items():
            if status == "confirmed":
                sold.update(
                    {line.product_id: line.quantity for line in self.placed[order_id].lines}
                )
        for name, product in self.inventory.products.items():
            assert product.reserved == 0
            assert product.sold == sold[name]
            assert product.available >= 0

    def check_answers(self, statuses: dict[str, str]) -> None:
        for key, given in self.unrecorded.items():
            assert self.store.answers[key] == given
        for order_id, order in self.placed.items():
            answer = self.store.answers[order.idempotency_key]
            assert answer is not None
            expected = {
                201: {"confirmed", "cancelled"},
                202: {"confirmed", "cancelled", "rejected"},
                402: {"rejected"},
                409: {"rejected"},
                422: {None},
            }
            assert statuses.get(order_id) in expected[answer.status]


SagaMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestAnyFailureOrder(SagaMachine.TestCase):
    pass
