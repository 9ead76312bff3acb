"""Connections that wait 5 s for the head of a request, and not the 75 s that an idle one may last.

aiohttp has one timeout for both. Bodies have their time in `bodies.py`.
"""

import asyncio
import time

from aiohttp import web

HEAD_SECONDS = 5.0
SWEEP_SECONDS = 0.5


class Connection(web.RequestHandler):
    """aiohttp's connection, which also knows since when it has a part of a head."""

    __slots__ = ("_head_began",)
    _head_began: float | None

    def data_received(self, data: bytes) -> None:
        """Still waiting for a request after these bytes: they were a part of its head."""
        super().data_received(data)
        # How aiohttp itself tells an idle connection; it shows this nowhere else.
        if self._waiter is None or self._waiter.done():
            self._head_began = None
        elif getattr(self, "_head_began", None) is None:
            self._head_began = time.monotonic()

    def is_late(self, now: float) -> bool:
        """Whether its head should be whole by now."""
        began = getattr(self, "_head_began", None)
        return began is not None and now - began > HEAD_SECONDS


async def close_late(server: web.Server) -> None:
    """Closes late connections, for ever."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = time.monotonic()
        for connection in server.connections:
            if isinstance(connection, Connection) and connection.is_late(now):
                connection.force_close()
