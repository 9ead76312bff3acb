"""SQL of the catalogue: pages of products, one product, and the changes staff may make.

`stock` holds the SQL of reservations; `service` decides what a missing row means.
"""

from functools import cache
from typing import Any
from uuid import uuid4

from msgspec import UNSET

from microservices.chassis.database import Connection, Database
from microservices.inventory.messages import (
    ChangeProduct,
    CreateProduct,
    ListProducts,
    Product,
    Restock,
    Sort,
)

PRODUCT = """
SELECT p.id::text, p.sku, p.name, p.description, p.category, p.price_cents,
       s.initial + s.restocked - s.sold - s.reserved AS available, p.version
FROM products p JOIN stock s ON s.product_id = p.id"""

GET_PRODUCT = PRODUCT + " WHERE p.id = %s"

# The ends of the two sides of a page query, by sort: what comes after the cursor, and the order.
AFTER: dict[Sort, str] = {
    "name": "(p.name, p.id) > (%(last)s, %(last_id)s::uuid)",
    "price": "(p.price_cents, p.id) > (%(last)s::bigint, %(last_id)s::uuid)",
    # No row comparison, since ids ascend while prices descend; the first part is for the index.
    "-price": "p.price_cents <= %(last)s::bigint"
    " AND (p.price_cents < %(last)s::bigint OR p.id > %(last_id)s::uuid)",
}
ORDER: dict[Sort, str] = {
    "name": "p.name, p.id",
    "price": "p.price_cents, p.id",
    "-price": "p.price_cents DESC, p.id",
}
IN_CATEGORY = "p.category = %(category)s"
# Under "C" `lower` knows ASCII only, and `strpos` has no wildcards to escape.
NAME_CONTAINS = 'strpos(lower(p.name), lower(%(q)s::text COLLATE "C")) > 0'

RECOMMENDED = (
    PRODUCT
    + """
WHERE p.category = (SELECT category FROM products WHERE id = %s)
  AND s.initial + s.restocked - s.sold - s.reserved > 0
ORDER BY p.name, p.id LIMIT 5"""
)

CREATE_PRODUCT = """
WITH product AS (
    INSERT INTO products (id, sku, name, description, category, price_cents)
    VALUES (%(id)s::uuid, %(sku)s, %(name)s, %(description)s, %(category)s, %(price_cents)s)
    ON CONFLICT (sku) DO NOTHING
    RETURNING id
)
INSERT INTO stock (product_id, initial) SELECT id, %(quantity)s FROM product"""

CHANGE_PRODUCT = """
UPDATE products p
SET name = coalesce(%(name)s, p.name),
    description = coalesce(%(description)s, p.description),
    category = coalesce(%(category)s, p.category),
    price_cents = coalesce(%(price_cents)s, p.price_cents),
    version = p.version + 1
FROM stock s
WHERE p.id = %(product_id)s::uuid AND s.product_id = p.id
RETURNING p.id::text, p.sku, p.name, p.description, p.category, p.price_cents,
          s.initial + s.restocked - s.sold - s.reserved, p.version"""

RESTOCK = """
UPDATE stock SET restocked = restocked + %s WHERE product_id = %s
RETURNING initial + restocked - sold - reserved"""


@cache
def page_sql(sort: Sort, category: bool, q: bool, after: bool) -> str:
    """The page query for the filters that are present: 24 texts, so that each stays prepared."""
    filters = [
        text
        for text, wanted in ((IN_CATEGORY, category), (NAME_CONTAINS, q), (AFTER[sort], after))
        if wanted
    ]
    where = f" WHERE {' AND '.join(filters)}" if filters else ""
    return f"{PRODUCT}{where} ORDER BY {ORDER[sort]} LIMIT %(limit)s"


async def page(
    database: Database, request: ListProducts, after: tuple[Any, str] | None
) -> list[Product]:
    """One product more than the limit, so that the caller sees whether there is a next page."""
    sql = page_sql(
        request.sort, request.category is not UNSET, request.q is not UNSET, after is not None
    )
    last, last_id = after or (None, None)
    parameters = {
        "category": request.category,
        "q": request.q,
        "last": last,
        "last_id": last_id,
        "limit": request.limit + 1,
    }
    return [Product(*row) for row in await database.fetch_all(sql, parameters)]


async def find(database: Database, product_id: str) -> Product | None:
    row = await database.fetch_one(GET_PRODUCT, (product_id,))
    return None if row is None else Product(*row)


async def recommended(database: Database, product_id: str) -> list[Product]:
    """Five products of the category that this product is in now."""
    return [Product(*row) for row in await database.fetch_all(RECOMMENDED, (product_id,))]


async def create(connection: Connection, request: CreateProduct) -> Product | None:
    """The new product; None if its SKU is taken."""
    product = Product(
        str(uuid4()),
        request.sku,
        request.name,
        request.description,
        request.category,
        request.price_cents,
        request.quantity,
        1,
    )
    cursor = await connection.execute(
        CREATE_PRODUCT,
        {
            "id": product.id,
            "sku": product.sku,
            "name": product.name,
            "description": product.description,
            "category": product.category,
            "price_cents": product.price_cents,
            "quantity": request.quantity,
        },
    )
    return product if cursor.rowcount else None


async def change(database: Database, request: ChangeProduct) -> Product | None:
    """The product as it is now, one version on."""
    changes = (request.name, request.description, request.category, request.price_cents)
    names = ("name", "description", "category", "price_cents")
    parameters: dict[str, Any] = {
        name: None if value is UNSET else value for name, value in zip(names, changes, strict=True)
    }
    parameters["product_id"] = request.product_id
    rows = await database.write(CHANGE_PRODUCT, parameters)
    return Product(*rows[0]) if rows else None


async def restock(connection: Connection, request: Restock) -> int | None:
    """The units available now; None if there is no such product."""
    cursor = await connection.execute(RESTOCK, (request.quantity, request.product_id))
    row = await cursor.fetchone()
    return None if row is None else int(row[0])
