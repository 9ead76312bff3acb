"""What a crash leaves half way, the recovery worker and the relay bring to an end."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from microservices.chassis.context import Context
from microservices.orders.model import Line, Order, Quote, confirmed, priced, refused
from microservices.orders.repository import OrderStore
from microservices.orders.saga import LostOrder
from microservices.orders.service import utc_now
from microservices.orders.views import accepted
from tests.integration.services.conftest import OpenShop
from tests.integration.services.shop import Shop, User, arm, query

ABANDONED = """
WITH placed AS (
    INSERT INTO orders (id, user_id, status, idempotency_key, lease_until, created_at, updated_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'pending', i, now(), now(), now()
    FROM generate_series(1, 40) AS i
    RETURNING id
)
INSERT INTO order_lines (order_id, product_id, quantity, position)
SELECT id, gen_random_uuid(), 1, 1 FROM placed"""
LEASE_OVER = "UPDATE orders SET lease_until = now() - interval '1 s'"


async def crashed_after_placing(
    shop: Shop, *, quantity: int = 1, age: timedelta = timedelta(0)
) -> tuple[str, User, Order]:
    """A product, a buyer, and a pending order whose driver is gone."""
    tea, user = await shop.product(quantity=5), await shop.buyer(1000)
    return tea, user, await placed_and_left(shop, user, tea, quantity, age)


async def placed_and_left(
    shop: Shop, user: User, product_id: str, quantity: int, age: timedelta
) -> Order:
    now = utc_now() - age
    order = Order(
        id=str(uuid4()),
        user_id=user.id,
        status="pending",
        lines=(Line(product_id, None, None, quantity),),
        idempotency_key="k",
        created_at=now,
        updated_at=now,
    )
    ctx = Context("test", 0.0, "POST", "/api/v1/orders")
    ctx.body = {"items": [{"product_id": product_id, "quantity": quantity}]}
    assert await OrderStore(shop.database("orders")).place(order, ctx)
    return order


def as_accepted(order: Order) -> Any:
    """The body of the 202 that the order's request gives, whether or not it is recorded."""
    return json.loads(accepted(order).body)


async def let_the_worker(shop: Shop) -> None:
    await shop.rows("orders", LEASE_OVER)
    await shop.quiet()


async def shown(shop: Shop, user: User, order: Order) -> tuple[str, str | None]:
    answer = await shop.get(f"/api/v1/orders/{order.id}", user)
    return answer.json["status"], answer.json["reason"]


async def test_an_order_left_pending_is_confirmed_and_its_key_answered(shop: Shop) -> None:
    tea, user, order = await crashed_after_placing(shop)
    running = await shop.order(user, (tea, 1), key="k")
    assert (running.status, running.json["code"]) == (409, "request_in_progress")
    await let_the_worker(shop)
    assert await shown(shop, user, order) == ("confirmed", None)
    replayed = await shop.order(user, (tea, 1), key="k")
    assert (replayed.status, replayed.json) == (202, as_accepted(order))
    assert await shop.wallet(user) == 900
    assert await shop.stock(tea) == (1, 0)


async def test_an_order_left_pending_is_refused_and_its_key_answered(shop: Shop) -> None:
    tea, user, order = await crashed_after_placing(shop, quantity=6)
    await let_the_worker(shop)
    assert await shown(shop, user, order) == ("rejected", "out_of_stock")
    replayed = await shop.order(user, (tea, 6), key="k")
    assert (replayed.status, replayed.json) == (202, as_accepted(order))


async def test_an_unknown_product_that_only_the_worker_finds_leaves_a_rejected_order(
    shop: Shop,
) -> None:
    """Its request may have answered 202 without being able to write that down."""
    user, nothing = await shop.buyer(1000), str(uuid4())
    order = await placed_and_left(shop, user, nothing, 1, timedelta(0))
    await let_the_worker(shop)
    assert await shown(shop, user, order) == ("rejected", "unknown_product")
    replayed = await shop.order(user, (nothing, 1), key="k")
    assert (replayed.status, replayed.json) == (202, as_accepted(order))


async def test_an_order_under_a_lease_is_left_to_its_driver(shop: Shop) -> None:
    _, _, order = await crashed_after_placing(shop)
    assert await OrderStore(shop.database("orders")).claim_due(10) == []
    assert order.attempt == 1


async def test_an_order_left_compensating_is_rejected(shop: Shop) -> None:
    tea, user, order = await crashed_after_placing(shop)
    quoted = priced(order, {tea: Quote("Tea", 2000)})
    step = refused(quoted, "insufficient_funds", utc_now())
    await OrderStore(shop.database("orders")).compensating(order, step)
    assert await shown(shop, user, order) == ("pending", None)
    await let_the_worker(shop)
    assert await shown(shop, user, order) == ("rejected", "insufficient_funds")
    replayed = await shop.order(user, (tea, 1), key="k")
    assert (replayed.status, replayed.json) == (202, as_accepted(order))


async def test_after_15_minutes_without_a_peer_the_order_goes_back(
    shop: Shop, faults_dir: Path
) -> None:
    tea, user, order = await crashed_after_placing(shop, age=timedelta(minutes=16))
    fault = arm(faults_dir, "payments.charge.after_commit_before_reply", "error", once=False)
    await let_the_worker(shop)
    fault.unlink()
    assert await shown(shop, user, order) == ("rejected", "dependency_unavailable")
    assert await shop.wallet(user) == 1000
    assert await shop.stock(tea) == (0, 0)
    recorded = await shop.order(user, (tea, 1), key="k")
    assert (recorded.status, recorded.json["id"]) == (202, order.id)


async def test_an_old_order_still_goes_forward_when_its_peers_are_there(shop: Shop) -> None:
    _, user, order = await crashed_after_placing(shop, age=timedelta(minutes=16))
    await let_the_worker(shop)
    assert await shown(shop, user, order) == ("confirmed", None)


async def test_a_driver_whose_order_was_taken_over_writes_nothing(shop: Shop) -> None:
    tea, user, order = await crashed_after_placing(shop)
    store = OrderStore(shop.database("orders"))
    await shop.rows("orders", "UPDATE orders SET attempt = 2")
    done = confirmed(priced(order, {tea: Quote("Tea", 100)}), str(uuid4()), utc_now())
    for step in (
        store.confirm(order, done),
        store.compensating(order, refused(order, "out_of_stock", utc_now())),
        store.reject(order, refused(order, "out_of_stock", utc_now()), []),
        store.reject(order, refused(order, "unknown_product", utc_now()), []),
    ):
        with pytest.raises(LostOrder):
            await step
    assert await shown(shop, user, order) == ("pending", None)
    assert await shop.rows("orders", "SELECT * FROM audit_outbox") == []
    assert await store.recorded(user.id, "/api/v1/orders", "k") is None


async def test_of_many_workers_each_order_has_one_driver(shop: Shop) -> None:
    store = OrderStore(shop.database("orders"))
    await shop.rows("orders", ABANDONED)
    claimed = await asyncio.gather(*(store.claim_due(3) for _ in range(20)))
    ids = [order.id for batch in claimed for order in batch]
    assert len(ids) == len(set(ids))


async def test_the_first_recorded_answer_stands(shop: Shop) -> None:
    tea, user, order = await crashed_after_placing(shop)
    store = OrderStore(shop.database("orders"))
    handed = await store.hand_over(order, accepted(order), 5.0)
    assert handed.status == 202
    done = confirmed(priced(order, {tea: Quote("Tea", 100)}), str(uuid4()), utc_now())
    assert await store.confirm(order, done) == handed
    assert await store.hand_over(order, replace(handed, status=201), 5.0) == handed


async def test_what_a_refused_order_owes_is_delivered_later(shop: Shop, faults_dir: Path) -> None:
    tea, user = await shop.product(quantity=5), await shop.buyer(10)
    fault = arm(faults_dir, "inventory.release.before_send", "error", once=False)
    answer = await shop.order(user, (tea, 1))
    assert answer.status == 402
    assert await shop.stock(tea) == (0, 1)
    owed = "SELECT topic FROM audit_outbox"
    assert await shop.rows("orders", owed) == [("inventory.release",)]
    fault.unlink()
    await shop.quiet()
    assert await shop.stock(tea) == (0, 0)


async def test_settling_is_tried_until_it_succeeds(shop: Shop, faults_dir: Path) -> None:
    tea, user = await shop.product(quantity=5), await shop.buyer()
    arm(faults_dir, "inventory.settle.after_commit_before_reply", "error")
    assert (await shop.order(user, (tea, 2))).status == 201
    await shop.quiet()
    assert await shop.stock(tea) == (2, 0)


async def test_a_restarted_process_takes_up_what_the_old_one_left(open_shop: OpenShop) -> None:
    shop = await open_shop()
    _, user, order = await crashed_after_placing(shop)
    await shop.client.close()
    await query(shop.dsns["orders"], LEASE_OVER)
    shop = await open_shop()
    await shop.quiet()
    assert await shown(shop, user, order) == ("confirmed", None)
