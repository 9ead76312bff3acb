"""Loading products and their stock from a seed directory (`load_seed`)."""

from pathlib import Path
from typing import Any

from monolith.common.seed import copy_rows, read_rows

TABLES = ("products", "stock")

_PRODUCT = ("id", "sku", "name", "description", "category", "price_cents", "created_at")


def load(cursor: Any, directory: Path) -> None:
    products = directory / "products.csv"
    rows = ((*row, 1) for row in read_rows(products, _PRODUCT))
    copy_rows(cursor, "products", (*_PRODUCT, "version"), rows)
    stock = ((*row, 0, 0) for row in read_rows(products, ("id", "quantity")))
    copy_rows(cursor, "stock", ("product_id", "initial", "restocked", "sold"), stock)
