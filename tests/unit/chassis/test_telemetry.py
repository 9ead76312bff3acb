"""Request ids and Server-Timing."""

import pytest

from microservices.chassis.context import Timings
from microservices.chassis.telemetry import database_seconds, request_id, server_timing


@pytest.mark.parametrize("offered", ["a", "A-1._z", "x" * 64])
def test_a_well_formed_request_id_is_kept(offered: str) -> None:
    assert request_id([offered]) == offered


@pytest.mark.parametrize(
    "offered", [[], [""], ["x" * 65], ["a b"], ["a\n"], ["\N{LATIN SMALL LETTER E WITH ACUTE}"]]
)
def test_any_other_is_replaced(offered: list[str]) -> None:
    made = request_id(offered)
    assert [made] != offered
    assert request_id([made]) == made


@pytest.mark.parametrize("offered", [["a", "b"], ["a", "a"]])
def test_of_several_a_new_one_is_made(offered: list[str]) -> None:
    assert request_id(offered) not in offered


def test_server_timing_names_app_db_and_peers_in_milliseconds() -> None:
    timings = Timings()
    timings.db = 0.0015
    timings.add_peer("stock", 0.001)
    timings.add_peer("stock", 0.002)
    assert server_timing(0.0123, timings) == "app;dur=12.300, db;dur=1.500, stock;dur=3.000"


def test_the_database_time_of_a_peer_is_read_back() -> None:
    assert database_seconds("app;dur=12.300, db;dur=1.500, stock;dur=3.000") == 0.0015
    assert database_seconds(None) == 0.0
    assert database_seconds("app;dur=1") == 0.0
