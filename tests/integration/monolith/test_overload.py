"""Bounded waiting: a full pool is shed, a slow statement is cut, a lost database is told."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client

from bench.deployments.local.postgres import PostgresServer
from monolith.common.clock import CLOCK
from monolith.common.database import bounded
from monolith.common.errors import DeadlineExceeded
from tests.integration.monolith.shop import Person, at_once, person, product, run

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def stock_locked(postgres: PostgresServer) -> Iterator[None]:
    """Somebody else's transaction holds every stock row."""
    database = connection.settings_dict["NAME"]
    with psycopg.connect(postgres.admin_dsn, dbname=database) as other:
        other.execute("SELECT * FROM stock FOR UPDATE")
        yield


def test_a_statement_that_takes_too_long_is_504_and_undone(postgres: PostgresServer) -> None:
    buyer, tea = person(1000), product(100)
    with stock_locked(postgres):
        started = time.monotonic()
        answer = buyer.buy((tea, 1), key="k")
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    assert time.monotonic() - started < 3.5
    assert buyer.buy((tea, 1), key="k").status == 201


def test_who_finds_the_pool_full_is_shed(postgres: PostgresServer) -> None:
    buyers, tea = [person(1000) for _ in range(24)], product(100)
    # The threads' own connections: this one's is kept for the assertions.
    with stock_locked(postgres):
        answers = at_once(24, lambda index: buyers[index].buy((tea, 1)))
    codes = Counter(answer.code for answer in answers)
    assert codes["deadline_exceeded"] >= 10
    assert codes["overloaded"] >= 8
    shed = next(answer for answer in answers if answer.status == 503)
    assert shed.headers["Retry-After"] == "1"


def test_who_waited_too_long_for_a_thread_is_shed_and_operators_are_not() -> None:
    tea = product(100)
    CLOCK.waited_seconds = 1.1
    try:
        late = Person().get(f"/products/{tea}")
        live = Client().get("/live")
    finally:
        CLOCK.waited_seconds = 0.0
    assert (late.status, late.code) == (503, "overloaded")
    assert late.headers["Retry-After"] == "1"
    assert live.status_code == 200
    assert Person().get(f"/products/{tea}").status == 200


def test_the_deadline_counts_from_the_arrival() -> None:
    CLOCK.waited_seconds = 0.2
    CLOCK.start(0.3)
    try:
        assert CLOCK.deadline - CLOCK.started == pytest.approx(0.1)
    finally:
        CLOCK.stop()
        CLOCK.waited_seconds = 0.0


def test_a_connection_that_was_cut_is_503_and_the_next_request_works(
    postgres: PostgresServer,
) -> None:
    buyer, tea = person(1000), product(100)
    database = connection.settings_dict["NAME"]
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
        )
    lost = Person().get(f"/products/{tea}")
    assert (lost.status, lost.code) == (503, "dependency_unavailable")
    connections.close_all()
    assert buyer.buy((tea, 1)).status == 201


def test_time_that_is_left_bounds_a_statement() -> None:
    CLOCK.start(0.2)
    try:
        with connection.execute_wrapper(bounded):
            run("SELECT pg_sleep(0.25)")
            with pytest.raises(DeadlineExceeded):
                run("SELECT 1")
        assert CLOCK.db_seconds > 0.2
    finally:
        CLOCK.stop()
