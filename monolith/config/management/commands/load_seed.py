"""`load_seed DIR`: replace the shop's data with that of a seed directory."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

from monolith.config import seed

# Who is logged in to the admin site, and who did what there to rows that are gone.
_OF_DJANGO = ("admin.logentry", "sessions.session")


class Command(BaseCommand):
    help = "Replace the shop's data with that of a seed directory (CSV files), by COPY."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--if-empty", action="store_true", help="leave a database with rows")
        parser.add_argument("--migrate", action="store_true", help="bring it up to date first")

    def handle(
        self, *args: Any, directory: Path, if_empty: bool, migrate: bool, **options: Any
    ) -> None:
        missing = [name for name in seed.FILES if not (directory / name).is_file()]
        if missing:
            raise CommandError(f"{directory} is no seed directory: {', '.join(missing)} missing")
        if migrate:
            call_command("migrate", interactive=False)
        models = [model for model in apps.get_models() if model.__module__.startswith("monolith.")]
        if if_empty and any(model.objects.exists() for model in models):
            self.stdout.write("the shop has data, the seed is not loaded")
            return
        models += [apps.get_model(name) for name in _OF_DJANGO]
        tables = sql.SQL(", ").join(sql.Identifier(model._meta.db_table) for model in models)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
            seed.load(cursor, directory)
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
