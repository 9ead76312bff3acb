"""Samples, while a trial runs, how old the oldest undelivered event of the shop is.

A few queries a second from a thread of the bench: their CPU here is the bench's (known to the
foreign-CPU gate), their cost in the database (about 0.1 ms each) is the same for every deployment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import psycopg

from bench.deployments.base import Usage
from bench.engine.slo import LagSample
from bench.engine.target import OUTBOX_VIEW, Subject
from bench.load.generator import Target

EVERY_S = 0.2
_OLDEST = f"""
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
    FROM {OUTBOX_VIEW}
""".encode()


class WatchedSubject:
    """A subject whose outbox is sampled from the first reading of its usage until it settles.

    `samples` is None if the outbox could not be read throughout.
    """

    def __init__(self, subject: Subject, dsn: str) -> None:
        self._subject = subject
        self._dsn = dsn
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._samples: list[LagSample] = []
        self._failed = False

    @property
    def name(self) -> str:
        return self._subject.name

    @property
    def target(self) -> Target:
        return self._subject.target

    @property
    def samples(self) -> list[LagSample] | None:
        """The samples, times from the first reading of the usage."""
        return None if self._failed else list(self._samples)

    def usage(self) -> Mapping[str, Usage]:
        usage = self._subject.usage()
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="settle-lag", daemon=True)
            self._thread.start()
        return usage

    def settle(self) -> int | None:
        self.end()
        return self._subject.settle()

    def end(self) -> None:
        """Stop sampling. Again: nothing happens."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        start = time.monotonic()
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                while not self._stop.is_set():
                    row = connection.execute(_OLDEST).fetchone()
                    age = float(row[0]) if row else 0.0
                    self._samples.append(LagSample(time.monotonic() - start, age))
                    self._stop.wait(EVERY_S)
        except psycopg.Error:
            self._failed = True
