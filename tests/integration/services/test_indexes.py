"""Each index of the catalogue is for one sort of page, and that page is a range scan of it."""

import pytest

from microservices.chassis.database import Database
from microservices.inventory.catalogue import page_sql
from microservices.inventory.messages import Sort

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"
PRODUCTS = """
INSERT INTO products (id, sku, name, description, category, price_cents)
SELECT gen_random_uuid(), n, 'Name ' || n %% 700, '', 'category ' || n %% 20, 1 + n * 37 %% 5000
FROM generate_series(1, 2000) n"""
STOCK = "INSERT INTO stock (product_id, initial) SELECT id, 10 FROM products"
INDEXES: dict[tuple[Sort, bool], str] = {
    ("name", False): "products_by_name",
    ("price", False): "products_by_price",
    ("-price", False): "products_by_price_desc",
    ("name", True): "products_by_category_name",
    ("price", True): "products_by_category_price",
    ("-price", True): "products_by_category_price_desc",
}


@pytest.fixture
async def catalogue(inventory: Database) -> Database:
    for statement in (PRODUCTS, STOCK, "ANALYZE products", "ANALYZE stock"):
        await inventory.execute(statement)
    return inventory


@pytest.mark.parametrize("after", [False, True])
async def test_a_page_is_a_range_scan_of_the_index_for_its_sort(
    catalogue: Database, after: bool
) -> None:
    for (sort, in_category), index in INDEXES.items():
        last: object = "Name 3" if sort == "name" else 2500
        parameters = {"category": "category 7", "last": last, "last_id": ID, "limit": 21}
        text = f"EXPLAIN {page_sql(sort, in_category, False, after)}"
        plan = "\n".join(row[0] for row in await catalogue.fetch_all(text, parameters))
        assert f"Index Scan using {index} on products" in plan, plan
        assert "Sort" not in plan, plan


async def test_there_is_no_other_index(catalogue: Database) -> None:
    rows = await catalogue.fetch_all(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'products' AND indexname NOT LIKE %s",
        ("%_pkey",),
    )
    assert {row[0] for row in rows} == {*INDEXES.values(), "products_sku_unique"}
