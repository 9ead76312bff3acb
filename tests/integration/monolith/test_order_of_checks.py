"""Each request has two faults or more; the earlier check of the contract answers."""

import uuid
from dataclasses import dataclass, field

import pytest

from tests.integration.monolith.shop import Answer, Person, person

pytestmark = pytest.mark.django_db(transaction=True)

GHOST = str(uuid.UUID(int=1))


@dataclass(frozen=True)
class Case:
    method: str
    path: str
    code: str
    body: bytes = b""
    who: str = "customer"
    headers: dict[str, str] = field(default_factory=dict)


KEY = {"HTTP_IDEMPOTENCY_KEY": "k"}
TEXT = {"content_type": "text/plain"}
LARGE = b" " * 65_537
JSON = {"content_type": "application/json"}
# As WSGI hands over a header that was given twice.
TWICE = {"HTTP_CONTENT_ENCODING": "identity,identity"}
LIST = {"HTTP_CONTENT_ENCODING": "identity, gzip"}

CASES = [
    Case("GET", "/products", "payload_too_large", LARGE, who="nobody"),
    Case("GET", "/wallet", "payload_too_large", LARGE),
    Case("GET", "/wallet", "unauthenticated", LARGE, who="nobody"),
    Case("POST", "/orders", "unsupported_media_type", b"{}", headers={**JSON, **TWICE}),
    Case("POST", "/orders", "unsupported_media_type", b"{}", headers={**JSON, **LIST}),
    Case("DELETE", "/nothing", "not_found", who="nobody"),
    Case("POST", f"/orders/{GHOST.upper()}x/cancellation", "not_found", who="nobody"),
    Case("GET", "/orders/", "not_found", who="nobody"),
    Case("DELETE", "/orders", "method_not_allowed", who="nobody"),
    Case("OPTIONS", "/wallet", "method_not_allowed", who="nobody"),
    Case("POST", "/orders", "unauthenticated", LARGE, who="nobody"),
    Case("POST", "/products", "unauthenticated", LARGE, who="nobody"),
    Case("POST", "/products", "forbidden", LARGE),
    Case("PATCH", f"/products/{GHOST}", "forbidden", LARGE),
    Case("POST", "/orders", "payload_too_large", LARGE, headers=TEXT),
    Case("POST", "/orders", "unsupported_media_type", b"{", headers=TEXT),
    Case(
        "POST", "/orders", "unsupported_media_type", b"{", headers={"HTTP_CONTENT_ENCODING": "br"}
    ),
    Case("POST", "/orders", "malformed_json", b"{"),
    Case("POST", "/orders", "malformed_json", b"", headers=TEXT),
    Case("POST", "/orders", "missing_idempotency_key", b"{}"),
    Case("POST", "/orders", "invalid_idempotency_key", b"{}", headers={"HTTP_IDEMPOTENCY_KEY": ""}),
    Case("POST", "/orders", "validation_failed", b"{}", headers=KEY),
    Case("POST", "/orders?x=1", "missing_idempotency_key", b"{}"),
    Case("POST", f"/orders/{GHOST}/cancellation?x=1", "validation_failed", headers=KEY),
    Case("POST", f"/orders/{GHOST}/cancellation", "validation_failed", b"[]", headers=KEY),
    Case("POST", f"/orders/{GHOST}/cancellation", "not_found", headers=KEY),
    Case("GET", f"/orders/{GHOST}?x=1", "validation_failed"),
    Case("PATCH", f"/products/{GHOST}", "validation_failed", b"{}", who="staff"),
    Case("PATCH", f"/products/{GHOST}", "not_found", b'{"name": "n"}', who="staff"),
]


def answer_to(case: Case) -> Answer:
    people = {"nobody": Person, "customer": person, "staff": lambda: person(staff=True)}
    return people[case.who]().send(case.method, case.path, case.body, **case.headers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.path} {case.code}")
def test_the_earlier_check_answers(case: Case) -> None:
    answer = answer_to(case)
    assert answer.code == case.code
    assert answer.status == answer.body["status"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]
    assert "app;dur=" in answer.headers["Server-Timing"]
    assert ("errors" in answer.body) == (answer.status == 422)


def test_405_says_what_is_allowed() -> None:
    assert Person().send("TRACE", "/products").headers["Allow"] == "GET, HEAD, POST"


def test_a_body_of_65_536_bytes_passes() -> None:
    body = b'{"amount_cents": 5}'.ljust(65_536)
    assert person().send("POST", "/wallet/deposits", body, **KEY).status == 201


@pytest.mark.parametrize("given", ["a,b", "one,two,three"])
def test_of_several_request_ids_a_new_one_is_made(given: str) -> None:
    made = Person().send("GET", "/products", HTTP_X_REQUEST_ID=given).headers["X-Request-ID"]
    assert made
    assert made != given


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a,Bearer b"])
def test_a_header_that_is_no_bearer_token_is_401_and_public_operations_ignore_it(
    given: str,
) -> None:
    headers = {"HTTP_AUTHORIZATION": given}
    assert Person().send("GET", "/wallet", **headers).code == "unauthenticated"
    assert Person().send("GET", "/products", **headers).status == 200
