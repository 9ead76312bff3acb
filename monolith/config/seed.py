"""What a seed directory's CSV files hold, written by COPY: a seed is tens of thousands of rows."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from psycopg import sql

FILES = ("users.csv", "products.csv", "wallets.csv")
_USER = ("id", "email", "password_hash", "full_name", "staff", "created_at")
_PRODUCT = ("id", "sku", "name", "description", "category", "price_cents", "created_at")
_WALLET = ("user_id", "balance_cents", "transfer_id", "created_at")


def load(cursor: Any, directory: Path) -> None:
    _load_users(cursor, directory / "users.csv")
    _load_products(cursor, directory / "products.csv")
    _load_wallets(cursor, list(_read(directory / "wallets.csv", _WALLET)))


def _load_users(cursor: Any, users: Path) -> None:
    # Django writes the hasher's name before the hash.
    rows = ((*row[:2], f"argon2{row[2]}", *row[3:]) for row in _read(users, _USER))
    _copy(cursor, "users", _USER, rows)


def _load_products(cursor: Any, products: Path) -> None:
    rows = ((*row, 1) for row in _read(products, _PRODUCT))
    _copy(cursor, "products", (*_PRODUCT, "version"), rows)
    stock = ((*row, 0, 0) for row in _read(products, ("id", "quantity")))
    _copy(cursor, "stock", ("product_id", "initial", "restocked", "sold"), stock)


def _load_wallets(cursor: Any, wallets: Sequence[tuple[str, ...]]) -> None:
    """A balance is one deposit of two entries."""
    _copy(cursor, "wallets", _WALLET[:2], (row[:2] for row in wallets))
    deposits = [row for row in wallets if int(row[1]) > 0]
    transfers = ((transfer, "deposit", at) for _, _, transfer, at in deposits)
    _copy(cursor, "ledger_transfers", ("id", "kind", "created_at"), transfers)
    entries = (
        (transfer, account, amount)
        for user, cents, transfer, _ in deposits
        for account, amount in (("external", f"-{cents}"), (f"wallet:{user}", cents))
    )
    _copy(cursor, "ledger_entries", ("transfer_id", "account", "amount_cents"), entries)


def _read(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The named columns of a CSV file with a header, row by row."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield tuple(row[column] for column in columns)


def _copy(
    cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
