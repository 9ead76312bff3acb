"""The same limit means the same in both arms, and no component takes all places."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bench.contract.conformance.client import Answer, Client
from bench.contract.seed import PASSWORD, user_email
from bench.faults.points import FaultSpec, disarm
from bench.faults.points import arm as arm_point
from tests.system.both_arms.pair import Arm

# alone: what is shed depends on what else runs
pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(300)]

PEOPLE, SECONDS = 60, 6.0
READERS, EACH_S = 4, 0.1
LEAST_SERVED = 0.95
AT_ONCE = 100
HELD_S = 2.0
TOLERANCE = 2  # requests: two of a hundred may meet at the door


def log_in(client: Client) -> Answer:
    body = f'{{"email": "{user_email(2)}", "password": "{PASSWORD}"}}'.encode()
    headers = [("Content-Type", "application/json")]
    return client.send("POST", "/api/v1/auth/tokens", headers, body)


def patient_login(arm: Arm, until: float) -> None:
    """Sign in again and again; told to come back later, wait as long as that says."""
    client = arm.client()
    while time.monotonic() < until:
        answer = log_in(client)
        if answer.status == 503:
            time.sleep(int(answer.header("Retry-After") or "1"))
    client.close()


def reads(arm: Arm, until: float) -> Counter[int]:
    client, found = arm.client(), Counter[int]()
    signed = [("Authorization", f"Bearer {arm.customer}")]
    while time.monotonic() < until:
        for path in ("/api/v1/products?limit=5", "/api/v1/wallet"):
            found[client.send("GET", path, signed).status] += 1
        time.sleep(EACH_S)
    client.close()
    return found


def test_reads_are_served_while_many_people_sign_in(arm: Arm) -> None:
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(PEOPLE + READERS) as pool:
        logins = [pool.submit(patient_login, arm, until) for _ in range(PEOPLE)]
        readers = [pool.submit(reads, arm, until) for _ in range(READERS)]
        found = sum((reader.result() for reader in readers), Counter[int]())
        for login in logins:
            login.result()
    assert set(found) <= {200, 503}, found
    assert found.total() > READERS * SECONDS
    assert found[200] >= LEAST_SERVED * found.total(), found


@contextmanager
def every_operation_held(arm: Arm, component: str) -> Iterator[None]:
    """Whatever comes to this component stays for a while, so that places run out."""
    folder, point = arm.deployment.faults_dir, f"{component}.operation"
    assert folder is not None
    arm_point(folder, point, FaultSpec("delay", seconds=HELD_S, once=False))
    try:
        yield
    finally:
        disarm(folder, point)


def at_once(arm: Arm, ask: Callable[[Client], Answer]) -> Counter[int]:
    """Statuses of so many requests that are all sent at the same moment."""
    gate = threading.Barrier(AT_ONCE)

    def one(_: int) -> int:
        client = arm.client()
        gate.wait(20)
        status = ask(client).status
        client.close()
        return status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(one, range(AT_ONCE)))


def read_products(client: Client) -> Answer:
    return client.send("GET", "/api/v1/products?limit=1")


@pytest.mark.parametrize(("component", "ask"), [("inventory", read_products), ("users", log_in)])
def test_both_arms_take_and_shed_the_same_number(
    pair: tuple[Arm, Arm], component: str, ask: Callable[[Client], Answer]
) -> None:
    taken = {}
    for arm in pair:
        with every_operation_held(arm, component):
            found = at_once(arm, ask)
        assert set(found) <= {200, 503, 504}, (arm.name, found)
        assert found[503], f"{arm.name} took all {AT_ONCE}"
        taken[arm.name] = AT_ONCE - found[503]
        time.sleep(HELD_S)
    first, second = taken.values()
    assert abs(first - second) <= TOLERANCE, taken


def test_no_component_takes_all_places(arm: Arm) -> None:
    """While everything of one component is stuck, the others are served."""
    with every_operation_held(arm, "inventory"), ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(at_once, arm, read_products)
        time.sleep(0.5)
        statuses = [arm.get("/wallet").status for _ in range(10)]
        stuck.result()
    assert statuses == [200] * 10
