"""Reads of the catalogue."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from monolith.common import pages, sql

PRODUCT_COLUMNS = """p.id, p.sku, p.name, p.description, p.category, p.price_cents,
  s.initial + s.restocked - s.sold AS available, p.version"""

PRODUCT_BY_ID = f"""
SELECT {PRODUCT_COLUMNS} FROM products p JOIN stock s ON s.product_id = p.id WHERE p.id = %s
"""

NAMES_AND_PRICES = "SELECT id, name, price_cents FROM products WHERE id = ANY(%s)"


@dataclass(frozen=True)
class Sort:
    """A sort of the list: what the cursor holds, its order, and what lies after a cursor."""

    member: str
    kind: type
    order: str
    after: str


# Ties go by id in ascending order in every sort; a row comparison can say that of equal directions.
SORTS = {
    "name": Sort("name", str, "p.name, p.id", "(p.name, p.id) > (%(last)s, %(id)s::uuid)"),
    "price": Sort(
        "price_cents",
        int,
        "p.price_cents, p.id",
        "(p.price_cents, p.id) > (%(last)s, %(id)s::uuid)",
    ),
    "-price": Sort(
        "price_cents",
        int,
        "p.price_cents DESC, p.id",
        "(p.price_cents < %(last)s OR p.price_cents = %(last)s AND p.id > %(id)s::uuid)",
    ),
}


def product_get(*, product_id: UUID) -> dict[str, Any] | None:
    row = sql.fetch_one(PRODUCT_BY_ID, (product_id,))
    return row and product_view(row)


def product_list(
    *,
    sort: str = "name",
    limit: int = pages.DEFAULT_LIMIT,
    q: str | None = None,
    category: str | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """One page of the catalogue. Raises ValidationFailed for a cursor of another list."""
    chosen = SORTS[sort]
    conditions, parameters = ["true"], {"limit": sql.Int8(limit + 1)}
    if category is not None:
        conditions.append("p.category = %(category)s")
        parameters["category"] = category
    if q is not None:
        # No LIKE: `%` and `_` are literal. Under "C", lower() knows ASCII letters only.
        conditions.append('strpos(lower(p.name), lower(%(q)s::text COLLATE "C")) > 0')
        parameters["q"] = q
    if cursor is not None:
        after = pages.decode_cursor(cursor, sort, chosen.kind)
        conditions.append(chosen.after)
        parameters["last"] = sql.Int8(after.last) if chosen.kind is int else after.last
        parameters["id"] = after.id
    rows = sql.fetch_all(
        f"SELECT {PRODUCT_COLUMNS} FROM products p JOIN stock s ON s.product_id = p.id"
        f" WHERE {' AND '.join(conditions)} ORDER BY {chosen.order} LIMIT %(limit)s",
        parameters,
    )
    return pages.page(
        [product_view(row) for row in rows],
        limit,
        lambda last: pages.encode_cursor(sort, last[chosen.member], last["id"]),
    )


def product_view(row: sql.Row) -> dict[str, Any]:
    """A row of `PRODUCT_COLUMNS` as the contract shows it."""
    product_id, sku, name, description, category, price_cents, available, version = row
    return {
        "id": str(product_id),
        "sku": sku,
        "name": name,
        "description": description,
        "category": category,
        "price_cents": price_cents,
        "available": available,
        "version": version,
    }
