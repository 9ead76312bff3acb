"""POST /orders/{id}/cancellation through the whole app."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.services.shop import Shop, User, arm, until


async def bought(shop: Shop) -> tuple[str, User, str]:
    """A product, its buyer and the order of two units."""
    tea, user = await shop.product(quantity=10), await shop.buyer(1000)
    order = await shop.order(user, (tea, 2))
    assert order.status == 201
    return tea, user, order.json["id"]


async def check_all_is_back(shop: Shop, tea: str, user: User) -> None:
    await shop.quiet()
    assert await shop.wallet(user) == 1000
    assert await shop.stock(tea) == (0, 0)
    kinds = [row[0] for row in await shop.rows("payments", "SELECT kind FROM ledger_transfers")]
    assert Counter(kinds) == {"deposit": 1, "capture": 1, "refund": 1}


async def test_a_cancelled_order_gives_money_and_stock_back(shop: Shop) -> None:
    tea, user, order_id = await bought(shop)
    answer = await shop.cancel(user, order_id, "c")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert await shop.cancel(user, order_id, "c") == answer
    payment = await shop.get(f"/api/v1/payments/{answer.json['payment_id']}", user)
    assert payment.json["status"] == "refunded"
    await check_all_is_back(shop, tea, user)


async def test_a_settled_order_is_cancelled_as_well(shop: Shop) -> None:
    tea, user, order_id = await bought(shop)
    await shop.quiet()
    assert await shop.stock(tea) == (2, 0)
    assert (await shop.cancel(user, order_id)).status == 200
    await check_all_is_back(shop, tea, user)


async def test_of_20_cancellations_at_once_one_wins(shop: Shop) -> None:
    tea, user, order_id = await bought(shop)
    answers = await asyncio.gather(*(shop.cancel(user, order_id) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    codes = {answer.json["code"] for answer in answers if answer.status == 409}
    assert codes == {"not_cancellable"}
    await check_all_is_back(shop, tea, user)


async def test_20_uses_of_one_key_cancel_once(shop: Shop) -> None:
    tea, user, order_id = await bought(shop)
    answers = await asyncio.gather(*(shop.cancel(user, order_id, "c") for _ in range(20)))
    assert {answer.status for answer in answers} <= {200, 409}
    codes = {answer.json["code"] for answer in answers if answer.status == 409}
    assert codes <= {"request_in_progress"}
    assert (await shop.cancel(user, order_id, "c")).status == 200
    await check_all_is_back(shop, tea, user)


@pytest.mark.parametrize("point", ["payments.refund.before_send", "inventory.release.before_send"])
async def test_with_a_peer_out_of_reach_the_worker_finishes_it(
    shop: Shop, faults_dir: Path, point: str
) -> None:
    tea, user, order_id = await bought(shop)
    fault = arm(faults_dir, point, "error", once=False)
    answer = await shop.cancel(user, order_id, "c")
    assert (answer.status, answer.json["code"]) == (503, "dependency_unavailable")
    shown = (await shop.get(f"/api/v1/orders/{order_id}", user)).json
    assert shown["status"] == "confirmed"
    assert (await shop.cancel(user, order_id, "c")).json["code"] == "request_in_progress"
    assert (await shop.cancel(user, order_id, "d")).json["code"] == "not_cancellable"
    fault.unlink()
    await shop.quiet()
    answer = await shop.cancel(user, order_id, "c")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert (await shop.cancel(user, order_id, "d")).json["code"] == "not_cancellable"
    await check_all_is_back(shop, tea, user)


@pytest.mark.parametrize("place", ["before_commit", "after_commit_before_reply"])
@pytest.mark.parametrize("step", ["payments.refund", "inventory.release", "orders.cancel"])
async def test_a_step_that_fails_once_takes_effect_once(
    shop: Shop, faults_dir: Path, step: str, place: str
) -> None:
    tea, user, order_id = await bought(shop)
    arm(faults_dir, f"{step}.{place}", "error")
    assert (await shop.cancel(user, order_id, "c")).status in (200, 503)

    async def cancelled() -> bool:
        return (await shop.cancel(user, order_id, "c")).status == 200

    await until(cancelled, 20.0)
    await check_all_is_back(shop, tea, user)


async def test_a_request_that_fails_before_its_commit_leaves_no_trace(
    shop: Shop, faults_dir: Path
) -> None:
    tea, user, order_id = await bought(shop)
    arm(faults_dir, "orders.request_cancellation.before_commit", "error")
    assert (await shop.cancel(user, order_id, "c")).status == 500
    assert (await shop.get(f"/api/v1/orders/{order_id}", user)).json["status"] == "confirmed"
    assert (await shop.cancel(user, order_id, "c")).status == 200
    await check_all_is_back(shop, tea, user)


async def test_only_confirmed_orders_can_be_cancelled(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer(0)
    assert (await shop.order(user, (tea, 1))).status == 402
    (order,) = (await shop.get("/api/v1/orders", user)).json["items"]
    refused = await shop.cancel(user, order["id"], "c")
    assert (refused.status, refused.json["code"]) == (409, "not_cancellable")
    assert await shop.cancel(user, order["id"], "c") == refused


async def test_a_cancellation_takes_no_body_or_an_empty_object(shop: Shop) -> None:
    _, user, order_id = await bought(shop)
    path = f"/api/v1/orders/{order_id}/cancellation"
    assert (await shop.post(path, user, {"status": "cancelled"})).status == 422
    answer = await shop.post(path, user, {}, "c")
    assert answer.status == 200
    assert await shop.cancel(user, order_id, "c") == answer
