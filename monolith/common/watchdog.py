"""Ends database calls that the server's own statement_timeout cannot: a network that swallows all.

One thread a process shuts the socket of a request that is over its deadline and still waits for the
database; the thread that waits on it then gets an ordinary connection error.
"""

import logging
import os
import socket
import threading
import time
from time import perf_counter
from typing import Any

from psycopg.pq import TransactionStatus

INTERVAL_SECONDS = 0.5
# Over the deadline, which the server enforces where it can be heard.
GRACE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class Watchdog:
    def __init__(self) -> None:
        self._running: dict[int, tuple[float, Any]] = {}
        self._pid = 0
        self._lock = threading.Lock()

    def enter(self, database: Any, deadline: float) -> None:
        """The calling thread begins a request; `database` is its own connection of Django."""
        if self._pid != os.getpid():
            self._start()
        self._running[threading.get_ident()] = (deadline, database)

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
            for deadline, database in list(self._running.values()):
                if now > deadline + GRACE_SECONDS:
                    cut(database.connection)


def cut(connection: Any) -> None:
    """Shut the socket of a connection whose server has not answered yet."""
    try:
        if connection is None or connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return
        logger.warning("cutting a database call that is over its time")
        with socket.socket(fileno=os.dup(connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError):
        return  # it ended by itself in the meantime
    except Exception:  # whatever happens to one connection, the watch goes on
        logger.exception("a database call could not be cut")


WATCHDOG = Watchdog()
