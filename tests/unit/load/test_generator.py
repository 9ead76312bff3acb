"""The load process end to end, against a server that answers like the shop."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import pyarrow as pa
import pytest

from bench.load.generator import (
    ClosedLoop,
    LoadError,
    LoadProcess,
    Target,
    result_rows,
    server_times,
)
from bench.load.mixes import JOURNEYS
from bench.load.plan import Result, Visit
from bench.load.schedule import Schedule, ScheduleSpec, build_schedule
from bench.results.journal import ROW_SCHEMA
from tests.unit.load.echo_server import example_of

Calm = Any  # of conftest.py: whether the machine was ours

TOKENS = [f"token-{number}" for number in range(10)]


def replay(load: LoadProcess, url: str, schedule: Schedule, **options: float) -> Result:
    spec = schedule.spec
    window = (spec.measured_from_s, spec.measured_to_s)
    return load.run_open(Target(url, TOKENS), schedule.visits, window, **options)


def times_ms(rows: pa.Table, first: str, second: str) -> np.ndarray:
    return (np.asarray(rows.column(second)) - np.asarray(rows.column(first))) * 1000


def test_every_arrival_is_sent_once_and_answered(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("mixed", 200.0, 4, 0.1, 0.2, 1.5))
    result = replay(load, serve(), schedule)
    rows = result_rows(result)
    assert rows.schema.equals(ROW_SCHEMA)
    assert result.planned == schedule.planned == rows.num_rows
    assert (result.skipped, result.abandoned, result.unfinished) == (0, 0, 0)
    assert set(rows.column("error").to_pylist()) == {""}
    sent = {(row["visit"], row["operation"]) for row in rows.to_pylist()}
    assert sent == {
        (number, name)
        for number, visit in enumerate(schedule.visits)
        for name in JOURNEYS[visit.journey]
    }


def test_first_steps_keep_the_schedules_due_times_and_later_ones_are_due_when_sent(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("checkout", 60.0, 4, 0.0, 0.1, 1.0))
    rows = result_rows(replay(load, serve(), schedule)).to_pylist()
    for number, visit in enumerate(schedule.visits):
        steps = [row for row in rows if row["visit"] == number]
        assert steps[0]["due_s"] == pytest.approx(visit.due_s, abs=1e-5)
        for before, after in zip(steps, steps[1:], strict=False):
            assert after["due_s"] == after["sent_s"] >= before["done_s"] - 1e-4
        assert all(row["due_s"] <= row["sent_s"] <= row["done_s"] for row in steps)


def test_unexpected_answers_are_failures_and_end_the_visit(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("checkout", 60.0, 4, 0.0, 0.1, 0.5))
    result = replay(load, serve("--status", "409", "--body", '{"code": "x"}'), schedule)
    assert set(result.error) == {"status 409 x"}
    assert len(result.due_s) == len(schedule.visits)
    assert result.abandoned == schedule.planned - len(schedule.visits)


def test_a_body_of_the_wrong_shape_is_a_failure(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 60.0, 4, 0.0, 0.1, 0.5))
    assert set(replay(load, serve("--body", '{"id": 1}'), schedule).error) == {"shape"}


def test_no_server_is_a_failure_of_every_request_not_of_the_trial(load: LoadProcess) -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 60.0, 4, 0.0, 0.1, 0.5))
    result = replay(load, "http://127.0.0.1:7699", schedule)
    assert set(result.error) == {"refused"}
    assert set(result.status) == {0}
    assert len(result.due_s) == schedule.planned


def test_a_visit_that_finds_no_free_customer_is_skipped_and_counted(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 200.0, 4, 0.0, 0.0, 1.0))
    result = replay(load, serve("--delay-ms", "200"), schedule, max_users=4, users_ahead=0)
    assert result.skipped > 0
    assert result.skipped + len(result.due_s) == result.planned == schedule.planned


def test_what_is_not_answered_when_draining_ends_is_a_timeout_never_dropped(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    url = serve("--delay-ms", "30000")
    visits = [Visit(0.0, "wallet_read", 0)]
    result = load.run_open(Target(url, TOKENS), visits, (0.0, 0.2), drain_s=0.5)
    assert (result.unfinished, result.error) == (1, ["timeout"])
    assert result.done_s[0] > 0.5


def test_a_closed_loop_keeps_so_many_clients_busy_until_the_end(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 50.0, 4, 0.0, 0.0, 1.0))
    target = Target(serve("--delay-ms", "20"), TOKENS)
    result = load.run_closed(target, schedule.visits, ClosedLoop(4, 0.2, 1.0))
    # Little's law: 4 clients of 20 ms each make at most 200 requests a second
    assert 80 < len(result.due_s) / 1.2 <= 204
    assert min(result.due_s) >= 0
    assert set(result.error) == {""}


def test_a_closed_loop_of_so_many_visits_ends_when_they_are_made(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    schedule = build_schedule(ScheduleSpec("order", 50.0, 4, 0.0, 0.0, 1.0))
    start = time.monotonic()
    result = load.run_closed(
        Target(serve(), TOKENS), schedule.visits, ClosedLoop(2, 0.0, 60.0, max_visits=75)
    )
    assert len(result.due_s) == 75
    assert set(result.error) == {""}  # every idempotency key was new
    assert time.monotonic() - start < 30


def test_the_load_process_says_what_went_wrong_and_lives_on(load: LoadProcess) -> None:
    with pytest.raises(LoadError, match="no visits"):
        load.run_open(Target("http://127.0.0.1:7699", TOKENS), [], (0.0, 1.0))
    visits = [Visit(0.0, "nothing", 0)]
    with pytest.raises(LoadError, match="KeyError"):
        load.run_open(Target("http://127.0.0.1:7699", TOKENS), visits, (0.0, 0.1))
    visits = [msgspec.structs.replace(visits[0], journey="wallet_read")]
    assert load.run_open(Target("http://127.0.0.1:7699", TOKENS), visits, (0.0, 0.1)).planned == 1


def test_a_visit_that_dies_inside_the_load_is_missed_by_the_count(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    """Nobody has a token: no row, no step abandoned, and yet they were planned."""
    visits = [Visit(0.0, journey, 1) for journey in ("wallet_read", "product_read")]
    result = load.run_open(Target(serve(), []), visits, (0.0, 0.2))
    assert (result.planned, len(result.due_s), result.abandoned, result.skipped) == (2, 1, 0, 0)


def test_an_order_that_is_pending_abandons_its_cancellation(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    pending = json.dumps({**json.loads(example_of("order")[1]), "status": "pending"})
    visits = [Visit(0.0, "buy_and_cancel", 1)]
    result = load.run_open(Target(serve("--body", pending), TOKENS), visits, (0.0, 0.3))
    assert (result.planned, result.operation) == (3, ["order", "order_read"])
    assert (result.abandoned, set(result.error)) == (1, {""})


def test_a_load_process_that_died_is_reported() -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 20.0, 4, 0.0, 0.0, 0.2))
    with LoadProcess() as load:
        child = psutil.Process(load.pid)
        child.kill()
        psutil.wait_procs([child], timeout=0.2)  # sometimes dead before it is written to
        with pytest.raises(LoadError, match="died|failed"):
            replay(load, "http://127.0.0.1:7699", schedule)


def test_the_load_process_never_outlives_its_parent(tmp_path: Path) -> None:
    """Its parent is killed in the middle of a trial."""
    code = """
