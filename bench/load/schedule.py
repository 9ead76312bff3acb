"""Schedules: when visits arrive and what each does, from a seed, before the run. Pure.

The same spec and catalogue give the same schedule everywhere; its SHA-256 proves it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal
from urllib.parse import quote

import msgspec

from bench.contract.seed import PASSWORD
from bench.load.catalogue import Catalogue
from bench.load.mixes import JOURNEYS, MIXES
from bench.load.plan import Request, Visit

Gaps = Literal["poisson", "uniform"]
PRIMER_SHARE = 0.1  # of the rate, while the primer lasts
ORDER_LINES = (1, 2, 3)
ORDER_LINE_WEIGHTS = (0.5, 0.3, 0.2)
PAGE_LIMIT = 20


@dataclass(frozen=True)
class ScheduleSpec:
    """What to schedule. `offered_rps` counts requests, all steps of the visits."""

    mix: str
    offered_rps: float
    seed: int
    primer_s: float
    warmup_s: float
    measured_s: float
    gaps: Gaps = "poisson"
    steps_per_visit: float | None = None  # of a load that is not one of our mixes

    @property
    def measured_from_s(self) -> float:
        """Start of the measured window."""
        return self.primer_s + self.warmup_s

    @property
    def measured_to_s(self) -> float:
        """End of the measured window, and of the arrivals."""
        return self.measured_from_s + self.measured_s


@dataclass(frozen=True)
class Schedule:
    """The visits in order of `due_s`."""

    spec: ScheduleSpec
    visits: list[Visit]
    sha256: str

    @property
    def planned(self) -> int:
        """Number of requests if every visit makes all its steps."""
        return sum(len(visit.requests) for visit in self.visits)


def build_schedule(spec: ScheduleSpec, catalogue: Catalogue) -> Schedule:
    """Build the schedule of `spec`. Arrivals and contents are drawn from separate streams."""
    chooser = _Chooser(catalogue, spec)
    visits = [chooser.visit(due_s) for due_s in arrival_times(spec)]
    digest = hashlib.sha256(msgspec.msgpack.encode(visits)).hexdigest()
    return Schedule(spec, visits, digest)


def arrival_times(spec: ScheduleSpec) -> Iterator[float]:
    """Due times of the visits: primer at a tenth of the rate, then the whole rate."""
    rng = random.Random(f"{spec.seed}/arrivals")
    visit_rate = spec.offered_rps / (spec.steps_per_visit or MIXES[spec.mix].steps_per_visit)
    yield from _segment(rng, visit_rate * PRIMER_SHARE, 0.0, spec.primer_s, spec.gaps)
    yield from _segment(rng, visit_rate, spec.primer_s, spec.measured_to_s, spec.gaps)


def _segment(
    rng: random.Random, rate: float, start: float, end: float, gaps: Gaps
) -> Iterator[float]:
    if rate <= 0:
        return
    draw: Callable[[], float] = (
        (lambda: rng.expovariate(rate)) if gaps == "poisson" else (lambda: 1.0 / rate)
    )
    # Uniform gaps start at a random phase, or every block would meet the same one.
    due = start + (draw() if gaps == "poisson" else rng.random() / rate)
    while due < end:
        yield round(due, 6)
        due += draw()


class _Chooser:
    """Draws journeys, users and payloads."""

    def __init__(self, catalogue: Catalogue, spec: ScheduleSpec) -> None:
        self._catalogue = catalogue
        self._rng = random.Random(f"{spec.seed}/contents")
        mix = MIXES[spec.mix]
        self._journeys = [journey for journey, _ in mix.weights]
        self._journey_weights = [weight for _, weight in mix.weights]
        self._popularity = list(accumulate(catalogue.weights))
        self._makers: dict[str, Callable[[int], tuple[str, bytes]]] = {
            "product_read": lambda _: (f"/api/v1/products/{self._product()}", b""),
            "product_list": lambda _: (self._product_list(), b""),
            "order": lambda _: ("/api/v1/orders", self._order()),
            "deposit": lambda _: ("/api/v1/wallet/deposits", self._deposit()),
            "login": lambda user: ("/api/v1/auth/tokens", self._login(user)),
        }

    def visit(self, due_s: float) -> Visit:
        journey = self._rng.choices(self._journeys, self._journey_weights)[0]
        user = self._rng.randrange(len(self._catalogue.users))
        requests = tuple(self._request(step, user) for step in JOURNEYS[journey])
        return Visit(due_s, journey, user, requests)

    def _request(self, operation: str, user: int) -> Request:
        maker = self._makers.get(operation)
        path, body = maker(user) if maker else (_FIXED_PATHS[operation], b"")
        return Request(operation, path, body)

    def _product(self) -> str:
        return self._rng.choices(self._catalogue.products, cum_weights=self._popularity)[0]

    def _product_list(self) -> str:
        """Three in four list a category, as a shop's visitors do; one in four of all by price."""
        path = f"/api/v1/products?limit={PAGE_LIMIT}"
        if self._rng.random() < 0.75:
            path += f"&category={quote(self._rng.choice(self._catalogue.categories), safe='')}"
        if self._rng.random() < 0.25:
            path += "&sort=price"
        return path

    def _order(self) -> bytes:
        wanted = self._rng.choices(ORDER_LINES, ORDER_LINE_WEIGHTS)[0]
        products: list[str] = []
        while len(products) < min(wanted, len(self._catalogue.products)):
            product = self._product()
            if product not in products:  # the contract takes each product once
                products.append(product)
        lines = [{"product_id": id_, "quantity": self._rng.randint(1, 3)} for id_ in products]
        return json.dumps({"items": lines}, separators=(",", ":")).encode()

    def _deposit(self) -> bytes:
        return json.dumps({"amount_cents": self._rng.randint(100, 10_000)}).encode()

    def _login(self, user: int) -> bytes:
        email = self._catalogue.users[user].email
        return json.dumps({"email": email, "password": PASSWORD}).encode()


_FIXED_PATHS = {
    "wallet_read": "/api/v1/wallet",
    "profile_read": "/api/v1/users/me",
    "order_read": "/api/v1/orders/{order_id}",
    "order_list": f"/api/v1/orders?limit={PAGE_LIMIT}",
    "order_cancel": "/api/v1/orders/{order_id}/cancellation",
    "overview": "/api/v1/account/overview",
}
