"""Which of the contract's operations does a process take part in? Tried on the running system.

The process is stopped (SIGSTOP) and a request of every operation is sent at once; one that is not
answered rightly within its time is touched by whatever replaces that process. Operations for
operators (`/live`, `/ready`, the contract's file) are left out: no customer asks for them.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.contract.conformance.operations import Operation, all_operations
from bench.contract.conformance.world import World
from bench.contract.seed import PASSWORD
from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.experiments.redeploy.records import Touch

TIMEOUT_S = 1.0  # a lone request takes a thirtieth of it
AGAIN_WITHIN_S = 15.0
_OPERATORS = "ops"
_RIGHT = (200, 201, 204)  # and no 202: an order that is only accepted waits for somebody


@dataclass(frozen=True)
class Ask:
    """One request of one operation."""

    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


class Asker:
    """Asks a deployment for all operations, as a customer and as staff of its own making."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._world = World(deployment.base_url)
        self._person = self._world.buyer()
        self._product = self._world.new_product(quantity=1_000_000, price_cents=1)["id"]
        self._order = self._world.confirmed_order(self._person, (self._product, 1))

    def close(self) -> None:
        """Close its connection."""
        self._world.client.close()

    def try_component(self, arm: str, component: str) -> Touch:
        """Stop a component, ask, let it go on, wait until all is answered again.

        Raises ShopbenchError: something is not answered rightly though nothing is stopped.
        """
        self._wait_whole()
        asks = self._asks()
        self._deployment.pause(component)
        try:
            wrong = self._wrong(asks)
        finally:
            self._deployment.resume(component)
        self._wait_whole()
        return Touch(arm, component, tuple(ask.operation for ask in asks), tuple(wrong))

    def _wait_whole(self) -> None:
        """Return when every operation is answered rightly."""
        deadline = time.monotonic() + AGAIN_WITHIN_S
        while True:
            wrong = self._answered_wrong()
            if not wrong:
                return
            if time.monotonic() > deadline:
                name = self._deployment.name
                raise ShopbenchError(
                    f"{name}: not answered rightly though nothing is stopped: {', '.join(wrong)}"
                )
            time.sleep(0.2)

    def _answered_wrong(self) -> list[str]:
        try:
            return self._wrong(self._asks())
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as exc:
            return [f"order to be cancelled ({type(exc).__name__})"]

    def _wrong(self, asks: list[Ask]) -> list[str]:
        """The operations that are not answered rightly, all asked at once."""
        with ThreadPoolExecutor(len(asks)) as pool:
            right = list(pool.map(self._is_right, asks))
        return [ask.operation for ask, good in zip(asks, right, strict=True) if not good]

    def _is_right(self, ask: Ask) -> bool:
        parts = urlsplit(self._deployment.base_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request(ask.method, ask.path, ask.body, dict(ask.headers))
            answer = connection.getresponse()
            return is_right(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _asks(self) -> list[Ask]:
        """A fresh request of every operation; the order to be cancelled is placed for it."""
        again = self._world.confirmed_order(self._person, (self._product, 1))
        wanted = [each for each in all_operations() if each.component != _OPERATORS]
        return [self._ask(each, str(again["id"])) for each in wanted]

    def _ask(self, operation: Operation, to_cancel: str) -> Ask:
        things = {"product": self._product, "payment": self._order["payment_id"]}
        things["order"] = to_cancel if operation.id == "cancel_order" else self._order["id"]
        thing = next(
            (id_ for name, id_ in things.items() if f"{{{name}_id" in operation.template), ""
        )
        headers = {}
        if operation.auth != "none":
            person = self._world.staff() if operation.auth == "staff" else self._person
            headers["Authorization"] = f"Bearer {person.token}"
        if operation.keyed:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        body = self._body(operation.id)
        if body is not None:
            headers["Content-Type"] = "application/json"
        path = operation.path(str(thing))
        return Ask(operation.id, operation.method, path, headers, body)

    def _body(self, operation_id: str) -> bytes | None:
        bodies: dict[str, Any] = {
            "create_user": {
                "email": self._world.new_email(), "password": PASSWORD, "full_name": "Release"
            },
            "create_token": {"email": self._person.email, "password": PASSWORD},
            "create_product": self._world.product_payload(),
            "update_product": {"price_cents": 1},
            "restock_product": {"quantity": 1},
            "create_deposit": {"amount_cents": 100},
            "create_order": {"items": [{"product_id": self._product, "quantity": 1}]},
        }  # fmt: skip
        body = bodies.get(operation_id)
        return None if body is None else json.dumps(body).encode()


def is_right(status: int, body: bytes) -> bool:
    """Whether an answer is whole: no error, nothing pending, no part missing."""
    if status not in _RIGHT:
        return False
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        return False
    return not (isinstance(document, dict) and document.get("degraded"))
