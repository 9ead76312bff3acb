"""Greenlets that make visits, kept for the next: to start one for each costs as much as to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent import get_hub, getcurrent


class Crew:
    """Does each task handed to it in a greenlet of its own; never makes the giver wait."""

    def __init__(self, work: Callable[..., None]) -> None:
        self.busy: set[gevent.Greenlet] = set()  # others may be put in, to be waited for
        self._work = work
        self._idle: list[gevent.Greenlet] = []
        self._dismissed = False
        self._hub = get_hub()

    def hand(self, *task: Any) -> None:
        """Begin `work(*task)` at the hub's next turn."""
        if self._idle:
            self._hub.loop.run_callback(self._idle.pop().switch, task)
        else:
            gevent.spawn(self._serve, task)

    def dismiss(self, patience_s: float) -> int:
        """Wait for the work to end; what is left gets a TimeoutError. Returns how much that was."""
        gevent.sleep(0)  # let what was handed over begin
        self._dismissed = True
        gevent.joinall(list(self.busy), timeout=patience_s)
        left = list(self.busy)
        gevent.killall(left, exception=TimeoutError, timeout=1.0)
        gevent.killall(self._idle, timeout=1.0)
        self._idle.clear()
        return len(left)

    def _serve(self, task: tuple[Any, ...]) -> None:
        me = getcurrent()
        while True:
            self.busy.add(me)
            try:
                self._work(*task)
            finally:
                self.busy.discard(me)
            if self._dismissed:
                return
            self._idle.append(me)
            task = self._hub.switch()