import sys
from bench.load.generator import LoadProcess, Target
from bench.load.plan import Visit
load = LoadProcess()
load.start()
print(load.pid, flush=True)
visits = [Visit(60.0, "wallet_read", 0)]
load.run_open(Target("http://127.0.0.1:7699", ["t"]), visits, (0.0, 60.0))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(2)  # let the trial begin
    parent.kill()
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("header", "app", "db"),
    [
        ("app;dur=12.5, db;dur=3.25", 12.5, 3.25),
        ("app;dur=2", 2.0, math.nan),
        ("users;dur=9, app;dur=4.0, db;dur=1, db;dur=2", 4.0, 3.0),
        ("myapp;dur=4", math.nan, math.nan),
        ("", math.nan, math.nan),
    ],
)
def test_server_timing_is_taken_apart(header: str, app: float, db: float) -> None:
    assert server_times(header) == pytest.approx((app, db), nan_ok=True)


@pytest.mark.alone
@pytest.mark.slow
def test_client_and_server_agree_on_an_echo(
    load: LoadProcess, serve: Callable[..., str], calm: Calm
) -> None:
    """The server states its own time; what the client adds is below 0.5 ms at the median.

    Where the machine is slow: below twice what a blocking socket's exchange costs on it.
    """
    schedule = build_schedule(ScheduleSpec("product_read", 200.0, 4, 0.1, 0.2, 1.0))
    url = serve("--delay-ms", "5")

    def added_ms() -> float:
        rows = result_rows(replay(load, url, schedule))
        own = np.asarray(rows.column("app_ms"), dtype=float)
        return float(np.median(times_ms(rows, "sent_s", "done_s") - own))

    # What one exchange costs here for any client is the control, taken in turns, as the machine
    # changes within seconds.
    turns = [
        (calm.measure(added_ms), calm.measure(lambda: bare_exchange_ms(url))) for _ in range(5)
    ]
    added = float(np.median([one for one, _ in turns]))
    times_bare = float(np.median([one / bare for one, bare in turns]))
    assert added > 0
    assert added < 0.5 or times_bare < 2.0, turns


