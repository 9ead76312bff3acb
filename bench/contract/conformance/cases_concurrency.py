"""Races through the public API: one key many times at once, the last unit, two cancellations."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.contract.conformance.client import Answer
from bench.contract.conformance.expect import equal, expect, require
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

AREA = "concurrency"
AT_ONCE = 12


def _at_once(world: World, requests: Sequence[Callable[[World], Answer]]) -> list[Answer]:
    """Send these requests together, each on a connection of its own."""

    def send(request: Callable[[World], Answer]) -> Answer:
        lane = World(world.base_url)
        try:
            return request(lane)
        finally:
            lane.client.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


@case("one key many times at once makes one deposit", AREA, "payments")
def deposits_with_one_key(world: World) -> None:
    person, key = world.new_person(), world.new_key()

    def deposit(lane: World) -> Answer:
        payload = {"amount_cents": 700}
        return lane.call("POST", "/wallet/deposits", token=person.token, key=key, payload=payload)

    answers = _at_once(world, [deposit] * AT_ONCE)
    _check_one_winner(answers, 201)
    expect(deposit(world), 201)
    equal(world.balance(person), 700, "balance_cents")


@case("one key many times at once makes one order", AREA, "shop")
def orders_with_one_key(world: World) -> None:
    buyer, product, key = world.buyer(10_000), world.new_product(), world.new_key()
    answers = _at_once(
        world, [lambda lane: lane.order(buyer, (product["id"], 1), key=key)] * AT_ONCE
    )
    _check_one_winner(answers, 201)
    listed = expect(world.call("GET", "/orders", token=buyer.token), 200)
    equal(len(listed["items"]), 1, "the number of orders")
    equal(world.available(product["id"]), 9, "available")
    equal(world.balance(buyer), 9_550, "balance_cents")


def _check_one_winner(answers: list[Answer], status: int) -> None:
    """Every answer is the recorded one or request_in_progress."""
    won = [answer for answer in answers if answer.status == status]
    rest = [answer for answer in answers if answer.status != status]
    require(won, f"nobody was served: {[str(answer) for answer in answers]}")
    equal(len({answer.body for answer in won}), 1, "different bodies for one key")
    codes = {answer.json().get("code") for answer in rest}
    require(codes <= {"request_in_progress"}, f"unexpected: {codes}")


@case("the last units go to as many buyers as there are units", AREA, "shop")
def last_units(world: World) -> None:
    product = world.new_product(quantity=3)
    buyers = [world.buyer(1_000) for _ in range(4)]
    requests = [
        lambda lane, buyer=buyer: lane.order(buyer, (product["id"], 1)) for buyer in buyers * 3
    ]
    statuses = Counter(answer.status for answer in _at_once(world, requests))
    equal(dict(statuses), {201: 3, 409: 9}, "statuses")
    equal(world.available(product["id"]), 0, "available")
    spent = sum(1_000 - world.balance(buyer) for buyer in buyers)
    equal(spent, 3 * product["price_cents"], "cents spent")


@case("a wallet is never overdrawn by orders at once", AREA, "shop")
def one_wallet(world: World) -> None:
    buyer, product = world.buyer(450 * 4 + 449), world.new_product(quantity=100)
    requests = [lambda lane: lane.order(buyer, (product["id"], 1))] * AT_ONCE
    statuses = Counter(answer.status for answer in _at_once(world, requests))
    equal(dict(statuses), {201: 4, 402: AT_ONCE - 4}, "statuses")
    equal(world.balance(buyer), 449, "balance_cents")
    world.eventually(lambda: world.available(product["id"]), 96, "available")


@case("cancellations at once cancel once", AREA, "shop")
def cancel_against_cancel(world: World) -> None:
    buyer, product = world.buyer(1_000), world.new_product()
    order = world.confirmed_order(buyer, (product["id"], 2))
    requests = [lambda lane: lane.cancel(buyer, order["id"])] * AT_ONCE
    answers = _at_once(world, requests)
    statuses = Counter(answer.status for answer in answers)
    equal(dict(statuses), {200: 1, 409: AT_ONCE - 1}, "statuses")
    codes = {answer.json()["code"] for answer in answers if answer.status == 409}
    equal(codes, {"not_cancellable"}, "codes")
    equal(world.balance(buyer), 1_000, "balance_cents")
    equal(world.available(product["id"]), 10, "available")


@case("an order that meets a price change pays the old or the new price", AREA, "shop")
def price_change(world: World) -> None:
    buyer, product = world.buyer(100_000), world.new_product(quantity=1_000)
    path, token = f"/products/{product['id']}", world.staff().token

    def reprice(lane: World) -> Answer:
        return lane.call("PATCH", path, token=token, payload={"price_cents": 700})

    def buy(lane: World) -> Answer:
        return lane.order(buyer, (product["id"], 2))

    answers = _at_once(world, [buy, buy, buy, reprice, buy, buy, buy])
    totals = [answer["total_cents"] for answer in answers if answer.status == 201]
    equal(len(totals), 6, "orders")
    require(set(totals) <= {900, 1_400}, f"totals {totals}")
    equal(world.balance(buyer), 100_000 - sum(totals), "balance_cents")
