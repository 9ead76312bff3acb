"""People who buy, cancel and pay in, all at once, until told to stop."""

import itertools
import random
import threading
from types import TracebackType
from typing import Self

from bench.contract.seed import product_ids
from tests.integration.reliability.lab import SEED, RunningShop
from tests.integration.reliability.shop_client import ShopClient, item

THINK_S = 0.02
CANCELLED_SHARE, DEPOSIT_SHARE, RESTOCK_SHARE = 0.15, 0.05, 0.03


class CheckoutLoad:
    """`with CheckoutLoad(shop, people=6) as load:` buys as long as the block runs."""

    _loads = itertools.count(1)

    def __init__(self, shop: RunningShop, people: int) -> None:
        seed = next(self._loads)
        self._shop = shop
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged = 0
        self._threads = [
            threading.Thread(target=self._buy, args=(number, seed), name=f"buyer {number}")
            for number in range(people)
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
        for thread in self._threads:
            thread.join()

    @property
    def acknowledged(self) -> int:
        """Orders that a buyer was told are placed."""
        return self._acknowledged

    def _buy(self, number: int, seed: int) -> None:
        buyer = self._shop.client(self._shop.buyers[number % len(self._shop.buyers)])
        staff = self._shop.client(self._shop.staff)
        choices = random.Random(f"{seed}-{number}")
        try:
            while not self._stop.wait(THINK_S):
                self._one_visit(buyer, staff, choices)
        except BaseException as error:  # shown by the test that runs the load
            self.errors.append(error)

    def _one_visit(self, buyer: ShopClient, staff: ShopClient, choices: random.Random) -> None:
        products = choices.sample(product_ids(SEED), choices.randint(1, 3))
        placed = buyer.place([item(product, choices.randint(1, 3)) for product in products])
        if placed.outcome == "ok":
            with self._lock:
                self._acknowledged += 1
            if choices.random() < CANCELLED_SHARE:
                buyer.cancel(placed.body["id"])
        if choices.random() < DEPOSIT_SHARE:
            # An amount nobody uses twice: the audit can then tell a lost one from a double one.
            buyer.deposit(choices.randint(1, 10**8))
        if choices.random() < RESTOCK_SHARE:
            staff.restock(products[0], choices.randint(1, 9))
