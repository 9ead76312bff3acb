"""POST /orders through the whole app: answers, what is stored, and what a key promises."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from bench.contract.golden import OrderState, Step, Vector, load_vectors
from tests.integration.services.conftest import OpenShop
from tests.integration.services.shop import Answered, Shop, User, arm


async def test_an_order_is_confirmed_paid_and_reserved(shop: Shop) -> None:
    tea, cup = await shop.product(price_cents=450), await shop.product(price_cents=1299)
    user = await shop.buyer(10_000)
    answer = await shop.order(user, (cup, 1), (tea, 2))
    assert answer.status == 201
    assert [line["product_id"] for line in answer.json["items"]] == [cup, tea]
    assert (answer.json["status"], answer.json["total_cents"]) == ("confirmed", 2199)
    assert await shop.wallet(user) == 10_000 - 2199
    assert (await shop.get(f"/api/v1/orders/{answer.json['id']}", user)).json == answer.json
    payment = await shop.get(f"/api/v1/payments/{answer.json['payment_id']}", user)
    assert (payment.json["order_id"], payment.json["status"]) == (answer.json["id"], "captured")
    await shop.quiet()
    assert await shop.stock(tea) == (2, 0)


async def test_20_uses_of_one_key_place_one_order(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    answers = await asyncio.gather(*(shop.order(user, (tea, 1), key="k") for _ in range(20)))
    placed = [answer for answer in answers if answer.status == 201]
    assert placed
    assert {answer.json["id"] for answer in placed} == {placed[0].json["id"]}
    refused = [answer for answer in answers if answer.status != 201]
    assert {answer.json["code"] for answer in refused} <= {"request_in_progress"}
    assert await shop.order(user, (tea, 1), key="k") == placed[0]
    assert await shop.rows("orders", "SELECT count(*) FROM audit_orders") == [(1,)]
    assert await shop.wallet(user) == 100_000 - 100


async def test_a_key_belongs_to_its_body_and_its_user(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    first = await shop.order(user, (tea, 1), key="k")
    reused = await shop.order(user, (tea, 2), key="k")
    assert (reused.status, reused.json["code"]) == (422, "idempotency_key_reused")
    other = await shop.order(await shop.buyer(), (tea, 2), key="k")
    assert other.status == 201
    assert other.json["id"] != first.json["id"]


async def test_a_key_of_yesterday_is_free_again(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    first = await shop.order(user, (tea, 1), key="k")
    await shop.rows(
        "orders", "UPDATE idempotency_keys SET created_at = now() - interval '25 hours'"
    )
    again = await shop.order(user, (tea, 2), key="k")
    assert again.status == 201
    assert again.json["id"] != first.json["id"]


async def test_refusals_are_recorded_with_their_key(shop: Shop) -> None:
    tea, user = await shop.product(quantity=3), await shop.buyer(50)
    for key, quantity, code in (("a", 4, "out_of_stock"), ("b", 3, "insufficient_funds")):
        refused = await shop.order(user, (tea, quantity), key=key)
        assert refused.json["code"] == code
        assert await shop.order(user, (tea, quantity), key=key) == refused
    listed = (await shop.get("/api/v1/orders", user)).json["items"]
    assert [order["reason"] for order in listed] == ["insufficient_funds", "out_of_stock"]
    assert all(order["payment_id"] is None for order in listed)
    assert await shop.stock(tea) == (0, 0)


async def test_an_order_for_an_unknown_product_leaves_no_order(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    refused = await shop.order(user, (tea, 1), (str(uuid4()), 1), key="k")
    assert (refused.status, refused.json["code"]) == (422, "unknown_product")
    assert [each["field"] for each in refused.json["errors"]] == ["items[1].product_id"]
    assert (await shop.get("/api/v1/orders", user)).json["items"] == []
    assert await shop.rows("orders", "SELECT * FROM audit_orders") == []
    recorded = "SELECT status, resource_id FROM audit_idempotency WHERE key = 'k'"
    assert await shop.rows("orders", recorded) == [(422, None)]


async def test_50_buyers_of_the_last_unit(shop: Shop) -> None:
    last = await shop.product(quantity=1)
    users = await asyncio.gather(*(shop.buyer(100) for _ in range(50)))
    answers = await asyncio.gather(*(shop.order(user, (last, 1)) for user in users))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 49
    await shop.quiet()
    assert await shop.stock(last) == (1, 0)


@pytest.mark.parametrize("point", ["payments.charge.before_send", "inventory.reserve.before_send"])
async def test_with_a_peer_out_of_reach_the_order_is_accepted_and_settles_later(
    shop: Shop, faults_dir: Path, point: str
) -> None:
    tea, user = await shop.product(), await shop.buyer()
    fault = arm(faults_dir, point, "error", once=False)
    accepted = await shop.order(user, (tea, 1), key="k")
    assert (accepted.status, accepted.json["status"]) == (202, "pending")
    assert accepted.json["total_cents"] is accepted.json["items"][0]["name"] is None
    shown = await shop.get(f"/api/v1/orders/{accepted.json['id']}", user)
    assert shown.json["status"] == "pending"
    fault.unlink()
    await shop.quiet()
    shown = await shop.get(f"/api/v1/orders/{accepted.json['id']}", user)
    assert (shown.json["status"], shown.json["total_cents"]) == ("confirmed", 100)
    assert await shop.order(user, (tea, 1), key="k") == accepted


async def test_an_accepted_order_for_an_unknown_product_stays_visible_as_rejected(
    shop: Shop, faults_dir: Path
) -> None:
    user = await shop.buyer()
    arm(faults_dir, "inventory.reserve.before_send", "error")
    accepted = await shop.order(user, (str(uuid4()), 1))
    assert accepted.status == 202
    await shop.quiet()
    shown = await shop.get(f"/api/v1/orders/{accepted.json['id']}", user)
    assert (shown.json["status"], shown.json["reason"]) == ("rejected", "unknown_product")


@pytest.mark.parametrize("point", ["before_commit", "after_commit_before_reply"])
@pytest.mark.parametrize(
    ("step", "action"),
    [
        ("inventory.reserve", "error"),
        ("inventory.reserve", "drop_reply"),
        ("payments.charge", "error"),
        ("payments.charge", "drop_reply"),
        ("orders.confirm", "error"),
    ],
)
async def test_a_step_that_fails_once_takes_effect_once(
    shop: Shop, faults_dir: Path, step: str, action: str, point: str
) -> None:
    tea, user = await shop.product(), await shop.buyer(1000)
    arm(faults_dir, f"{step}.{point}", action)
    answer = await shop.order(user, (tea, 2))
    assert answer.status in (201, 202)
    await shop.quiet()
    assert await shop.wallet(user) == 800
    assert await shop.stock(tea) == (2, 0)


async def test_a_hanging_peer_does_not_keep_the_client_waiting(
    shop: Shop, faults_dir: Path
) -> None:
    tea, user = await shop.product(), await shop.buyer()
    fault = arm(faults_dir, "payments.charge.before_send", "hang")
    started = asyncio.get_running_loop().time()
    answer = await shop.order(user, (tea, 1))
    waited = asyncio.get_running_loop().time() - started
    assert answer.status == 202
    assert 2.5 < waited < 2.9, "300 ms before the edge's deadline of 3 s"
    fault.with_name(fault.name + ".fired").unlink()
    await shop.quiet()


async def test_orders_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    placed = [(await shop.order(user, (tea, 1))).json["id"] for _ in range(5)]
    seen: list[str] = []
    path = "/api/v1/orders?limit=2"
    while True:
        page = (await shop.get(path, user)).json
        seen += [order["id"] for order in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/api/v1/orders?limit=2&cursor={page['next_cursor']}"
    assert seen == placed[::-1]


@pytest.mark.parametrize("cursor", ["x", "", "W10", "WyItY3JlYXRlZF9hdCIsMSwieCJd"])
async def test_a_broken_cursor_is_refused(shop: Shop, cursor: str) -> None:
    refused = await shop.get(f"/api/v1/orders?cursor={cursor}", shop.user())
    assert (refused.status, refused.json["code"]) == (422, "validation_failed")


async def test_somebody_elses_order_and_payment_are_not_found(shop: Shop) -> None:
    tea, user = await shop.product(), await shop.buyer()
    order = (await shop.order(user, (tea, 1))).json
    thief = shop.user()
    for path in (f"/api/v1/orders/{order['id']}", f"/api/v1/payments/{order['payment_id']}"):
        assert (await shop.get(path, thief)).status == 404
    assert (await shop.cancel(thief, order["id"])).status == 404


@pytest.mark.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
async def test_the_golden_vector(open_shop: OpenShop, vector: Vector) -> None:
    shop = await open_shop()
    play = Play(shop, await shop.buyer(0), vector)
    await play.prepare()
    answers = [await play.step(step) for step in vector.steps]
    assert answers == [(each.http, each.code, each.order) for each in vector.answers]
    await shop.quiet()
    assert await shop.wallet(play.user) == vector.wallet_cents
    for alias, stock in vector.stock.items():
        sql = """SELECT initial, restocked, sold, on_hand, reserved FROM audit_stock
                 WHERE product_id = %s"""
        wanted = (stock.initial, stock.restocked, stock.sold, stock.on_hand, stock.reserved)
        assert await shop.rows("inventory", sql, play.ids[alias]) == [wanted]
    entries = """SELECT kind, split_part(account, ':', 1), amount_cents FROM audit_ledger
                 ORDER BY entry_id::bigint"""
    written = (await shop.rows("payments", entries))[play.given_entries :]
    assert written == [(each.kind, each.account, each.amount_cents) for each in vector.ledger]


class Play:
    """One golden vector against the public API."""

    def __init__(self, shop: Shop, user: User, vector: Vector) -> None:
        self.shop, self.user, self.vector = shop, user, vector
        self.ids: dict[str, str] = {}
        self.orders: list[str | None] = []
        self.given_entries = 0

    async def prepare(self) -> None:
        for alias, given in self.vector.given_products.items():
            self.ids[alias] = await self.shop.product(given.quantity, given.price_cents)
        missing = self.vector.given_wallet_cents
        while missing:  # one deposit is limited
            part = min(missing, 100_000_000)
            await self.deposit(part)
            missing -= part
            self.given_entries += 2

    async def deposit(self, amount_cents: int) -> Answered:
        body = {"amount_cents": amount_cents}
        return await self.shop.post("/api/v1/wallet/deposits", self.user, body)

    async def step(self, step: Step) -> tuple[int, str | None, OrderState | None]:
        match step.action:
            case "order":
                return await self.order(step)
            case "cancel":
                order_id = self.orders[step.order_step]
                assert order_id is not None
                answer = await self.shop.cancel(self.user, order_id)
                self.orders.append(order_id)
                return self.told(answer, await self.state(order_id))
        self.orders.append(None)
        return self.told(await self.staff(step), None)

    async def staff(self, step: Step) -> Answered:
        if step.action == "deposit":
            return await self.deposit(step.amount)
        path = f"/api/v1/products/{self.ids[step.product]}"
        staff = self.shop.user(staff=True)
        if step.action == "restock":
            return await self.shop.post(f"{path}/restocks", staff, {"quantity": step.amount})
        return await self.shop.patch(path, staff, {"price_cents": step.amount})

    async def order(self, step: Step) -> tuple[int, str | None, OrderState | None]:
        known = {order["id"] for order in await self.listed()}
        lines = [(self.ids.get(line.product, str(uuid4())), line.quantity) for line in step.lines]
        answer = await self.shop.order(self.user, *lines)
        new = [order["id"] for order in await self.listed() if order["id"] not in known]
        self.orders.append(new[0] if new else None)
        return self.told(answer, await self.state(new[0]) if new else None)

    async def listed(self) -> list[dict[str, str]]:
        return (await self.shop.get("/api/v1/orders", self.user)).json["items"]

    async def state(self, order_id: str) -> OrderState:
        order = (await self.shop.get(f"/api/v1/orders/{order_id}", self.user)).json
        prices = tuple(line["unit_price_cents"] for line in order["items"])
        return OrderState(order["status"], order["reason"], order["total_cents"], prices)

    def told(
        self, answer: Answered, state: OrderState | None
    ) -> tuple[int, str | None, OrderState | None]:
        return answer.status, answer.json.get("code"), state
