"""The fault point at the entry of every operation of a module, also from another module."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bench.faults.points import OPERATION_POINTS as KNOWN_TO_THE_BENCH
from monolith.common.faults import OPERATION_POINTS
from tests.integration.monolith.shop import Person, person, product

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = {
    "users": [("POST", "/users"), ("POST", "/auth/tokens"), ("GET", "/users/me")]
    + [("GET", "/auth/jwks")],
    "inventory": [("GET", "/products"), ("GET", "/products/{id}"), ("POST", "/products")]
    + [("PATCH", "/products/{id}"), ("POST", "/products/{id}/restocks")],
    "payments": [("GET", "/wallet"), ("POST", "/wallet/deposits"), ("GET", "/payments/{id}")],
    "orders": [("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders/{id}")]
    + [("POST", "/orders/{id}/cancellation")],
}
CASES = [(name, *each) for name, operations in OPERATIONS.items() for each in operations]
ID = "00000000-0000-4000-8000-000000000000"


def arm(folder: Path, component: str, action: str, **changes: Any) -> Path:
    path = folder / f"{component}.operation.json"
    path.write_text(json.dumps({"action": action, "once": False, **changes}), encoding="utf-8")
    return path


def test_both_sides_know_the_same_points() -> None:
    assert OPERATION_POINTS == KNOWN_TO_THE_BENCH


@pytest.mark.parametrize(("component", "method", "path"), CASES)
def test_every_operation_has_the_point_behind_authentication(
    faults_dir: Path, component: str, method: str, path: str
) -> None:
    arm(faults_dir, component, "error")
    staff = person(staff=True)
    assert staff.send(method, path.format(id=ID)).status == 500
    nobody = Person().send(method, path.format(id=ID)).status
    assert nobody in ({500} if _is_public(component, method, path) else {401})


def _is_public(component: str, method: str, path: str) -> bool:
    if component == "users":
        return path != "/users/me"
    return component == "inventory" and method == "GET"


@pytest.mark.parametrize("component", ["inventory", "payments"])
def test_checkout_and_cancellation_enter_the_modules_they_call(
    faults_dir: Path, component: str
) -> None:
    buyer, tea = person(1000), product(100)
    order = buyer.buy((tea, 1)).body["id"]
    armed = arm(faults_dir, component, "error")
    assert buyer.buy((tea, 1), key="k").status == 500
    assert buyer.cancel(order, key="c").status == 500
    armed.unlink()
    assert buyer.balance == 900
    assert buyer.cancel(order, key="c").status == 200


@pytest.mark.parametrize("component", list(OPERATIONS))
def test_the_overview_enters_all_four(faults_dir: Path, component: str) -> None:
    someone = person()
    arm(faults_dir, component, "error")
    assert someone.get("/account/overview").status == 500


def test_poison_hits_only_who_is_marked(faults_dir: Path) -> None:
    buyer, tea = person(1000), product(100)
    arm(faults_dir, "payments", "error", marked=True)
    assert buyer.buy((tea, 1)).status == 201
    lines = {"items": [{"product_id": tea, "quantity": 1}]}
    for poison, status in (("inventory", 201), ("payments", 500)):
        headers = {"HTTP_X_POISON": poison, "HTTP_IDEMPOTENCY_KEY": poison}
        assert buyer.send("POST", "/orders", lines, **headers).status == status
    assert buyer.get("/wallet").status == 200  # the mark went with its request


@pytest.mark.parametrize(
    ("action", "how"), [("burn", {"share": 0.2}), ("leak", {"mib_per_s": 10, "cap_mib": 4})]
)
def test_a_hog_works_beside_the_requests_until_it_is_disarmed(
    faults_dir: Path, action: str, how: dict[str, float]
) -> None:
    def at_work() -> int:
        return sum(thread.name == "hog-payments.operation" for thread in threading.enumerate())

    armed = arm(faults_dir, "payments", action, **how)
    someone = person()
    for _ in range(3):
        assert someone.get("/wallet").status == 200
    assert at_work() == 1
    armed.unlink()
    deadline = time.monotonic() + 10
    while at_work():
        assert time.monotonic() < deadline
        time.sleep(0.02)
