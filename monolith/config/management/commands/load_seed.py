"""`load_seed DIR`: replace the shop's data with that of a seed directory."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

from monolith.inventory import seed as inventory
from monolith.orders import seed as orders
from monolith.payments import seed as payments
from monolith.users import seed as users

TABLES = (
    *users.TABLES,
    *inventory.TABLES,
    *payments.TABLES,
    *orders.TABLES,
    "idempotency_keys",
    "django_admin_log",  # who did what to rows that are gone
)
FILES = ("users.csv", "products.csv", "wallets.csv")


class Command(BaseCommand):
    help = "Replace the shop's data with that of a seed directory (CSV files), by COPY."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument(
            "--if-empty", action="store_true", help="leave a database with rows as it is"
        )
        parser.add_argument(
            "--migrate", action="store_true", help="bring the database up to date first"
        )

    def handle(
        self, *args: Any, directory: Path, if_empty: bool, migrate: bool, **options: Any
    ) -> None:
        missing = [name for name in FILES if not (directory / name).is_file()]
        if missing:
            raise CommandError(f"{directory} is no seed directory: {', '.join(missing)} missing")
        if migrate:
            call_command("migrate", interactive=False)
        if if_empty and _has_rows():
            self.stdout.write("the shop has data, the seed is not loaded")
            return
        with transaction.atomic(), connection.cursor() as cursor:
            tables = sql.SQL(", ").join(map(sql.Identifier, TABLES))
            cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
            for app in (users, inventory, payments):
                app.load(cursor, directory)
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("ANALYZE {}").format(tables))
            # A checkpoint takes as long as the disk does, whatever a request may take.
            cursor.execute("SET statement_timeout = 0")
            self._checkpoint(cursor)
            cursor.execute("RESET statement_timeout")

    def _checkpoint(self, cursor: Any) -> None:
        """So that the first minutes of a run do not pay for writing the seed to disk."""
        try:
            cursor.cursor.execute("CHECKPOINT")
        except psycopg.errors.InsufficientPrivilege:
            self.stderr.write("warning: no CHECKPOINT, the role is no member of pg_checkpoint")


def _has_rows() -> bool:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table)))
            if cursor.fetchone():
                return True
    return False
