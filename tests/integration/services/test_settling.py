"""What an order owes to other components is delivered as soon as it is committed."""

from pathlib import Path

import pytest

from microservices.chassis import outbox
from tests.integration.services.conftest import OpenShop
from tests.integration.services.shop import arm

NEVER = 3600.0


async def test_an_order_is_settled_at_once(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", NEVER)
    shop = await open_shop()
    product = await shop.product()
    for _ in range(2):
        assert (await shop.order(await shop.buyer(), (product, 1))).status == 201
        await shop.quiet()
    assert await shop.stock(product) == (2, 0)


async def test_an_order_whose_answer_is_lost_after_its_commit_is_settled_at_once(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch, faults_dir: Path
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", NEVER)
    shop = await open_shop()
    product, buyer = await shop.product(), await shop.buyer()
    arm(faults_dir, "orders.confirm.after_commit_before_reply", "error")
    await shop.order(buyer, (product, 1))
    await shop.quiet()
    assert await shop.stock(product) == (1, 0)


async def test_an_event_of_another_process_is_found_by_the_poll(open_shop: OpenShop) -> None:
    shop = await open_shop()
    product = await shop.product()
    order = (await shop.order(await shop.buyer(), (product, 1))).json["id"]
    await shop.quiet()
    insert = "INSERT INTO outbox (topic, subject_id, payload) VALUES ('inventory.settle', %s, '{}')"
    await shop.rows("orders", insert, order)
    await shop.quiet()
