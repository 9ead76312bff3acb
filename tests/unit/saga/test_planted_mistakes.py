"""The failure-order test catches the classic mistakes: each is planted here and must be found."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from microservices.orders import saga
from microservices.orders.model import Order, Reason, rejected
from microservices.orders.saga import Answer, Charge, OrderSaga
from tests.unit.saga.fakes import NOW, FakeInventory, FakePayments, FakeStore
from tests.unit.saga.test_any_failure_order import SagaMachine

SEARCH = settings(
    max_examples=1500,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class NoRefund(OrderSaga):
    """Gives up an order whose charge was unclear without refunding it."""

    async def _back(self, order: Order) -> Answer:
        await self._inventory.release(order.id)
        return await self._store.reject(order, rejected(order, NOW), [])


class StepBackBeforeCommit(OrderSaga):
    """Releases before the direction is durable: another driver may still go forward."""

    async def _refuse(self, held: Order, order: Order, reason: Reason) -> Answer:
        await self._inventory.release(order.id)
        return await super()._refuse(held, order, reason)


class ConfirmBeforeCharge(OrderSaga):
    """Acknowledges first and takes the money afterwards."""

    async def _forward(self, order: Order, too_old: bool) -> Answer:
        reservation = await self._inventory.reserve(order)
        order_priced = saga.priced(order, reservation.quotes)
        confirmed = saga.confirmed(order_priced, f"payment of {order.id}", NOW)
        answer = await self._store.confirm(order, confirmed)
        await self._payments.charge(order_priced)
        return answer


class ForgetfulPayments(FakePayments):
    """Does not keep a refusal, so a late repetition may charge a rejected order."""

    def _charge(self, order: Order) -> Charge:
        charge = super()._charge(order)
        if charge.payment_id is None:
            del self.payments[order.id]
        return charge


class NoTombstone(FakeInventory):
    """A release before its reserve leaves no trace."""

    def _release(self, order_id: str) -> None:
        if order_id in self.reservations:
            super()._release(order_id)


class RepeatingPayments(FakePayments):
    """Charges again when asked again."""

    def _charge(self, order: Order) -> Charge:
        self.payments.pop(order.id, None)
        return super()._charge(order)


class NoCompareAndSet(FakeStore):
    """Writes whatever the driver believes."""

    def _move(self, held: Order, order: Order) -> None:
        self.rows[order.id].order = order


@pytest.mark.parametrize(
    ("part", "mistake"),
    [
        pytest.param("saga_type", NoRefund, marks=pytest.mark.slow),
        ("saga_type", ConfirmBeforeCharge),
        ("payments_type", ForgetfulPayments),
        ("payments_type", RepeatingPayments),
        ("inventory_type", NoTombstone),
        ("store_type", NoCompareAndSet),
        ("saga_type", StepBackBeforeCommit),
    ],
)
def test_a_planted_mistake_is_found(part: str, mistake: type[object]) -> None:
    machine = type(f"With{mistake.__name__}", (SagaMachine,), {part: mistake})
    with pytest.raises((AssertionError, KeyError, ExceptionGroup)):
        run_state_machine_as_test(machine, settings=SEARCH)
