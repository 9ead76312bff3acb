"""Several load processes on one schedule: dealt round-robin, one zero, rows put together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import psutil
import pytest

from bench.load.generator import ClosedLoop, LoadError, LoadProcess, Target, result_rows
from bench.load.mixes import JOURNEYS
from bench.load.plan import Plan, Result, Side, Visit
from bench.load.plan_shares import deal, merge
from bench.load.schedule import ScheduleSpec, build_schedule

TOKENS = [f"token-{number}" for number in range(10)]
SPEC = ScheduleSpec("mixed", 150.0, 4, 0.1, 0.2, 1.2)
NOBODY = "http://127.0.0.1:7699"


@pytest.fixture(scope="module", params=[2, 3])
def crowd(request: pytest.FixtureRequest) -> Iterator[LoadProcess]:
    with LoadProcess(workers=request.param) as load:
        yield load


def a_plan(**fields: Any) -> Plan:
    visits = [Visit(number / 10, "wallet_read", number) for number in range(8)]
    side = Side(NOBODY, ["t"], "/api/v1")
    return Plan([side], "open", 0.0, 0.5, visits=visits, **fields)


def a_result(**fields: Any) -> Result:
    made: dict[str, Any] = {
        "started_monotonic": 5.0,
        "due_s": [0.0, 0.5],
        "sent_s": [0.1, 0.6],
        "done_s": [0.2, 0.7],
        "status": [200, 200],
        "bytes": [2, 2],
        "operation": ["wallet_read"] * 2,
        "journey": ["account"] * 2,
        "error": ["", ""],
        "visit": [0, 1],
        "server_timing": ["", ""],
        "planned": 3,
        "skipped": 1,
        "abandoned": 0,
        "unfinished": 0,
        "cpu_seconds": 0.4,
        "cpu_window_s": 1.0,
        "drained_s": 2.0,
        "pacer": "timerfd",
        "samples": [],
    }
    return Result(**made | fields)


def test_a_plan_is_dealt_round_robin() -> None:
    plan = a_plan(users_ahead=8, concurrency=7, max_visits=10, max_users=500)
    parts = deal(plan, 3)
    assert [part.visits for part in parts] == [plan.visits[k::3] for k in range(3)]
    assert [part.users_ahead for part in parts] == [3, 3, 2]
    assert [part.concurrency for part in parts] == [3, 2, 2]
    assert [part.max_visits for part in parts] == [4, 3, 3]
    assert {part.max_users for part in parts} == {500}  # descriptors are bounded per process


def test_one_worker_gets_the_plan_itself() -> None:
    plan, result = a_plan(), a_result()
    assert deal(plan, 1) == [plan]
    assert merge([result], 1, [0]) is result


def test_workers_behind_the_last_visit_get_nothing() -> None:
    plan = a_plan()
    assert len(deal(plan, 20)) == len(plan.visits)
    closed = msgspec.structs.replace(plan, loop="closed", concurrency=2)
    assert len(deal(closed, 3)) == 2


def test_results_are_put_together_in_order_of_due_time() -> None:
    first, second = a_result(), a_result(due_s=[0.25, 0.5], visit=[0, 2], cpu_seconds=0.3)
    whole = merge([first, second], 2, [0, 1])
    assert whole.due_s == [0.0, 0.25, 0.5, 0.5]
    assert whole.visit == [0, 1, 2, 5]  # visit v of worker k is v * 2 + k
    assert (whole.planned, whole.skipped, whole.drained_s) == (6, 2, 2.0)
    assert whole.cpu_seconds == pytest.approx(0.7)


def test_the_cpu_gate_sees_the_busiest_core() -> None:
    results = [a_result(cpu_seconds=seconds) for seconds in (0.4, 0.3, 0.2)]
    assert results[0].generator_cpu == pytest.approx(0.4)
    assert merge(results, 3, [0, 1, 2]).generator_cpu == pytest.approx(0.4)
    assert merge(results, 3, [0, 1, 0]).generator_cpu == pytest.approx(0.6)


def test_one_slow_pacer_is_not_hidden() -> None:
    results = [a_result(), a_result(pacer="gevent.sleep")]
    assert merge(results, 2, [0, 1]).pacer == "gevent.sleep"


def test_all_arrivals_are_sent_once_by_the_workers_together(
    crowd: LoadProcess, serve: Callable[..., str]
) -> None:
    """The server answers a repeated idempotency key with 400: keys differ between workers."""
    schedule = build_schedule(SPEC)
    result = crowd.run_open(Target(serve(), TOKENS), schedule.visits, (0.3, 1.5))
    rows = result_rows(result).to_pylist()
    assert (result.planned, result.skipped, result.unfinished) == (schedule.planned, 0, 0)
    assert {row["error"] for row in rows} == {""}
    sent = sorted((row["visit"], row["operation"]) for row in rows)
    assert sent == sorted(
        (number, name)
        for number, visit in enumerate(schedule.visits)
        for name in JOURNEYS[visit.journey]
    )
    assert [row["due_s"] for row in rows] == sorted(row["due_s"] for row in rows)


def test_the_workers_share_one_zero(crowd: LoadProcess, serve: Callable[..., str]) -> None:
    """All is due at once, and all of them send it then: neighbours are within the machine's lag."""
    visits = [Visit(0.5, "wallet_read", number) for number in range(6)]
    result = crowd.run_open(Target(serve(), TOKENS), visits, (0.0, 0.7))
    assert sorted(result.visit) == list(range(6))
    assert result.due_s == pytest.approx([0.5] * 6)
    assert max(result.sent_s) - min(result.sent_s) < 0.25


