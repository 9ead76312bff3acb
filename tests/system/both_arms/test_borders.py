"""Where the arms used to differ: cursors of the other, prefixes, callers, sizes of logs."""

from __future__ import annotations

import json
import secrets
import time
from itertools import permutations
from pathlib import Path

import jwt
import pytest

from bench.contract.conformance.client import Client, raw_exchange
from bench.contract.conformance.tokens import load_signing_key, thumbprint
from tests.system.both_arms.pair import Arm, new_key

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

DEPOSIT = b'{"amount_cents": 7}'
# Who calls which internal operation; nobody else may.
CALLS = {
    ("payments", "charge"): "orders",
    ("payments", "refund"): "orders",
    ("inventory", "reserve"): "orders",
    ("inventory", "release"): "orders",
}
LOG_LIMIT_BYTES = 100_000


@pytest.mark.parametrize("sort", ["name", "price", "-price"])
def test_a_cursor_of_one_arm_goes_on_in_the_other(pair: tuple[Arm, Arm], sort: str) -> None:
    pages = {}
    path = f"/products?category=audio&sort={sort}&limit=2"  # the seed's: the same ids in both
    for maker, user in permutations(pair):
        cursor = maker.get(path)["next_cursor"]
        answer = user.get(f"{path}&cursor={cursor}")
        assert answer.status == 200, f"{maker.name} -> {user.name}: {answer}"
        pages[user.name] = [item["id"] for item in answer["items"]]
    first, second = pages.values()
    assert first == second


def test_a_cursor_of_orders_goes_on_in_the_other(pair: tuple[Arm, Arm]) -> None:
    cursors = []
    for arm in pair:
        token = arm.world.buyer(10_000).token
        for _ in range(2):
            body = {"items": [{"product_id": arm.products[0], "quantity": 1}]}
            answer = arm.world.call("POST", "/orders", token=token, key=new_key(), payload=body)
            assert answer.status in (201, 402), answer
        page = arm.world.call("GET", "/orders", token=token, query={"limit": 1})
        cursors.append(page["next_cursor"])
    for arm, cursor in zip(pair, reversed(cursors), strict=True):
        assert arm.get(f"/orders?cursor={cursor}").status == 200, arm.name


def test_a_prefix_in_a_header_opens_no_second_scope_for_a_key(arm: Arm) -> None:
    buyer, key = arm.world.buyer(0), new_key()
    head = (
        "POST /api/v1/wallet/deposits HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"
        f"Authorization: Bearer {buyer.token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(DEPOSIT)}\r\n"
    )
    for line in ("", "SCRIPT_NAME: /x\r\n", "SCRIPT-NAME: /api\r\n", "Script_Name: /\r\n"):
        answer = raw_exchange(arm.url, f"{head}{line}\r\n".encode() + DEPOSIT, method="POST")
        assert answer is not None
        assert answer.status == 201, f"{line!r}: {answer}"
        assert answer.media_type == "application/json"
    assert arm.world.balance(buyer) == 7


def internal_token(arm: Arm, process: str, callee: str, **changes: object) -> str:
    """A token as a process of the deployment signs it for a call."""
    key = load_signing_key(arm.deployment.folder / "keys" / f"{process}.pem")
    kid, now = thumbprint(key), int(time.time())
    claims = {"iss": "services", "sub": kid, "aud": callee, "iat": now, "exp": now + 60}
    return jwt.encode({**claims, **changes}, key, algorithm="ES256", headers={"kid": kid})


def internal_paths(component: str) -> dict[str, tuple[str, str]]:
    """Method and path of each internal operation, by its name."""
    from microservices.host import COMPONENTS as SPECS

    operations = [each for each in SPECS[component].operations if each.auth == "service"]
    return {each.name: (each.method, each.path) for each in operations}


def call_inside(arm: Arm, component: str, operation: str, token: str) -> int:
    port = next(each.port for each in arm.deployment.components() if each.name == component)
    method, path = internal_paths(component)[operation]
    client = Client(f"http://127.0.0.1:{port}")
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
    body = json.dumps({"order_id": "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"}).encode()
    try:
        return client.send(method, path, headers, body).status
    finally:
        client.close()


@pytest.mark.parametrize(("component", "operation"), CALLS, ids="-".join)
def test_a_callee_names_who_may_call_what(
    pair: tuple[Arm, Arm], component: str, operation: str
) -> None:
    services, caller = pair[1], CALLS[component, operation]
    before = services.effects()
    right = internal_token(services, caller, component)
    assert call_inside(services, component, operation, right) not in (401, 403)
    for process in ("gateway", "users", "inventory", "payments"):
        token = internal_token(services, process, component)
        assert call_inside(services, component, operation, token) in (401, 403), process
    stranger = internal_token(services, caller, component, sub="orders")
    assert call_inside(services, component, operation, stranger) == 401
    assert services.effects().since(before).entries == 0


def log_size(arm: Arm) -> int:
    return sum(path.stat().st_size for path in Path(arm.deployment.logs).iterdir())


def test_bad_requests_do_not_fill_the_log(arm: Arm) -> None:
    before = log_size(arm)
    junk = secrets.token_urlsafe(6_000).encode()
    heads = (
        b"GET /" + junk + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
        junk + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: shop\r\n" + junk + b"\r\n\r\n",
        b"POST /api/v1/users HTTP/1.1\r\nHost: shop\r\nContent-Length: x" + junk + b"\r\n\r\n",
    )
    for number in range(200):
        raw_exchange(arm.url, heads[number % len(heads)])
    assert log_size(arm) - before < LOG_LIMIT_BYTES
    assert arm.get("/wallet").status == 200
