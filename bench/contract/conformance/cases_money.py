"""The golden vectors, played through the public API."""

import uuid
from functools import partial
from typing import Any

from bench.contract.conformance.client import Answer
from bench.contract.conformance.expect import equal, expect, expect_problem
from bench.contract.conformance.registry import Case, add_case
from bench.contract.conformance.world import Person, World
from bench.contract.golden import OrderState, Step, Vector, load_vectors

AREA = "money"


class Play:
    """One vector in progress: its buyer, its products, the orders its steps made."""

    def __init__(self, world: World, vector: Vector) -> None:
        self.world = world
        self.vector = vector
        self.buyer: Person = world.buyer(vector.given_wallet_cents)
        self.products = {
            alias: world.new_product(price_cents=item.price_cents, quantity=item.quantity)
            for alias, item in vector.given_products.items()
        }
        self.order_ids: dict[int, str] = {}

    def take_all_steps(self) -> None:
        """Take the vector's steps and hold each answer, and the order it left, against it."""
        steps = zip(self.vector.steps, self.vector.answers, strict=True)
        for index, (step, wanted) in enumerate(steps):
            answer = self.take(step)
            expect(answer, wanted.http)
            if wanted.code is not None:
                expect_problem(answer, wanted.code)
            if wanted.order is not None:
                self.check_order(index, step, wanted.order)

    def take(self, step: Step) -> Answer:
        world, staff = self.world, self.world.staff().token
        match step.action:
            case "order":
                lines = [(self._id_of(line.product), line.quantity) for line in step.lines]
                return world.order(self.buyer, *lines)
            case "cancel":
                return world.cancel(self.buyer, self.order_ids[step.order_step])
            case "restock":
                path = f"/products/{self._id_of(step.product)}/restocks"
                payload = {"quantity": step.amount}
                return world.call("POST", path, token=staff, key=world.new_key(), payload=payload)
            case "reprice":
                path = f"/products/{self._id_of(step.product)}"
                payload = {"price_cents": step.amount}
                return world.call("PATCH", path, token=staff, payload=payload)
            case "deposit":
                payload = {"amount_cents": step.amount}
                return world.call(
                    "POST",
                    "/wallet/deposits",
                    token=self.buyer.token,
                    key=world.new_key(),
                    payload=payload,
                )

    def check_order(self, index: int, step: Step, wanted: OrderState) -> None:
        """The order of this step as stored now (a new one is the newest of the list)."""
        if step.action == "order":
            listed = self.world.call("GET", "/orders", token=self.buyer.token, query={"limit": 1})
            self.order_ids[index] = expect(listed, 200)["items"][0]["id"]
        order_id = self.order_ids[index if step.action == "order" else step.order_step]
        answer = self.world.call("GET", f"/orders/{order_id}", token=self.buyer.token)
        equal(_state(expect(answer, 200).json()), wanted, f"the order after step {index}")

    def _id_of(self, alias: str) -> str:
        return str(self.products[alias]["id"]) if alias in self.products else str(uuid.uuid4())


def _state(order: dict[str, Any]) -> OrderState:
    prices = tuple(line["unit_price_cents"] for line in order["items"])
    return OrderState(order["status"], order["reason"], order["total_cents"], prices)


def play(vector: Vector, world: World) -> None:
    """Take every step of a vector, check each answer, then stock, wallet and the list of orders."""
    progress = Play(world, vector)
    progress.take_all_steps()
    for alias, stock in vector.stock.items():
        product_id = progress.products[alias]["id"]
        wanted_units = stock.on_hand - stock.reserved
        world.eventually(partial(world.available, product_id), wanted_units, f"available {alias}")
    equal(world.balance(progress.buyer), vector.wallet_cents, "balance_cents")
    listed = world.call("GET", "/orders", token=progress.buyer.token, query={"limit": 100})
    found = len(expect(listed, 200)["items"])
    equal(found, len(progress.order_ids), "the number of orders")


for _vector in load_vectors():
    add_case(Case(_vector.name.replace("_", " "), AREA, "shop", partial(play, _vector)))
