"""Connections that wait 5 s for the head of a request, and not the 75 s that an idle one may last.

aiohttp has one timeout for both. Bodies have their time in `bodies.py`.
"""

import asyncio
from typing import Any

from aiohttp import web

HEAD_SECONDS = 5.0


class Connection(web.RequestHandler):
    """aiohttp's connection, closed when a head is not whole 5 s after its first bytes."""

    __slots__ = ("_head_timer",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Still waiting for a request after these bytes: they were a part of its head."""
        super().data_received(data)
        # How aiohttp itself tells an idle connection; it shows this nowhere else. The first bytes
        # may come before it has begun to wait.
        waiting = self._waiter is not None and not self._waiter.done()
        in_head = waiting or self._request_count == 0
        if in_head and self._head_timer is None:
            self._head_timer = self._loop.call_later(HEAD_SECONDS, self.force_close)
        elif not in_head and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
