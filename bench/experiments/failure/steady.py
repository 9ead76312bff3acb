"""The steady-state hypothesis: a few visits of our own, held against the spec's tolerances.

Asked before a stretch, again right before the fault, and after it. No load process: nothing may
wait for one while the load runs.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.experiments.failure.spec import Tolerance
from bench.faults.points import POISON_HEADER
from bench.load.operations import API_PREFIX, OPERATIONS, check_answer

TIMEOUT_S = 3.0
ROUNDS = 3
_POLL_S = 0.25
_PENDING = 202
_READS = {  # a read that the component answers
    "users": ("profile_read", "/users/me"),
    "inventory": ("product_list", "/products?limit=20"),
    "orders": ("order_list", "/orders?limit=20"),
    "payments": ("wallet_read", "/wallet"),
    "edge": ("wallet_read", "/wallet"),
}


@dataclass(frozen=True)
class Health:
    """What the probes gave. `broken`: the tolerances that do not hold, in words."""

    values: dict[str, float]
    broken: tuple[str, ...]

    @property
    def steady(self) -> bool:
        """Whether the hypothesis holds."""
        return not self.broken


@dataclass(frozen=True)
class SteadyState:
    """A hypothesis about one deployment, probed as one of its users."""

    deployment: Deployment
    token: str
    product: str  # what it orders
    hypothesis: Sequence[Tolerance]

    def look(self, rounds: int = ROUNDS, *, at_rest: bool = True) -> Health:
        """Probe once."""
        answers = [found for _ in range(rounds) for found in self._visits()]
        values = {
            "ready": float(self._ready()),
            "served": sum(right for right, _ in answers) / len(answers),
            "response_time_ms": max(ms for _, ms in answers),
        }
        broken = [
            f"{each.probe} is {values[each.probe]:.4g}"
            for each in self.hypothesis
            if not each.holds(values[each.probe]) and (at_rest or each.probe != "response_time_ms")
        ]
        return Health(values, tuple(broken))

    def wait(self, within_s: float) -> Health:
        """Probe until it holds or the time is over; the last look."""
        deadline = time.monotonic() + within_s
        while not (health := self.look()).steady and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return health

    def poison(self, component: str) -> None:
        """Send one request that kills the process in which `component` handles it."""
        self._ask(*_READS[component], marks={POISON_HEADER: component})

    def _ready(self) -> bool:
        try:
            return self.deployment.ready()
        except ShopbenchError:  # its supervisor does not answer in time
            return False

    def _visits(self) -> Iterator[tuple[bool, float]]:
        """(right, ms) of one request of every kind that the journeys make."""
        body = {"items": [{"product_id": self.product, "quantity": 1}]}
        yield self._ask("product_list", "/products?limit=20")
        yield self._ask("wallet_read", "/wallet")
        yield self._ask("order_list", "/orders?limit=20")
        yield self._ask("overview", "/account/overview")
        yield self._ask("order", "/orders", json.dumps(body).encode())

    def _ask(
        self,
        name: str,
        path: str,
        body: bytes | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> tuple[bool, float]:
        operation = OPERATIONS[name]
        headers = {"Authorization": f"Bearer {self.token}", **(marks or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if operation.keyed:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        parts = urlsplit(self.deployment.base_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        begun = time.perf_counter()
        try:
            connection.request(operation.method, API_PREFIX + path, body, headers)
            answer = connection.getresponse()
            error, _ = check_answer(operation, answer.status, answer.read())
            right = not error and answer.status != _PENDING
        except (OSError, http.client.HTTPException):
            right = False
        finally:
            connection.close()
        return right, (time.perf_counter() - begun) * 1000.0
