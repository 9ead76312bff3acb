"""People who buy, cancel, pay in and read their own writes, all at once, until told to stop.

A closed loop on purpose: what counts here is each person's history, not response times.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.contract.seed import product_ids
from bench.experiments.consistency.client import Item, Person, Result, ShopClient, item
from bench.experiments.consistency.shop import RunningShop

STOP_S = 30.0  # a person ends the operation under way: the shop's deadline and a retry
CUT_OFF_S = 1.0


@dataclass(frozen=True)
class Habits:
    """Shares of visits in which something is done; `poor`: of the people, with little money.

    `scarce`: the share of orders that hold one of the few products with little stock.
    """

    think_s: float = 0.02
    cancelled: float = 0.15
    deposit: float = 0.05
    restock: float = 0.03
    read_back: float = 0.0
    same_key_again: float = 0.0
    poor: float = 0.0
    scarce: float = 0.0


QUIET = Habits()
THOROUGH = Habits(
    think_s=0.05, deposit=0.08, restock=0.05, read_back=0.4, same_key_again=0.05,
    poor=0.34, scarce=0.2,
)  # fmt: skip
SCARCE_PRODUCTS, SCARCE_UNITS = 5, 40
POCKET_MONEY_CENTS = 30_000


class CheckoutLoad:
    """`with CheckoutLoad(shop, people=6) as load:` buys as long as the block runs."""

    _loads = itertools.count(1)

    def __init__(
        self, shop: RunningShop, people: int, habits: Habits = QUIET, seed: int | None = None
    ) -> None:
        self._seed = next(self._loads) if seed is None else seed
        self._shop = shop
        self._habits = habits
        self._stop = threading.Event()
        self._cut_off = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged = 0
        poor = round(habits.poor * people)
        self._poor = [shop.newcomer() for _ in range(poor)]
        rich = [shop.buyers[number % len(shop.buyers)] for number in range(people - poor)]
        self._scarce = self._put_on_sale() if habits.scarce else []
        # daemons: whoever waits for a shop that has been shot keeps nobody from leaving
        self._threads = [
            threading.Thread(
                target=self._buy, args=(person, number), name=f"buyer {number}", daemon=True
            )
            for number, person in enumerate([*rich, *self._poor])
        ]
        self.errors: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if error is not None:
            self._cut_off.set()
        deadline = time.monotonic() + (STOP_S if error is None else CUT_OFF_S)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def acknowledged(self) -> int:
        """Orders that a buyer was told are placed."""
        return self._acknowledged

    def _put_on_sale(self) -> list[str]:
        staff = self._shop.client(self._shop.staff)
        try:
            return [staff.create_product(quantity=SCARCE_UNITS) for _ in range(SCARCE_PRODUCTS)]
        finally:
            staff.close()

    def _buy(self, person: Person, number: int) -> None:
        buyer = self._shop.client(person, giving_up=self._cut_off)
        staff = self._shop.client(self._shop.staff, giving_up=self._cut_off)
        choices = random.Random(f"{self._seed}-{number}")
        try:
            while not self._stop.wait(self._habits.think_s):
                self._one_visit(buyer, staff, choices)
        except BaseException as error:  # shown by whoever runs the load
            if not self._cut_off.is_set():
                self.errors.append(error)
        finally:
            buyer.close()
            staff.close()

    def _one_visit(self, buyer: ShopClient, staff: ShopClient, choices: random.Random) -> None:
        habits = self._habits
        items = self._basket(choices)
        placed = buyer.place(items)
        if placed.outcome == "ok":
            with self._lock:
                self._acknowledged += 1
            self._after_order(buyer, placed, choices)
        if choices.random() < habits.same_key_again:
            buyer.place(items, placed.key)
        if choices.random() < habits.deposit:
            self._pay_in(buyer, choices)
        if choices.random() < habits.restock:
            scarce = self._scarce and choices.random() < 0.5
            restocked = choices.choice(self._scarce) if scarce else items[0]["product_id"]
            staff.restock(restocked, choices.randint(1, 9))

    def _basket(self, choices: random.Random) -> list[Item]:
        products = choices.sample(product_ids(self._shop.seed), choices.randint(1, 3))
        if self._scarce and choices.random() < self._habits.scarce:
            products[0] = choices.choice(self._scarce)
        return [item(product, choices.randint(1, 3)) for product in products]

    def _after_order(self, buyer: ShopClient, placed: Result, choices: random.Random) -> None:
        order_id = placed.body["id"]
        if choices.random() < self._habits.read_back:
            buyer.look_at_order(order_id)
        if choices.random() < self._habits.cancelled:
            buyer.cancel(order_id)
            if self._habits.read_back:
                buyer.look_at_order(order_id)

    def _pay_in(self, buyer: ShopClient, choices: random.Random) -> None:
        # An amount nobody uses twice: the audit can then tell a lost one from a double one.
        most = POCKET_MONEY_CENTS if buyer.person in self._poor else 10**8
        buyer.deposit(choices.randint(1, most))
        if self._habits.read_back:
            buyer.look_at_wallet()
