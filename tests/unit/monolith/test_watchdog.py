"""The watchdog cuts the call that is over its time, and no other."""

import socket
from time import perf_counter

from monolith.common.postgres.watchdog import Watchdog


class Call:
    """A database connection as the watchdog sees it: one end of a socket."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.there.settimeout(3)

    def fileno(self) -> int:
        return self.here.fileno()

    def is_cut(self) -> bool:
        try:
            return self.there.recv(1) == b""
        except TimeoutError:
            return False


def test_a_call_over_its_time_is_cut() -> None:
    watchdog, call = Watchdog(), Call()
    watchdog.limit_seconds = 0.1
    watchdog.enter(call, perf_counter())  # type: ignore[arg-type]
    try:
        assert call.is_cut()
    finally:
        watchdog.leave()  # or its thread would go on cutting, and logging, after the tests


def test_a_call_that_ended_is_left_alone() -> None:
    watchdog, call = Watchdog(), Call()
    call.there.settimeout(1.5)
    watchdog.limit_seconds = 0.1
    watchdog.enter(call, perf_counter())  # type: ignore[arg-type]
    watchdog.leave()
    assert not call.is_cut()