def test_a_closed_loop_is_shared_out(crowd: LoadProcess, serve: Callable[..., str]) -> None:
    visits = [Visit(0.0, "wallet_read", number) for number in range(10)]
    target = Target(serve(), TOKENS)
    result = crowd.run_closed(target, visits, ClosedLoop(5, 0.0, 30.0, max_visits=50))
    assert sorted(result.visit) == list(range(50))
    assert set(result.error) == {""}


def test_every_worker_has_a_process_and_a_core_of_its_own() -> None:
    cores = sorted(psutil.Process().cpu_affinity())
    with LoadProcess(workers=2, cpus=cores[:2]) as load:
        assert len(set(load.pids)) == 2
        pinned = [psutil.Process(pid).cpu_affinity() for pid in load.pids]
    assert pinned == [[cores[0]], [cores[1 % len(cores)]]]


def test_a_killed_worker_is_reported_and_the_others_are_ended() -> None:
    schedule = build_schedule(replace(SPEC, measured_s=30.0))
    with LoadProcess(workers=3) as load:
        workers = [psutil.Process(pid) for pid in load.pids]
        killer = threading.Timer(2.5, workers[1].kill)  # in the middle of the trial
        killer.start()
        start = time.monotonic()
        with pytest.raises(LoadError, match="died"):
            load.run_open(Target(NOBODY, TOKENS), schedule.visits, (0.3, 30.3))
        assert time.monotonic() - start < 15
        _, alive = psutil.wait_procs(workers, timeout=5)
        assert not alive
        load.stop()
        load.start()  # as the trial loop does
        assert len(load.pids) == 3


def test_an_error_of_one_worker_is_the_trials() -> None:
    visits = [Visit(0.0, journey, 0) for journey in ("wallet_read", "nothing")]
    with LoadProcess(workers=2) as load, pytest.raises(LoadError, match="KeyError"):
        load.run_open(Target(NOBODY, TOKENS), visits, (0.0, 0.1))


def test_no_visits_and_no_workers_are_refused() -> None:
    with pytest.raises(LoadError, match="less than one"):
        LoadProcess(workers=0)
    with LoadProcess(workers=2) as load, pytest.raises(LoadError, match="no visits"):
        load.run_open(Target(NOBODY, TOKENS), [], (0.0, 0.1))


def test_no_worker_outlives_the_parent() -> None:
    code = """
from bench.load.generator import LoadProcess, Target
from bench.load.mixes import JOURNEYS
from bench.load.plan import Visit
load = LoadProcess(workers=3)
load.start()
print(*load.pids, flush=True)
visits = [Visit(60.0, "wallet_read", number) for number in range(3)]
load.run_open(Target("http://127.0.0.1:7699", ["t"]), visits, (0.0, 60.0))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    time.sleep(2.5)  # let the trial begin
    parent.kill()
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs(workers, timeout=5)
    gone = [not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in workers]
    assert gone == [True] * 3
