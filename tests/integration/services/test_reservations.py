"""Inventory's steps of an order on a real database: once, all or nothing, and never oversold."""

import asyncio
import random
from uuid import uuid4

import pytest

from microservices.chassis.database import Database
from microservices.inventory import stock
from microservices.inventory.errors import ReservationMismatch
from microservices.inventory.messages import Reserve, ReserveLine, ReserveOutcome
from tests.integration.services.shop import until


async def product(database: Database, quantity: int, price_cents: int = 100) -> str:
    product_id = str(uuid4())
    await database.execute(
        """
        WITH product AS (
            INSERT INTO products (id, sku, name, description, category, price_cents)
            VALUES (%s, %s, 'Tea', '', 'tea', %s) RETURNING id
        ) INSERT INTO stock (product_id, initial) SELECT id, %s FROM product""",
        (product_id, str(uuid4()), price_cents, quantity),
    )
    return product_id


async def counters(database: Database, product_id: str) -> tuple[int, int]:
    """Sold and reserved."""
    row = await database.fetch_one(
        "SELECT sold, reserved FROM stock WHERE product_id = %s", (product_id,)
    )
    assert row is not None
    return row[0], row[1]


async def states(database: Database) -> list[str]:
    return [row[0] for row in await database.fetch_all("SELECT state FROM reservations")]


def reserve(
    database: Database, *lines: tuple[str, int], order_id: str | None = None
) -> "asyncio.Future[ReserveOutcome]":
    wanted = [ReserveLine(product_id, quantity) for product_id, quantity in lines]
    return asyncio.ensure_future(stock.reserve(database, Reserve(order_id or str(uuid4()), wanted)))


async def test_of_50_buyers_of_the_last_unit_one_gets_it(inventory: Database) -> None:
    last = await product(inventory, 1)
    outcomes = await asyncio.gather(*(reserve(inventory, (last, 1)) for _ in range(50)))
    assert sorted(outcome.outcome for outcome in outcomes) == ["out_of_stock"] * 49 + ["reserved"]
    assert await counters(inventory, last) == (0, 1)
    assert await states(inventory) == ["reserved"]


async def test_buyers_of_many_units_get_exactly_what_there_is(inventory: Database) -> None:
    some = await product(inventory, 100)
    outcomes = await asyncio.gather(*(reserve(inventory, (some, 3)) for _ in range(50)))
    assert [outcome.outcome for outcome in outcomes].count("reserved") == 33
    assert await counters(inventory, some) == (0, 99)


async def test_lines_in_opposite_order_do_not_deadlock(inventory: Database) -> None:
    first, second = await product(inventory, 1000), await product(inventory, 1000)
    lines = [(first, 1), (second, 1)]
    outcomes = await asyncio.gather(
        *(reserve(inventory, *(lines if i % 2 else lines[::-1])) for i in range(60))
    )
    assert {outcome.outcome for outcome in outcomes} == {"reserved"}
    assert inventory.contention_retries == 0
    assert await counters(inventory, first) == await counters(inventory, second) == (0, 60)


async def test_one_line_out_of_stock_reserves_nothing(inventory: Database) -> None:
    there, gone = await product(inventory, 5), await product(inventory, 0)
    outcome = await reserve(inventory, (there, 1), (gone, 1))
    assert outcome.outcome == "out_of_stock"
    assert {line.product_id for line in outcome.lines} == {there, gone}
    assert await counters(inventory, there) == (0, 0)


async def test_unknown_product_goes_before_out_of_stock(inventory: Database) -> None:
    gone = await product(inventory, 0)
    outcome = await reserve(inventory, (gone, 1), (str(uuid4()), 1))
    assert outcome.outcome == "unknown_product"
    assert await states(inventory) == []


async def test_a_repetition_gets_the_names_and_prices_of_the_first_time(
    inventory: Database,
) -> None:
    tea, order_id = await product(inventory, 5), str(uuid4())
    first = await reserve(inventory, (tea, 2), order_id=order_id)
    await inventory.execute("UPDATE products SET price_cents = 999, name = 'Dear tea'")
    assert await reserve(inventory, (tea, 2), order_id=order_id) == first
    assert await counters(inventory, tea) == (0, 2)


async def test_20_reserves_of_one_order_at_once_reserve_once(inventory: Database) -> None:
    tea, order_id = await product(inventory, 100), str(uuid4())
    outcomes = await asyncio.gather(
        *(reserve(inventory, (tea, 2), order_id=order_id) for _ in range(20))
    )
    assert {outcome.outcome for outcome in outcomes} == {"reserved"}
    assert await counters(inventory, tea) == (0, 2)


async def test_the_same_order_with_other_lines_is_an_error(inventory: Database) -> None:
    tea, order_id = await product(inventory, 5), str(uuid4())
    await reserve(inventory, (tea, 2), order_id=order_id)
    with pytest.raises(ReservationMismatch):
        await reserve(inventory, (tea, 3), order_id=order_id)


