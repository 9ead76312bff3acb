"""Gunicorn's threaded worker with habits of its own: see `gunicorn` for the drain."""

import threading
from time import perf_counter
from typing import Any

from django.conf import settings
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker

from monolith.common import drain
from monolith.common.clock import CLOCK


class ShopWorker(ThreadWorker):
    def enqueue_req(self, conn: Any) -> None:
        conn.enqueued = perf_counter()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """In a thread: its clock learns how long the request waited for one, unseen by the app."""
        CLOCK.waited_seconds = perf_counter() - conn.enqueued
        return super().handle(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Wait, if signalled before the arbiter has drained (a signal to the whole group).

        Otherwise the worker would stop accepting while the listener is still open, and what
        queues on the listener would be reset.
        """
        if drain.is_listener_closing():
            super().handle_exit(sig, frame)
            return
        timer = threading.Timer(settings.SHOP.drain_seconds, super().handle_exit, (sig, frame))
        timer.daemon = True
        timer.start()

    def set_accept_enabled(self, enabled: bool) -> None:
        """On stopping, take what queues on the listener and close it at once.

        Gunicorn closes it when the last request is done; who connects until then is reset.
        """
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        for listener in self.sockets:
            connections = -1
            while connections != self.nr_conns:
                connections = self.nr_conns
                self.accept(listener)
            listener.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """A transfer coding nobody knows is the client's error (400), not a 501 of ours."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("TRANSFER-ENCODING")
        super().handle_error(req, client, addr, exc)
