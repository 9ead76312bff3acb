"""Loads `users.csv` of a seed directory."""

from pathlib import Path

from microservices.chassis.database import Connection
from microservices.chassis.seeding import copy_rows, read_csv

COLUMNS = ("id", "email", "password_hash", "full_name", "staff", "created_at")


async def load_seed(connection: Connection, directory: Path) -> None:
    rows = ([row[column] for column in COLUMNS] for row in read_csv(directory / "users.csv"))
    await copy_rows(connection, "users", COLUMNS, rows)
