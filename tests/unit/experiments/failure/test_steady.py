"""The hypothesis before a fault: an unhealthy shop is found out, and then nothing is injected."""

import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import pytest

from bench.engine.conducted_load import with_skipped
from bench.experiments.failure.measure import judged
from bench.experiments.failure.spec import Step, Tolerance, load_spec
from bench.experiments.failure.steady import SteadyState
from bench.experiments.failure.stretch import Course
from bench.load.plan import Result, Visit
from bench.results.journal import Gate
from tests.unit.report.factory import Plan, trial_entry


@pytest.fixture
def broken_shop() -> Iterator[str]:
    """A server that answers 500 to everything."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def steady_state(url: str, *, ready: bool) -> SteadyState:
    deployment: Any = SimpleNamespace(base_url=url, ready=lambda: ready)
    return SteadyState(deployment, "token", "a product", load_spec("quick").steady_state)


def test_what_does_not_hold_is_named(broken_shop: str) -> None:
    health = steady_state(broken_shop, ready=False).look()
    assert not health.steady
    assert health.values["served"] == 0.0
    assert {text.partition(" ")[0] for text in health.broken} == {"ready", "served"}


def test_nobody_there_is_unsteady_and_not_an_error() -> None:
    assert not steady_state("http://127.0.0.1:9", ready=True).look().steady


def test_a_fault_is_never_injected_into_an_unsteady_shop(broken_shop: str) -> None:
    class Forbidden:
        def inject(self, _: object) -> None:
            raise AssertionError("injected")

    nemesis: Any = Forbidden()
    course = Course(Step("crash", "orders"), 0.0, steady_state(broken_shop, ready=True), nemesis)
    course.take(Future[Result](), perf_counter())
    assert course.marks.injected is None
    assert course.marks.unsteady


@pytest.mark.parametrize(("steady", "status"), [(0.0, "invalid"), (1.0, "flagged")])
def test_an_unsteady_start_is_invalid_and_skipped_requests_of_a_fault_are_not(
    steady: float, status: str
) -> None:
    trial = trial_entry(
        Plan(), trial_id="t", experiment="failure:1", block=0, position=0, deployment="monolith",
        mix="journeys", offered_rps=20.0, status="valid", usage={}, facts={"steady_before": steady},
    )  # fmt: skip
    failed = Gate("skipped", 4.0, 0.0, "requests", "fail")
    trial = replace(trial, gates=(failed,))
    assert judged(trial, faulted=True).status == status
    assert judged(trial, faulted=False).status == "invalid"  # a control must not fail


def test_a_tolerance_holds_up_to_its_ends() -> None:
    both = Tolerance("served", at_least=0.9, at_most=1.0)
    assert [both.holds(v) for v in (0.89, 0.9, 1.0, 1.01)] == [False, True, True, False]


def test_a_visit_without_a_session_is_a_row_and_the_counts_still_add_up() -> None:
    visits = [Visit(0.1 * n, "top_up", n) for n in range(3)]
    result = Result(
        started_monotonic=0.0, due_s=[0.0, 0.05, 0.2, 0.25], sent_s=[0.0] * 4, done_s=[0.3] * 4,
        status=[200] * 4, bytes=[1] * 4, operation=["order"] * 4, journey=["buy"] * 4,
        error=[""] * 4, visit=[0, 0, 2, 2], server_timing=[""] * 4, planned=6, skipped=2,
        abandoned=0, unfinished=0, cpu_seconds=0.0, cpu_window_s=1.0, drained_s=1.0, pacer="",
        samples=[],
    )  # fmt: skip
    found, missing = with_skipped(result, visits)
    assert missing == 1
    assert found.visit == [0, 0, 1, 2, 2]
    assert found.error == ["", "", "skipped", "", ""]
    assert found.planned - found.abandoned - found.skipped == len(found.due_s)
