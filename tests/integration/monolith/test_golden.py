"""The golden vectors, played through the API against the real database."""

from typing import Any

import pytest

from bench.contract.golden import Step, Vector, load_vectors
from tests.integration.monolith.shop import Answer, Person, person, product, rows

pytestmark = pytest.mark.django_db(transaction=True)

GHOST = "00000000-0000-4000-8000-000000000000"


class Play:
    """One vector's shop: aliases become ids, order steps become orders."""

    def __init__(self, vector: Vector) -> None:
        self.buyer: Person = person(vector.given_wallet_cents)
        self.staff: Person = person(staff=True)
        self.products = {
            alias: product(given.price_cents, given.quantity)
            for alias, given in vector.given_products.items()
        }
        self.orders: dict[int, str] = {}
        (self.first_entry,) = rows("SELECT coalesce(max(id), 0) FROM ledger_entries")[0]

    def step(self, index: int, step: Step) -> Answer:
        match step.action:
            case "order":
                return self._order(index, step)
            case "cancel":
                return self.buyer.cancel(self.orders[step.order_step])
            case "restock":
                path = f"/products/{self.products[step.product]}/restocks"
                return self.staff.keyed(path, {"quantity": step.amount})
            case "reprice":
                path = f"/products/{self.products[step.product]}"
                return self.staff.send("PATCH", path, {"price_cents": step.amount})
            case "deposit":
                return self.buyer.keyed("/wallet/deposits", {"amount_cents": step.amount})

    def _order(self, index: int, step: Step) -> Answer:
        lines = [(self.products.get(line.product, GHOST), line.quantity) for line in step.lines]
        answer = self.buyer.buy(*lines)
        newest = self.buyer.get("/orders?limit=1").body["items"]
        if newest:
            self.orders[index] = newest[0]["id"]
        return answer

    def order_after(self, index: int, step: Step) -> dict[str, Any]:
        of = step.order_step if step.action == "cancel" else index
        order: dict[str, Any] = self.buyer.get(f"/orders/{self.orders[of]}").body
        return order


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
def test_the_shop_does_what_was_worked_out_by_hand(vector: Vector) -> None:
    play = Play(vector)
    for index, (step, expected) in enumerate(zip(vector.steps, vector.answers, strict=True)):
        answer = play.step(index, step)
        assert (answer.status, answer.body.get("code")) == (expected.http, expected.code)
        if expected.order is not None:
            order = play.order_after(index, step)
            assert (order["status"], order["reason"]) == (
                expected.order.status,
                expected.order.reason,
            )
            assert order["total_cents"] == expected.order.total_cents
            prices = tuple(line["unit_price_cents"] for line in order["items"])
            assert prices == expected.order.unit_prices_cents
    assert play.buyer.balance == vector.wallet_cents
    _assert_stock(play, vector)
    _assert_ledger(play, vector)


def _assert_stock(play: Play, vector: Vector) -> None:
    for alias, expected in vector.stock.items():
        found = rows(
            "SELECT initial, restocked, sold, on_hand, reserved FROM audit_stock"
            " WHERE product_id = %s",
            (play.products[alias],),
        )
        wanted = (expected.initial, expected.restocked, expected.sold)
        assert found == [(*wanted, expected.on_hand, expected.reserved)]


def _assert_ledger(play: Play, vector: Vector) -> None:
    entries = rows(
        "SELECT kind, split_part(account, ':', 1), amount_cents FROM audit_ledger"
        " WHERE entry_id::bigint > %s ORDER BY entry_id::bigint",
        (play.first_entry,),
    )
    assert entries == [(entry.kind, entry.account, entry.amount_cents) for entry in vector.ledger]