def bare_exchange_ms(url: str) -> float:
    """Median of what a blocking socket adds to the server's own time, at the same pace."""
    host, _, port = url.removeprefix("http://").partition(":")
    wire, added = b"GET /api/v1/wallet HTTP/1.1\r\nHost: shop\r\n\r\n", []
    with socket.create_connection((host, int(port))) as client:
        for _ in range(200):
            sent = time.perf_counter()
            client.sendall(wire)
            app_ms, _ = server_times(client.recv(65_536).decode())
            added.append((time.perf_counter() - sent) * 1000 - app_ms)
            time.sleep(0.005)
    return float(np.median(added))


@pytest.mark.slow
def test_a_frozen_second_is_seen_by_all_who_arrived_in_it(
    load: LoadProcess, serve: Callable[..., str]
) -> None:
    """200 rps for 8 s with 1 s of silence: an eighth of the arrivals wait, on average half of it.

    So half of these wait 0.5 s and p90 of all is 1 s - 0.10 x 8 s. A closed loop would report a few
    milliseconds. The first to wait tells how long the silence was, the last one how long the queue
    took to drain; a slow machine makes both longer.
    """
    spec = ScheduleSpec("product_read", 200.0, 4, 0.0, 0.0, 8.0, gaps="uniform")
    schedule = build_schedule(spec)
    rows = result_rows(replay(load, serve("--freeze-after", "3"), schedule))
    due, done = (np.asarray(rows.column(name)) * 1000 for name in ("due_s", "done_s"))
    response = done - due
    first = response.argmax()
    silence = response[first]
    silent = (due >= due[first]) & (due < done[first])
    drain = done[silent].max() - done[first]
    assert silence > 980
    assert silent.sum() == pytest.approx(200 * silence / 1000, abs=2)
    assert silence / 2 - 10 < np.median(response[silent]) < silence / 2 + drain + 10
    assert np.quantile(response, 0.90) > silence - 800 - 10


@pytest.mark.alone
@pytest.mark.slow
def test_an_m_d_1_queue_waits_as_long_as_theory_says(
    load: LoadProcess, serve: Callable[..., str], calm: Calm
) -> None:
    """Pollaczek-Khinchine, constant service s: mean response = s + s rho / (2 (1 - rho)).

    The server states how long each request really held it: a shared core's timer is not constant
    to the millisecond. HTTP does not hold it; what that adds is taken from the idle server.
    """
    url, rate = serve("--service-ms", "12"), 45.0
    spec = ScheduleSpec("product_read", rate, 8, 0.0, 0.0, 25.0)
    idle = build_schedule(replace(spec, offered_rps=8.0, measured_s=4.0, gaps="uniform"))
    schedule = build_schedule(spec)

    idle_http_ms: list[float] = []

    def against_theory() -> float:
        alone = result_rows(replay(load, url, idle))
        http = float(np.median(times_ms(alone, "due_s", "done_s") - held_ms(alone)))
        idle_http_ms.append(http)
        rows = result_rows(replay(load, url, schedule))
        arrivals, held = np.asarray(rows.column("due_s")) * 1000, held_ms(rows)
        # these very arrivals stand for the law: theory is their limit
        service = float(held.mean())
        rho = rate * service / 1000
        theory = service + service * rho / (2 * (1 - rho))
        assert lindley_ms(arrivals, np.full(len(held), service)) == pytest.approx(theory, rel=0.25)
        seen = float(np.mean(times_ms(rows, "due_s", "done_s")))
        return seen / (lindley_ms(arrivals, held) + http)

    assert calm.measure(against_theory) == pytest.approx(1.0, abs=0.10)
    assert idle_http_ms[-1] < 2.5


def held_ms(rows: pa.Table) -> np.ndarray:
    """How long each request held the one server, as it says itself."""
    return np.asarray(rows.column("db_ms"), dtype=float)


def lindley_ms(arrivals: np.ndarray, service: np.ndarray) -> float:
    """Mean response time of one server, arrival by arrival."""
    free, response = 0.0, []
    for arrival, held in zip(arrivals, service, strict=True):
        free = max(free, arrival) + held
        response.append(free - arrival)
    return float(np.mean(response))


def test_a_load_whose_stop_file_is_there_begins_no_further_visit(
    load: LoadProcess, serve: Callable[..., str], tmp_path: Path
) -> None:
    schedule = build_schedule(ScheduleSpec("product_read", 100.0, 4, 0.0, 0.0, 30.0))
    stop, target = tmp_path / "stop", Target(serve(), TOKENS)
    timer = threading.Timer(1.5, stop.touch)
    timer.start()
    result = load.run_open(target, schedule.visits, (0.0, 30.0), stop_file=str(stop))
    timer.join()
    assert max(result.due_s) < 10.0
    assert len(result.due_s) == result.planned < schedule.planned
    assert set(result.error) == {""}
