"""What cases share: a client, people with tokens, products, orders; all through the public API.

Nothing here needs an empty shop: every name is new, so a suite can run again and beside others.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from bench.contract.conformance.client import MISSING, Answer, Client
from bench.contract.conformance.expect import check_answer, expect
from bench.contract.conformance.tokens import good_claims, load_signing_key, sign
from bench.contract.conformance.violations import CaseSkipped, ContractViolation
from bench.contract.seed import PASSWORD, STAFF_EMAIL

DEPOSIT_LIMIT_CENTS = 100_000_000
SETTLE_SECONDS = 10.0

Query = Mapping[str, object] | Iterable[tuple[str, object]] | str
Headers = Iterable[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Person:
    """Somebody with a valid token. `email` is empty if the token was minted, not asked for."""

    id: str
    email: str
    token: str


class World:
    """One deployment under test. `hosted`: the components that are there (None: the whole shop)."""

    def __init__(
        self,
        base_url: str,
        *,
        signing_key: Path | None = None,
        hosted: frozenset[str] | None = None,
    ) -> None:
        self.client = Client(base_url)
        self.base_url = base_url
        self.signing_key_path = signing_key
        self.hosted = hosted
        self._people: dict[str, Person] = {}
        self._product: dict[str, Any] | None = None

    def forget(self) -> None:
        """Drop the people and things kept for reuse: the deployment's data were reset."""
        self._people.clear()
        self._product = None

    # -- requests ---------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        key: str | None = None,
        payload: object = MISSING,
        **more: Any,
    ) -> Answer:
        """Send a request and hold the answer against the contract.

        `path` without the prefix. `payload` is sent as JSON. In `more`: `query`; `body` (bytes or a
        list of chunks) instead of `payload`; `headers` (added as they are; a Content-Type among
        them replaces the usual one); `prefix`; `checked=False` to skip the contract's check.
        """
        body = more.get("body")
        if payload is not MISSING:
            body = json.dumps(payload).encode()
        headers: list[tuple[str, str | bytes]] = list(more.get("headers", ()))
        names = {name.lower() for name, _ in headers}
        if body is not None and "content-type" not in names:
            headers.append(("Content-Type", "application/json"))
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        if key is not None:
            headers.append(("Idempotency-Key", key))
        target = more.get("prefix", "/api/v1") + path + _query_string(more.get("query"))
        answer = self.client.send(method, target, headers, body)
        return check_answer(answer) if more.get("checked", True) else answer

    # -- people -----------------------------------------------------------------------------------

    def staff(self) -> Person:
        """The seed's staff user."""
        return self._cached("staff", self._staff)

    def person(self, label: str = "alice") -> Person:
        """A customer, the same for the same label during a run."""
        return self._cached(f"customer {label}", self.new_person)

    def new_person(self) -> Person:
        """A customer nobody else uses: no orders, an unused wallet."""
        if not self._has_users():
            return self._minted(staff=False)
        email = self.new_email()
        payload = {"email": email, "password": PASSWORD, "full_name": "Contract Case"}
        created = expect(self.call("POST", "/users", payload=payload), 201)
        return Person(created["id"], email, self.login(email))

    def login(self, email: str, password: str = PASSWORD) -> str:
        """Ask for a token."""
        payload = {"email": email, "password": password}
        answer = self.call("POST", "/auth/tokens", payload=payload)
        return str(expect(answer, 200)["access_token"])

    def new_email(self) -> str:
        return f"case-{uuid.uuid4().hex}@shop.example"

    # -- things -----------------------------------------------------------------------------------

    def new_key(self) -> str:
        return f"case-{uuid.uuid4().hex}"

    def product_payload(self, **changes: object) -> dict[str, Any]:
        """A valid body for POST /products with a SKU of its own."""
        mark = uuid.uuid4().hex
        payload: dict[str, Any] = {
            "sku": f"CASE-{mark}",
            "name": f"Case article {mark}",
            "description": "Made by the contract suite",
            "category": f"case-{mark}",
            "price_cents": 450,
            "quantity": 10,
        }
        return {**payload, **changes}

    def new_product(self, **changes: object) -> dict[str, Any]:
        """A product nobody else uses."""
        answer = self.call(
            "POST",
            "/products",
            token=self.staff().token,
            key=self.new_key(),
            payload=self.product_payload(**changes),
        )
        product: dict[str, Any] = expect(answer, 201).json()
        return product

    def shared_product(self) -> dict[str, Any]:
        """A product with much stock, for cases that only need one."""
        if self._product is None:
            self._product = self.new_product(quantity=1_000_000, price_cents=1)
        return self._product

    def available(self, product_id: str) -> int:
        return int(expect(self.call("GET", f"/products/{product_id}"), 200)["available"])

    def balance(self, person: Person) -> int:
        answer = expect(self.call("GET", "/wallet", token=person.token), 200)
        return int(answer["balance_cents"])

    def deposit(self, person: Person, amount_cents: int) -> None:
        """Put money in a wallet, in as many deposits as the limit makes necessary."""
        while amount_cents > 0:
            part = min(amount_cents, DEPOSIT_LIMIT_CENTS)
            payload = {"amount_cents": part}
            answer = self.call(
                "POST", "/wallet/deposits", token=person.token, key=self.new_key(), payload=payload
            )
            expect(answer, 201)
            amount_cents -= part

    def buyer(self, balance_cents: int = 100_000) -> Person:
        """A new customer with money."""
        person = self.new_person()
        self.deposit(person, balance_cents)
        return person

    def order(
        self, person: Person, *lines: tuple[str, int], key: str | None = None, **more: Any
    ) -> Answer:
        """POST /orders with these (product id, quantity) lines."""
        items = [{"product_id": product_id, "quantity": n} for product_id, n in lines]
        return self.call(
            "POST",
            "/orders",
            token=person.token,
            key=key or self.new_key(),
            payload={"items": items},
            **more,
        )

    def confirmed_order(self, person: Person, *lines: tuple[str, int]) -> dict[str, Any]:
        """A confirmed order, its body."""
        order: dict[str, Any] = expect(self.order(person, *lines), 201).json()
        return order

    def cancel(self, person: Person, order_id: str, key: str | None = None, **more: Any) -> Answer:
        """POST /orders/{id}/cancellation without a body."""
        return self.call(
            "POST",
            f"/orders/{order_id}/cancellation",
            token=person.token,
            key=key or self.new_key(),
            **more,
        )

    def eventually(self, read: Callable[[], object], wanted: object, what: str) -> None:
        """Poll until `read()` gives `wanted`: releases may follow the answer of a refused order."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while (found := read()) != wanted:
            if time.monotonic() > deadline:
                raise ContractViolation(f"{what}: found {found!r}, the contract wants {wanted!r}")
            time.sleep(0.05)

    # -- inside -----------------------------------------------------------------------------------

    def _has_users(self) -> bool:
        return self.hosted is None or "users" in self.hosted

    def _staff(self) -> Person:
        if not self._has_users():
            return self._minted(staff=True)
        token = self.login(STAFF_EMAIL)
        me = expect(self.call("GET", "/users/me", token=token), 200)
        return Person(me["id"], STAFF_EMAIL, token)

    def _minted(self, staff: bool) -> Person:
        if self.signing_key_path is None:
            raise CaseSkipped("without users and without the signing key there are no tokens")
        user_id = str(uuid.uuid4())
        key = load_signing_key(self.signing_key_path)
        return Person(user_id, "", sign(good_claims(user_id, staff), key))

    def _cached(self, label: str, make: Callable[[], Person]) -> Person:
        if label not in self._people:
            self._people[label] = make()
        return self._people[label]


def _query_string(query: Query | None) -> str:
    if query is None:
        return ""
    if isinstance(query, str):
        return f"?{query}"
    pairs = query.items() if isinstance(query, Mapping) else query
    return "?" + urlencode([(name, str(value)) for name, value in pairs], quote_via=quote)
