"""Running SQL that is written by hand where the ORM would cost a round trip or a query of its own.

Integers go through `Int8`: psycopg names the smallest type that fits a value, and every new
combination of types would be prepared anew by the server.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from psycopg.types.numeric import Int8

Row = tuple[Any, ...]
Parameters = Sequence[Any] | dict[str, Any]

__all__ = ["Int8", "bigints", "execute", "fetch_all", "fetch_one", "release_connection"]


def fetch_one(statement: str, parameters: Parameters = ()) -> Row | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: Row | None = cursor.fetchone()
        return row


def fetch_all(statement: str, parameters: Parameters = ()) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[Row] = cursor.fetchall()
        return rows


def execute(statement: str, parameters: Parameters = ()) -> int:
    """Run a statement; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def bigints(values: Iterable[int]) -> list[Int8]:
    return [Int8(value) for value in values]


def release_connection() -> None:
    """Give the connection back before something slow that needs none; the next call gets one."""
    if not connection.in_atomic_block:
        connection.close()
