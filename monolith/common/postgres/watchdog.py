"""Ends database calls that the server's own statement_timeout cannot: a network that swallows all.

One thread a process looks at the running calls twice a second and shuts the socket of one that
is far over its time; the thread that waits on it then gets an ordinary connection error.
"""

import logging
import os
import socket
import threading
import time
from time import perf_counter

from psycopg import Connection

INTERVAL_SECONDS = 0.5
# Over statement_timeout, which the server enforces where it can be heard.
GRACE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Watchdog:
    def __init__(self) -> None:
        self._running: dict[int, tuple[float, Connection]] = {}
        self._pid = 0
        self._lock = threading.Lock()

    def enter(self, connection: Connection, started: float) -> None:
        """The calling thread begins to wait for the database."""
        if self._pid != os.getpid():
            self._start()
        self._running[threading.get_ident()] = (started, connection)

    def leave(self) -> None:
        self._running.pop(threading.get_ident(), None)

    def _start(self) -> None:
        # After the fork: threads of the parent do not live on in a worker.
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(INTERVAL_SECONDS)
            now = perf_counter()
            for thread, call in list(self._running.items()):
                started, connection = call
                overdue = now - started > self.limit_seconds + GRACE_SECONDS
                if overdue and self._running.get(thread) is call:
                    self._cut(connection)

    limit_seconds = float("inf")

    @staticmethod
    def _cut(connection: Connection) -> None:
        logger.warning("cutting a database call that is over its time")
        try:
            with socket.socket(fileno=os.dup(connection.fileno())) as copy:
                copy.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it ended by itself in the meantime


WATCHDOG = Watchdog()
