"""Something is done while a load runs; the load ends with it, and an error ends both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

import pytest

from bench.engine.conducted_load import ConductedLoad, sleep_until
from bench.load.generator import LoadProcess, Target
from bench.load.plan import Result
from bench.load.schedule import ScheduleSpec, build_schedule
from tests.unit.load.conftest import serve as serve

VISITS = build_schedule(ScheduleSpec("product_read", 100.0, 4, 0.0, 0.0, 30.0)).visits


@dataclass
class Waits:
    """A course that takes so long, and then fails if it is to."""

    seconds: float
    failure: Exception | None = None

    def take(self, load: Future[Result], begun: float) -> None:
        assert sleep_until(begun + self.seconds, load)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def load() -> Iterator[LoadProcess]:
    with LoadProcess() as process:
        yield process


def test_a_load_that_stops_ends_with_its_course(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    conducted = ConductedLoad(load, Waits(0.6), stops=True)
    result = conducted.run_open(Target(serve(), ["t"]), VISITS, (0.0, 30.0))
    assert conducted.ended_s is not None
    assert 0.3 < conducted.ended_s < 10.0
    assert max(result.due_s) <= conducted.ended_s + 0.1
    assert (result.skipped, conducted.skipped_visits) == (0, 0)


def test_what_a_course_raises_ends_the_load_and_is_raised(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    conducted = ConductedLoad(load, Waits(0.2, ValueError("the method failed")))
    begun = time.monotonic()
    with pytest.raises(ValueError, match="the method failed"):
        conducted.run_open(Target(serve(), ["t"]), VISITS, (0.0, 30.0))
    assert time.monotonic() - begun < 10.0


def test_waiting_is_over_when_the_load_is() -> None:
    ended: Future[Result] = Future()
    ended.set_result(Result(0.0, [], [], [], [], [], [], [], [], [], []))
    assert not sleep_until(time.perf_counter() + 30.0, ended)
