"""One person's browser: a connection, retries with one idempotency key, all of it recorded.

Only `http.client`, so that what was sent and what was not is known.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.audit.history import REFUSED, Answer, HistoryRecorder, Outcome
from bench.errors import ShopbenchError

ATTEMPT_TIMEOUT_S = 6.0  # the shop's own deadline is 3 s
PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
Item = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a token."""

    user_id: str
    token: str


@dataclass(frozen=True)
class Result:
    """How a logical operation ended, with every answer on the way."""

    outcome: Outcome
    answers: tuple[Answer, ...]
    key: str = ""

    @property
    def final(self) -> Answer:
        return self.answers[-1]

    @property
    def body(self) -> Any:
        return self.final.body


def item(product_id: str, quantity: int = 1) -> Item:
    return {"product_id": product_id, "quantity": quantity}


class Connection:
    """Sends one request at a time and keeps the connection; never retries by itself."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request; an answer with status 0 says that none came, and why."""
        if self._connection is None:
            connection = http.client.HTTPConnection(*self._address, timeout=ATTEMPT_TIMEOUT_S)
            try:
                connection.connect()
            except OSError:
                return Answer(0, None, REFUSED)
            self._connection = connection
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        try:
            self._connection.request(method, path, content, {**sent, **headers})
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(0, None, type(error).__name__)
        if response.will_close:
            self.close()
        return Answer(response.status, _parsed(text))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace")


class ShopClient:
    """Does logical operations for one person and records each in the history.

    `giving_up`: when set, nothing is tried again.
    """

    def __init__(
        self,
        base_url: str,
        person: Person,
        recorder: HistoryRecorder,
        patience_s: float = 20.0,
        giving_up: threading.Event | None = None,
    ) -> None:
        self.person = person
        self._giving_up = giving_up or threading.Event()
        self._connection = Connection(base_url)
        self._recorder = recorder
        self._patience_s = patience_s

    def place(self, items: Sequence[Item], key: str | None = None) -> Result:
        arguments = {"items": list(items)}
        return self._do("orders.place", "/orders", arguments, arguments, key)

    def cancel(self, order_id: str, key: str | None = None) -> Result:
        path = f"/orders/{order_id}/cancellation"
        return self._do("orders.cancel", path, {}, {"order_id": order_id}, key)

    def deposit(self, amount_cents: int, key: str | None = None) -> Result:
        body = {"amount_cents": amount_cents}
        return self._do("payments.deposit", "/wallet/deposits", body, body, key)

    def restock(self, product_id: str, quantity: int, key: str | None = None) -> Result:
        arguments = {"product_id": product_id, "quantity": quantity}
        path = f"/products/{product_id}/restocks"
        return self._do("inventory.restock", path, {"quantity": quantity}, arguments, key)

    def create_product(self, *, quantity: int, price_cents: int = 100) -> str:
        """Put a new product on sale (staff only); returns its id."""
        sku = f"test-{uuid.uuid4()}"
        body = {
            "sku": sku,
            "name": sku,
            "description": "",
            "category": "tests",
            "price_cents": price_cents,
            "quantity": quantity,
        }
        answer = self._send("POST", "/products", body, str(uuid.uuid4()))
        _expect(answer, 201, "a new product")
        return str(answer.body["id"])

    def look_at_order(self, order_id: str) -> Answer:
        """Read an order once, as part of the history: what was written must be seen."""
        return self._look("orders.read", f"/orders/{order_id}", {"order_id": order_id})

    def look_at_wallet(self) -> Answer:
        """Read the own balance once, as part of the history."""
        return self._look("payments.read", "/wallet", {})

    def read(self, path: str) -> Answer:
        """Read once, without retries and outside the history."""
        return self._send("GET", path, None, None)

    def close(self) -> None:
        self._connection.close()

    def _look(self, name: str, path: str, arguments: Mapping[str, Any]) -> Answer:
        number = self._recorder.invoke(
            name, user_id=self.person.user_id, key=None, arguments=arguments
        )
        answer = self._send("GET", path, None, None)
        self._recorder.complete(number, [answer], keyed=False)
        return answer

    def _do(
        self, name: str, path: str, body: Any, arguments: Mapping[str, Any], key: str | None
    ) -> Result:
        key = key or str(uuid.uuid4())
        number = self._recorder.invoke(
            name, user_id=self.person.user_id, key=key, arguments=arguments
        )
        answers = self._until_definite(path, body, key)
        return Result(self._recorder.complete(number, answers, keyed=True), tuple(answers), key)

    def _until_definite(self, path: str, body: Any, key: str) -> list[Answer]:
        """Retry with the same key while nobody can say whether it happened."""
        deadline = time.monotonic() + self._patience_s
        pause = PAUSE_S
        answers = []
        while True:
            answer = self._send("POST", path, body, key)
            answers.append(answer)
            unclear = answer.status == 0 or answer.status >= 500
            if not unclear and answer.code != "request_in_progress":
                return answers
            if time.monotonic() + pause > deadline or self._giving_up.wait(pause):
                return answers
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _send(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        headers = {"Authorization": f"Bearer {self.person.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._connection.send(method, f"/api/v1{path}", body=body, headers=headers)


def log_in(base_url: str, email: str, password: str) -> Person:
    """Get a token and the user's id. Raises ShopbenchError unless the shop gives both."""
    connection = Connection(base_url)
    try:
        body = {"email": email, "password": password}
        answer = connection.send("POST", "/api/v1/auth/tokens", body=body, headers={})
        _expect(answer, 200, "a token")
        token = answer.body["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        me = connection.send("GET", "/api/v1/users/me", headers=headers)
        _expect(me, 200, "the user")
        return Person(me.body["id"], token)
    finally:
        connection.close()


def register(base_url: str, email: str, password: str) -> Person:
    """Open an account with an empty wallet and log in."""
    connection = Connection(base_url)
    body = {"email": email, "password": password, "full_name": "A Customer"}
    answer = connection.send("POST", "/api/v1/users", body=body, headers={})
    connection.close()
    _expect(answer, 201, "a new user")
    return log_in(base_url, email, password)


def _expect(answer: Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise ShopbenchError(f"the shop did not give {what}: {answer.status} {answer.error}", 1)
