"""Runs one single-fault case against a running shop: arm, act, see it fire, mend, settle, audit."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.experiments.consistency.client import Result, ShopClient, item
from bench.experiments.consistency.points import DELAY_S, HANG_S, wait_restarted
from bench.faults.points import FaultSpec, SingleFault, arm, disarm, wait_fired
from tests.integration.reliability.lab import RunningShop

FIRES_WITHIN_S = 10.0
LONG_HANG_S = 4.0  # longer than the edge's deadline of 3 s
PROCESS_BACK_S, WORKER_BACK_S = 5.0, 0.5
PRICE_CENTS = 250


@dataclass(frozen=True)
class Act:
    """What the client does while the point is armed, and what its retries must come to."""

    do: Callable[[], Result]
    expected: frozenset[str]


def run_case(shop: RunningShop, case: SingleFault) -> None:
    """Raise AssertionError unless the fault fired and every invariant holds in the end."""
    act = _prepare(shop, case)
    shop.settle()
    restarts = shop.restarts()
    arm(shop.faults_dir, case.point, FaultSpec(case.action, seconds=DELAY_S))
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act.do)
        try:
            fired = wait_fired(shop.faults_dir, case.point, within_s=FIRES_WITHIN_S)
            if fired and case.action == "hang":
                time.sleep(LONG_HANG_S if case.point.startswith("payments.charge") else HANG_S)
        finally:
            disarm(shop.faults_dir, case.point)
        if case.action == "die":
            # of the monolith a worker dies: gunicorn replaces it, no supervisor restarts anything
            whole = shop.deployment.name == "monolith"
            wait_restarted(shop, restarts, within_s=WORKER_BACK_S if whole else PROCESS_BACK_S)
        result = acting.result(timeout=60)
    assert fired, f"{case.name}: the point was never reached; {result}"
    convergence = shop.settle()
    shop.bring_back_all()
    report = shop.audit()
    assert report.outcome == "valid", f"{case.name}: {result}\n{convergence}\n{report}"
    assert result.outcome in act.expected, f"{case.name}: {result}"


def _prepare(shop: RunningShop, case: SingleFault) -> Act:
    staff = shop.client(shop.staff)
    if case.journey == "deposit":
        client = shop.client(shop.newcomer())
        return Act(lambda: client.deposit(1234), frozenset({"ok"}))
    product = staff.create_product(quantity=20, price_cents=PRICE_CENTS)
    if case.journey == "refused":
        poor = shop.client(shop.newcomer())
        # `ok` is a 202: pending when answered, rejected when settled.
        return Act(lambda: poor.place([item(product, 2)]), frozenset({"fail", "ok"}))
    client = shop.client(shop.buyers[0])
    if case.journey == "cancellation":
        return _cancellation(shop, client, product)
    return Act(lambda: client.place([item(product, 2)]), frozenset({"ok"}))


def _cancellation(shop: RunningShop, client: ShopClient, product: str) -> Act:
    placed = client.place([item(product, 2)])
    assert placed.outcome == "ok", placed
    shop.settle()  # so that the armed point is reached by the cancellation and by nothing older
    return Act(lambda: client.cancel(placed.body["id"]), frozenset({"ok"}))
