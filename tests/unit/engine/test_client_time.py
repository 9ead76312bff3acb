"""The client's own time, against a real server that answers at once."""

from __future__ import annotations

from bench.engine.client_time import client_time_ms
from bench.load.generator import LoadProcess


def test_a_server_that_answers_at_once_shows_what_the_client_takes_itself() -> None:
    with LoadProcess() as load:
        assert 0.01 < client_time_ms(load, ()) < 50.0
