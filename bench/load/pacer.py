"""Waiting for a point in time without holding up the gevent hub.

timerfd is 0.05 ms late at the median; `gevent.sleep` is 0.3-0.6 ms late, because libev rounds
to its own loop time. Times are `time.perf_counter()` (CLOCK_MONOTONIC on Linux).
"""

from __future__ import annotations

import ctypes
import os
import sys
from time import perf_counter
from typing import Protocol

import gevent
from gevent import get_hub, getcurrent

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_READ_EVENT = 1


class Pacer(Protocol):
    """Waits; other greenlets run meanwhile, also when the time has already passed."""

    name: str

    def wait_until(self, when: float) -> None:
        """Return at `when`, or after one turn of the hub if that has passed."""

    def close(self) -> None:
        """Give back what the pacer holds."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdPacer:
    """A kernel timer whose descriptor the hub watches."""

    name = "timerfd"

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._hub = get_hub()
        self._watcher = self._hub.loop.io(self._fd, _READ_EVENT)
        self._setting = _Itimerspec()

    def wait_until(self, when: float) -> None:
        if when <= perf_counter():
            gevent.sleep(0)
            return
        value = self._setting.value
        value.seconds = int(when)
        value.nanoseconds = int((when - int(when)) * 1e9)
        settime = self._libc.timerfd_settime
        if settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._setting), None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")
        # Not read afterwards: to set it anew takes back that it has expired.
        self._watcher.start(getcurrent().switch)
        try:
            self._hub.switch()
        finally:
            self._watcher.stop()

    def close(self) -> None:
        self._watcher.close()
        os.close(self._fd)


class SleepPacer:
    """`gevent.sleep`, where there is no timerfd."""

    name = "gevent.sleep"

    def wait_until(self, when: float) -> None:
        gevent.sleep(max(0.0, when - perf_counter()))

    def close(self) -> None:
        """Nothing is held."""


def make_pacer() -> Pacer:
    """The best pacer this system has."""
    if sys.platform == "linux":
        return TimerfdPacer()
    return SleepPacer()
