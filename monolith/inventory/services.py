"""Writes of the catalogue and the stock. Stock rows are always locked in the order of their ids.

`stock_take` and `stock_return` run inside the transaction of an order.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from monolith.common import errors, sql
from monolith.common.faults import hit
from monolith.common.idempotency import Answer, answer_of
from monolith.inventory.offers import Offer, Offers
from monolith.inventory.selectors import NAMES_AND_PRICES, PRODUCT_COLUMNS, product_view

CREATE = """
WITH made AS (
  INSERT INTO products (id, sku, name, description, category, price_cents, version, created_at)
  VALUES (%(id)s, %(sku)s, %(name)s, %(description)s, %(category)s, %(price_cents)s, 1, now())
  ON CONFLICT (sku) DO NOTHING
  RETURNING id
)
INSERT INTO stock (product_id, initial, restocked, sold)
SELECT id, %(quantity)s, 0, 0 FROM made
"""

RESTOCK = """
UPDATE stock SET restocked = restocked + %s WHERE product_id = %s
RETURNING initial + restocked - sold
"""

# Locks first, in id order, so that two orders with the same products never wait for each other
# crosswise; a line that is short simply returns no row.
TAKE = """
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS w (product_id, quantity)
), locked AS MATERIALIZED (
  SELECT s.product_id, w.quantity
  FROM stock s JOIN wanted w USING (product_id)
  ORDER BY s.product_id
  FOR NO KEY UPDATE OF s
)
UPDATE stock s SET sold = s.sold + l.quantity
FROM locked l JOIN products p ON p.id = l.product_id
WHERE s.product_id = l.product_id AND s.initial + s.restocked - s.sold >= l.quantity
RETURNING p.id, p.name, p.price_cents
"""

RETURN = """
WITH given AS MATERIALIZED (
  SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS w (product_id, quantity)
), locked AS MATERIALIZED (
  SELECT s.product_id, w.quantity
  FROM stock s JOIN given w USING (product_id)
  ORDER BY s.product_id
  FOR NO KEY UPDATE OF s
)
UPDATE stock s SET sold = s.sold - l.quantity
FROM locked l WHERE s.product_id = l.product_id
"""


class StockTooLow(Exception):
    """Not every line can be served; carries what the refused order is to be stored with."""

    def __init__(self, offers: Offers) -> None:
        super().__init__()
        self.offers = offers


def product_create(
    *, sku: str, name: str, description: str, category: str, price_cents: int, quantity: int
) -> Answer:
    """Add a product with its stock. Raises SkuTaken."""
    product_id = uuid.uuid4()
    values = {"sku": sku, "name": name, "description": description, "category": category}
    counters = {"price_cents": sql.Int8(price_cents), "quantity": sql.Int8(quantity)}
    if not sql.execute(CREATE, {"id": product_id, **values, **counters}):
        raise errors.SkuTaken
    row = (product_id, sku, name, description, category, price_cents, quantity, 1)
    return answer_of(product_view(row), 201, product_id)


def product_update(*, product_id: UUID, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a product; the only write that moves its version. Raises NotFound."""
    # The names come from the view's own list of fields, never from a client.
    assignments = ", ".join(f"{name} = %({name})s" for name in changes)
    row = sql.fetch_one(
        f"UPDATE products p SET {assignments}, version = p.version + 1 FROM stock s"
        f" WHERE p.id = %(id)s AND s.product_id = p.id RETURNING {PRODUCT_COLUMNS}",
        {"id": product_id, **changes},
    )
    if row is None:
        raise errors.NotFound
    return product_view(row)


def stock_restock(*, product_id: UUID, quantity: int) -> Answer:
    """Add units to the stock. Raises NotFound."""
    row = sql.fetch_one(RESTOCK, (sql.Int8(quantity), product_id))
    if row is None:
        raise errors.NotFound
    return answer_of({"product_id": str(product_id), "available": row[0]}, 201, product_id)


def stock_take(*, quantities: Mapping[UUID, int]) -> Offers:
    """Sell all or nothing; reserving and settling are one step here.

    Raises:
        UnknownProduct: a line names no product; goes before every other refusal.
        StockTooLow: a line asks for more than is available; the caller rolls back.
    """
    hit("inventory.operation")
    hit("inventory.reserve.before_send")
    hit("inventory.settle.before_send")
    rows = sql.fetch_all(TAKE, (list(quantities), sql.bigints(quantities.values())))
    if len(rows) < len(quantities):
        raise StockTooLow(_known_offers(list(quantities)))
    hit("inventory.reserve.before_commit")
    hit("inventory.settle.before_commit")
    hit("inventory.reserve.after_commit_before_reply")
    hit("inventory.settle.after_commit_before_reply")
    return _offers(rows)


def stock_return(*, quantities: Mapping[UUID, int]) -> None:
    """Take back what a cancelled order was sold."""
    hit("inventory.operation")
    hit("inventory.release.before_send")
    sql.execute(RETURN, (list(quantities), sql.bigints(quantities.values())))
    hit("inventory.release.before_commit")
    hit("inventory.release.after_commit_before_reply")


def _known_offers(product_ids: Sequence[UUID]) -> Offers:
    offers = _offers(sql.fetch_all(NAMES_AND_PRICES, (list(product_ids),)))
    for index, product_id in enumerate(product_ids):
        if product_id not in offers:
            raise errors.UnknownProduct(field=f"items[{index}].product_id", message="is no product")
    return offers


def _offers(rows: Sequence[sql.Row]) -> Offers:
    return {product_id: Offer(name, price_cents) for product_id, name, price_cents in rows}
