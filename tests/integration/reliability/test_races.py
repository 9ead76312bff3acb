"""Many at once: the last item is sold once, and one key makes one order."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.experiments.consistency.client import Result, item
from tests.integration.reliability.lab import RunningShop

Work = Callable[[int], Result]


def all_at_once(count: int, work: Work) -> list[Result]:
    """Run `work(0..count-1)` in as many threads, released by one barrier."""
    barrier = threading.Barrier(count)

    def one(index: int) -> Result:
        barrier.wait()
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_fifty_buyers_of_the_last_item(shop: RunningShop) -> None:
    last = shop.client(shop.staff).create_product(quantity=1)
    buyers = [shop.client(shop.buyers[index % len(shop.buyers)]) for index in range(50)]
    results = all_at_once(50, lambda index: buyers[index].place([item(last)]))
    shop.assert_sound()
    orders = [shop.client(buyer).read("/orders?limit=100").body["items"] for buyer in shop.buyers]
    confirmed = [
        order
        for page in orders
        for order in page
        if order["status"] == "confirmed" and order["items"][0]["product_id"] == last
    ]
    assert len(confirmed) == 1
    assert all(result.outcome != "info" for result in results)
    assert shop.client(shop.staff).read(f"/products/{last}").body["available"] == 0


def test_fifty_buyers_of_the_last_ten_items(shop: RunningShop) -> None:
    """Each buys up to three of the ten: all are sold or none of those left suffices."""
    few = shop.client(shop.staff).create_product(quantity=10)
    buyers = [shop.client(shop.buyers[index % len(shop.buyers)]) for index in range(50)]
    all_at_once(50, lambda index: buyers[index].place([item(few, 1 + index % 3)]))
    shop.assert_sound()
    left = shop.client(shop.staff).read(f"/products/{few}").body["available"]
    assert left == 0


def test_twenty_concurrent_uses_of_one_key_make_one_order(shop: RunningShop) -> None:
    product = shop.client(shop.staff).create_product(quantity=100)
    key = str(uuid.uuid4())
    uses = [shop.client(shop.buyers[0]) for _ in range(20)]
    results = all_at_once(20, lambda index: uses[index].place([item(product)], key))
    shop.assert_sound()
    assert {result.outcome for result in results} == {"ok"}
    assert len({result.body["id"] for result in results}) == 1
    assert shop.client(shop.staff).read(f"/products/{product}").body["available"] == 99


def test_twenty_concurrent_uses_of_one_key_deposit_once(shop: RunningShop) -> None:
    person = shop.newcomer()
    key = str(uuid.uuid4())
    uses = [shop.client(person) for _ in range(20)]
    results = all_at_once(20, lambda index: uses[index].deposit(700, key))
    shop.assert_sound()
    assert {result.outcome for result in results} == {"ok"}
    assert uses[0].read("/wallet").body == {"balance_cents": 700}


def test_twenty_cancellations_of_one_order_refund_once(shop: RunningShop) -> None:
    person = shop.newcomer()
    buyer = shop.client(person)
    buyer.deposit(1000)
    product = shop.client(shop.staff).create_product(quantity=5, price_cents=400)
    order_id = buyer.place([item(product, 2)]).body["id"]
    shop.settle()
    clients = [shop.client(person) for _ in range(20)]
    results = all_at_once(20, lambda index: clients[index].cancel(order_id))
    shop.assert_sound()
    assert sum(result.outcome == "ok" for result in results) == 1
    assert buyer.read("/wallet").body == {"balance_cents": 1000}
    assert buyer.read(f"/products/{product}").body["available"] == 5


def test_a_wallet_that_pays_for_three_orders_pays_for_three_of_ten(shop: RunningShop) -> None:
    person = shop.newcomer()
    shop.client(person).deposit(350)
    product = shop.client(shop.staff).create_product(quantity=100, price_cents=100)
    clients = [shop.client(person) for _ in range(10)]
    all_at_once(10, lambda index: clients[index].place([item(product)]))
    shop.assert_sound()
    assert clients[0].read("/wallet").body == {"balance_cents": 50}
    assert clients[0].read(f"/products/{product}").body["available"] == 97


def test_opposite_orders_of_lines_do_not_deadlock_for_good(shop: RunningShop) -> None:
    """Thirty orders of the same products, half of them with the lines turned round."""
    staff = shop.client(shop.staff)
    products = [staff.create_product(quantity=1000) for _ in range(5)]
    lines = [item(product) for product in products]
    clients = [shop.client(shop.buyers[index % len(shop.buyers)]) for index in range(30)]
    results = all_at_once(
        30, lambda index: clients[index].place(lines if index % 2 else lines[::-1])
    )
    shop.assert_sound()
    assert {result.outcome for result in results} == {"ok"}
    assert staff.read(f"/products/{products[0]}").body["available"] == 970
