"""One alarm for an event loop, 0.05 ms late at the median: a kernel timer the loop watches.

The loops' own timers will not do for hops of 1 or 2 ms: asyncio rounds a wait up to the next
millisecond, and uvloop keeps time in whole ones.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_SOON_S = 20e-6  # a zero would disarm the timer


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """Calls `ring` at the earliest time asked for. Times are `time.monotonic()` in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._set_for = float("inf")
        self._handle: asyncio.TimerHandle | None = None
        self._fd = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
            if self._fd < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create")
            self._setting = _Itimerspec()
            loop.add_reader(self._fd, self._rung)

    def set_for(self, when: float) -> None:
        """Ring at `when` unless it rings before that anyway."""
        if when >= self._set_for:
            return
        self._set_for = when
        if self._fd < 0:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_later(max(0.0, when - monotonic()), self._rung)
            return
        when = max(when, monotonic() + _SOON_S)
        value = self._setting.value
        value.seconds = int(when)
        value.nanoseconds = int((when - int(when)) * 1e9)
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(self._setting), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        """Ring no more."""
        if self._handle is not None:
            self._handle.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _rung(self) -> None:
        if self._fd >= 0:
            try:
                os.read(self._fd, 8)
            except BlockingIOError:  # it was set anew in the same turn of the loop
                return
        self._set_for = float("inf")
        self._ring()
