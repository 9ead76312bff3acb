"""`migrate`: Django's own, one at a time: two starting at once wait for each other."""

from typing import Any

import psycopg
from django.core.management.commands import migrate
from django.db import connection

_LOCK = 0x5348_4F50  # 'SHOP'


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        parameters = connection.get_connection_params()
        for name in ("context", "cursor_factory"):
            parameters.pop(name, None)
        # A connection of its own: the lock must outlast each of the migrations' transactions.
        with psycopg.connect(**parameters, autocommit=True) as lock:
            lock.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            super().handle(*args, **options)
