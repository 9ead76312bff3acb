"""Loads the seed's products and their stock by COPY."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microservices.chassis.database import Connection
from microservices.chassis.seeding import copy_rows, read_csv

PRODUCT_COLUMNS = ("id", "sku", "name", "description", "category", "price_cents", "created_at")


async def load_seed(connection: Connection, directory: Path) -> None:
    """Fill the empty tables; nothing is reserved or sold afterwards."""
    rows = list(read_csv(directory / "products.csv"))
    products: Iterator[tuple[Any, ...]] = (
        tuple(row[column] for column in PRODUCT_COLUMNS) for row in rows
    )
    await copy_rows(connection, "products", PRODUCT_COLUMNS, products)
    stock = ((row["id"], row["quantity"]) for row in rows)
    await copy_rows(connection, "stock", ("product_id", "initial"), stock)
