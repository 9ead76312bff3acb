"""Gunicorn's threaded worker with habits of its own: see `gunicorn` for the drain.

A head and its body have to be whole within 5 s of their first byte. Gunicorn leaves slow clients to
a buffering proxy before it; here there is none, and unfinished requests would keep every thread.
"""

import socket
import threading
from concurrent.futures import Future
from time import monotonic, perf_counter
from typing import Any

from django.conf import settings
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, ThreadWorker

from monolith.common import drain
from monolith.common.clock import CLOCK

REQUEST_SECONDS = 5.0


class ClockedSocket(socket.socket):
    """Ends the connection, as if the client had, when a request is not whole in time."""

    request_ends = float("inf")

    def recv(self, size: int, flags: int = 0) -> bytes:
        left, limit = self.request_ends - monotonic(), self.gettimeout()
        if limit is not None and limit < left:
            return super().recv(size, flags)  # gunicorn's own limit is the stricter one
        try:
            # What has arrived is taken, however late: a request may have waited for a thread.
            self.settimeout(max(left, 0.0))
            return super().recv(size, flags)
        except (TimeoutError, BlockingIOError):
            pass
        finally:
            self.settimeout(limit)
        self.shutdown(socket.SHUT_RDWR)
        return b""


class ShopWorker(ThreadWorker):
    def enqueue_req(self, conn: Any) -> None:
        """Until its first byte a connection waits in the poller, in no thread; then it is timed."""
        if not isinstance(conn.sock, ClockedSocket):
            old = conn.sock
            conn.sock = ClockedSocket(old.family, old.type, old.proto, fileno=old.detach())
            if self.alive:
                nothing_yet: Future[Any] = Future()
                nothing_yet.set_result(_DEFER)
                self.finish_request(conn, nothing_yet)
                return
        conn.sock.request_ends = monotonic() + REQUEST_SECONDS
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
        if drain.stage() == drain.LISTENER_CLOSING:
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
        for conn in self.pending_conns:  # they have asked for nothing: not worth waiting for
            conn.timeout = min(conn.timeout, monotonic() + STOP_KEEPALIVE_LINGER)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """A transfer coding nobody knows is the client's error (400), not a 501 of ours."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("TRANSFER-ENCODING")
        super().handle_error(req, client, addr, exc)
