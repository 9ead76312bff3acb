"""A component that ends by itself is started again at once; held, drained or doomed it is not."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.deployments.local.cgroups import ComponentGroup
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.managed import Managed
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.restarts import MOST_DEATHS, WITHIN_SECONDS, Deaths
from bench.deployments.local.server_processes import ServingProcess

SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
SECONDS = 15.0


@pytest.fixture
def component(tmp_path: Path, unused_tcp_port: int) -> Iterator[Managed]:
    command = (sys.executable, "-c", SERVER, str(unused_tcp_port))
    plan = ProcessPlan("users", unused_tcp_port, ("users",), command, (), {})
    log = tmp_path / "users.log"
    run = ServingProcess(plan, log, Ledger(tmp_path))
    managed = Managed("users", "process", run, log, ComponentGroup([], None))
    managed.start()
    managed.wait_ready()
    yield managed
    managed.drain()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def die(component: Managed) -> ProcessId:
    """kill -9 by somebody whom nobody has asked; returns who has died."""
    process = component.run.process
    assert process is not None
    process.signal(signal.SIGKILL)
    until(lambda: not process.alive())
    return process


def is_another(component: Managed, dead: ProcessId) -> bool:
    return component.run.process != dead and component.condition() == "running"


def test_what_dies_is_started_again_at_once_and_counted(component: Managed) -> None:
    component.keep()
    dead = die(component)
    until(lambda: is_another(component, dead))
    component.wait_ready()
    assert component.info().restarts == 1


def test_what_is_killed_by_the_driver_is_started_again_too(component: Managed) -> None:
    component.keep()
    dead = component.run.process
    assert dead is not None
    component.kill()
    until(lambda: is_another(component, dead))


def test_before_it_is_kept_nobody_starts_it_again(component: Managed) -> None:
    die(component)
    time.sleep(0.4)
    assert component.condition() == "exited"


def test_what_is_held_stays_away_until_it_is_released(component: Managed) -> None:
    component.keep()
    component.hold()
    dead = die(component)
    time.sleep(0.4)
    assert component.condition() == "exited"
    component.release()
    assert is_another(component, dead)
    assert component.info().restarts == 0  # somebody else has started it


def test_a_hold_for_one_reason_is_not_ended_by_another(component: Managed) -> None:
    component.keep()
    component.hold()
    component.hold("rollout")
    die(component)
    component.release("rollout")
    assert component.condition() == "exited"
    component.release()
    assert component.condition() == "running"


def test_what_is_drained_stays_ended(component: Managed) -> None:
    component.keep()
    component.drain()
    time.sleep(0.4)
    assert component.condition() == "exited"
    component.release()  # nobody held it, and nobody wants it
    assert component.condition() == "exited"


def test_a_restart_and_the_supervisor_do_not_both_start_it(component: Managed) -> None:
    component.keep()
    for _ in range(3):
        component.restart()
    mine = component.run.process
    time.sleep(0.4)
    assert component.run.process == mine
    assert component.info().restarts == 0


def test_what_dies_too_often_has_failed_until_somebody_looks_after_it(component: Managed) -> None:
    component.keep()
    for _ in range(MOST_DEATHS - 1):
        dead = die(component)
        until(lambda dead=dead: is_another(component, dead))  # type: ignore[misc]
    die(component)
    until(lambda: component.condition() == "failed")
    component.release()
    assert component.condition() == "running"
    assert component.info().restarts == MOST_DEATHS - 1


def test_deaths_far_apart_are_never_too_many() -> None:
    deaths = Deaths()
    assert all(deaths.one_more(number * WITHIN_SECONDS / 3) for number in range(20))
    assert [deaths.one_more(1000.0 + number) for number in range(MOST_DEATHS)][-1] is False
