"""The watchdog cuts the call of a request that is over its time, and no other."""

import socket
from time import perf_counter
from types import SimpleNamespace

import pytest
from psycopg.pq import TransactionStatus

from monolith.common.watchdog import Watchdog


class Database:
    """A database connection as the watchdog sees it: one end of a socket, at work or not."""

    def __init__(self, status: TransactionStatus = TransactionStatus.ACTIVE) -> None:
        self.here, self.there = socket.socketpair()
        self.there.settimeout(2)
        self.connection = SimpleNamespace(
            fileno=self.here.fileno, pgconn=SimpleNamespace(transaction_status=status)
        )

    def is_cut(self) -> bool:
        try:
            return self.there.recv(1) == b""
        except TimeoutError:
            return False


def test_a_call_over_its_time_is_cut() -> None:
    watchdog, database = Watchdog(), Database()
    watchdog.enter(database, perf_counter() - 1)
    try:
        assert database.is_cut()
    finally:
        watchdog.leave()  # or its thread would go on cutting, and logging, after the tests


@pytest.mark.parametrize("status", [TransactionStatus.IDLE, TransactionStatus.INTRANS])
def test_a_connection_that_waits_for_nothing_is_left_alone(status: TransactionStatus) -> None:
    watchdog, database = Watchdog(), Database(status)
    watchdog.enter(database, perf_counter() - 1)
    try:
        assert not database.is_cut()
    finally:
        watchdog.leave()


def test_a_request_that_ended_is_left_alone() -> None:
    watchdog, database = Watchdog(), Database()
    watchdog.enter(database, perf_counter() - 1)
    watchdog.leave()
    assert not database.is_cut()