async def test_a_reserve_after_its_release_finds_the_tombstone(inventory: Database) -> None:
    tea, order_id = await product(inventory, 5), str(uuid4())
    await stock.release(inventory, order_id)
    assert (await reserve(inventory, (tea, 2), order_id=order_id)).outcome == "released"
    assert await counters(inventory, tea) == (0, 0)
    assert await inventory.fetch_all("SELECT * FROM audit_reservations") == []


async def test_release_of_a_reservation_frees_its_units_once(inventory: Database) -> None:
    tea, order_id = await product(inventory, 5), str(uuid4())
    await reserve(inventory, (tea, 2), order_id=order_id)
    await asyncio.gather(*(stock.release(inventory, order_id) for _ in range(10)))
    assert await counters(inventory, tea) == (0, 0)
    assert await states(inventory) == ["released"]


async def test_release_of_a_sale_lowers_what_is_sold(inventory: Database) -> None:
    tea, order_id = await product(inventory, 5), str(uuid4())
    await reserve(inventory, (tea, 2), order_id=order_id)
    assert await stock.settle(inventory, [order_id]) == 1
    assert await counters(inventory, tea) == (2, 0)
    await stock.release(inventory, order_id)
    assert await counters(inventory, tea) == (0, 0)
    assert await states(inventory) == ["returned"]


async def test_settling_what_is_released_or_settled_or_unknown_does_nothing(
    inventory: Database,
) -> None:
    tea, released, sold = await product(inventory, 5), str(uuid4()), str(uuid4())
    await reserve(inventory, (tea, 2), order_id=released)
    await reserve(inventory, (tea, 1), order_id=sold)
    await stock.release(inventory, released)
    assert await stock.settle(inventory, [released, sold, str(uuid4())]) == 1
    assert await stock.settle(inventory, [released, sold]) == 0
    assert await counters(inventory, tea) == (1, 0)


async def test_a_release_that_races_its_reserve_leaves_nothing_reserved(
    inventory: Database,
) -> None:
    tea = await product(inventory, 1000)
    for _ in range(30):
        order_id = str(uuid4())
        await asyncio.gather(
            reserve(inventory, (tea, 1), order_id=order_id), stock.release(inventory, order_id)
        )
        await stock.release(inventory, order_id)
    assert await counters(inventory, tea) == (0, 0)


async def test_a_buyer_who_waited_for_a_release_gets_the_unit(inventory: Database) -> None:
    """Its snapshot shows none left; what counts is the row it has locked."""
    last, order_id = await product(inventory, 1), str(uuid4())
    await reserve(inventory, (last, 1), order_id=order_id)
    async with inventory.transaction() as connection:
        await connection.execute(stock.RELEASE, {"order_id": order_id})
        waiting = reserve(inventory, (last, 1))
        await blocked(inventory)
    assert (await waiting).outcome == "reserved"
    assert await counters(inventory, last) == (0, 1)


async def test_a_release_that_waited_for_the_settling_gives_back_what_is_sold(
    inventory: Database,
) -> None:
    last, order_id = await product(inventory, 1), str(uuid4())
    await reserve(inventory, (last, 1), order_id=order_id)
    async with inventory.transaction() as connection:
        await connection.execute(stock.SETTLE, {"order_ids": [order_id]})
        waiting = asyncio.ensure_future(stock.release(inventory, order_id))
        await blocked(inventory)
    await waiting
    assert await counters(inventory, last) == (0, 0)
    assert await states(inventory) == ["returned"]


async def blocked(database: Database) -> None:
    """Wait until some statement waits for a lock."""

    async def somebody_waits() -> bool:
        sql = "SELECT 1 FROM pg_locks WHERE NOT granted"
        return await database.fetch_one(sql) is not None

    await until(somebody_waits, 5.0)


async def test_a_storm_of_steps_keeps_the_counters_equal_to_the_reservations(
    inventory: Database,
) -> None:
    dice = random.Random(7)
    products = [await product(inventory, 40) for _ in range(4)]

    async def one_order() -> None:
        order_id = str(uuid4())
        lines = [(each, dice.randint(1, 3)) for each in dice.sample(products, 3)]
        steps = [reserve(inventory, *lines, order_id=order_id) for _ in range(dice.randint(1, 2))]
        await asyncio.gather(*steps)
        if dice.random() < 0.7:
            await stock.settle(inventory, [order_id])
        if dice.random() < 0.5:
            await stock.release(inventory, order_id)

    await asyncio.gather(*(one_order() for _ in range(80)))
    differences = await inventory.fetch_all(
        """
        SELECT s.product_id FROM audit_stock s LEFT JOIN audit_reservations r USING (product_id)
        GROUP BY s.product_id, s.sold, s.reserved, s.on_hand
        HAVING s.sold <> coalesce(sum(r.quantity) FILTER (WHERE r.state = 'sold'), 0)
            OR s.reserved <> coalesce(sum(r.quantity) FILTER (WHERE r.state = 'reserved'), 0)
            OR s.on_hand < s.reserved"""
    )
    assert differences == []
