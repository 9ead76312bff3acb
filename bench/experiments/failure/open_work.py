"""Samples, while a stretch lasts, what the shop should have finished by now and has not.

Work of the last seconds is always open in a shop under load; what is older is inconsistent. The
databases are asked directly, not through the proxy, alike in control and fault.
"""

from __future__ import annotations

import threading
from time import perf_counter
from types import TracebackType
from typing import Any

import psycopg

EVERY_S = 0.5
OLD_S = 2.0  # the objective for settling, see `slo`
_OLD = """
    SELECT (SELECT count(*) FROM audit_orders
            WHERE status NOT IN ('confirmed', 'cancelled', 'rejected')
              AND created_at < clock_timestamp() - interval '2 s')
         + (SELECT count(*) FROM audit_outbox
            WHERE created_at < clock_timestamp() - interval '2 s')
"""


class OpenWork:
    """Orders not final and events not delivered after 2 s. A context manager.

    `samples`: (perf_counter, how many; None: the database could not be read).
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="open work", daemon=True)
        self._connection: psycopg.Connection[Any] | None = None
        self.samples: list[tuple[float, int | None]] = []

    def __enter__(self) -> OpenWork:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10.0)

    def consistent_at(self, since: float) -> float | None:
        """When the last of the old work seen after `since` was done; None: it was not seen done.

        `since` itself if none was seen.
        """
        after = [(at, count) for at, count in self.samples if at >= since]
        found: float | None = since
        for at, count in after:
            if count != 0:
                found = None
            elif found is None:
                found = at
        return found if after else None

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            at = perf_counter()
            try:
                self.samples.append((at, self._count()))
            except psycopg.Error:
                self.samples.append((at, None))
                self._close()
        self._close()

    def _count(self) -> int:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=2,
                options="-c statement_timeout=2000",
            )
        row = self._connection.execute(_OLD).fetchone()
        return int(row[0]) if row else 0

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
