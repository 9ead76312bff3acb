"""A side makes visit k when it is its turn: what the files of users do in it, as in Locust."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.load.generator import LoadError, LoadProcess, Target
from bench.load.plan import TurnRows
from bench.stats.turns import Answer, Start, name_ratios
from tests.unit.experiments.own_pair.conftest import FILES, SEED, Begin
from tests.unit.load.own_server import serving


def names(turns: list[TurnRows]) -> list[list[str]]:
    return [[row[5] for row in turn.rows] for turn in turns]


def counted(turns: list[TurnRows]) -> Counter[str]:
    return Counter(name for each in names(turns) for name in each)


def test_two_sides_make_the_same_visits(side: Begin) -> None:
    one, other = side("many_names"), side("many_names")
    assert names(one(30)) == names(other(30))


def test_a_pause_inside_a_task_is_no_response_time(side: Begin) -> None:
    (turn,) = side("pauses")(1)
    assert names([turn]) == [["/first", "/second"]]
    for _, sent, done, *_ in turn.rows:
        assert done - sent < 0.15
    assert turn.took_s > 0.2


def test_classes_come_in_locusts_proportions_and_silent_visits_are_seen(side: Begin) -> None:
    turns = side("fixed_count", users=5)(100)  # one clerk, four customers
    counts = counted(turns)
    silent = sum(not turn.requests for turn in turns)
    assert counts["/look"] + counts["/clerk"] + silent == 100
    assert 65 <= counts["/look"] <= 95
    assert counts["/clerk"] <= 7
    assert silent > 0


def test_modules_are_whole_on_each_side_and_a_list_too_short_is_named(side: Begin) -> None:
    for _ in range(2):
        assert counted(side("imported_state/takes_names", users=20)(3)) == {"account": 3}
    with pytest.raises(LoadError) as short:
        side("imported_state/takes_names", users=30)
    assert "takes_names.py:7: IndexError: pop from empty list" in short.value.message
    assert "`self.name = NAMES.pop()`" in short.value.message


def test_a_visit_of_a_task_set_is_one_task_of_it(side: Begin) -> None:
    turns = side("nested", users=4)(60)
    assert set(counted(turns)) == {"/item", "/poll"}
    assert max(turn.requests for turn in turns) == 1
    assert any(not turn.requests for turn in turns)  # those that only left


def test_on_start_of_a_sequence_comes_once_an_instance(side: Begin) -> None:
    counts = counted(side("sequence", users=3)(40))
    assert counts["login"] == 3
    assert abs(counts["/look"] - counts["/buy"]) <= 3


def test_the_files_own_arguments_and_the_runner_are_there(side: Begin) -> None:
    assert counted(side("arguments")(2)) == {"home of acme": 2}
    assert counted(side("arguments", arguments=("--tenant", "x"))(2)) == {"home of x": 2}
    assert counted(side("data_file")(2)) == {"account": 2}


def test_names_that_differ_late_are_two(side: Begin) -> None:
    found = counted(side("long_names")(20))
    assert len(found) == 2
    assert all(len(name) > 60 for name in found)


def test_requests_to_another_host_are_left_out_and_counted(side: Begin) -> None:
    turns = side("two_hosts")(3)
    assert counted(turns) == {"/home": 3}
    assert [turn.elsewhere for turn in turns] == [1, 1, 1]


def test_both_kinds_of_users_and_failures_that_the_file_marks(side: Begin) -> None:
    turns = side("rest_and_upload")(20)
    assert set(counted(turns)) == {"/thing", "/files"}
    errors = {(row[5], row[7]) for turn in turns for row in turn.rows}
    assert errors == {("/thing", "no id"), ("/files", "")}


def test_a_slow_on_start_is_waited_for_however_many_users_there_are(side: Begin) -> None:
    assert counted(side("slow_start", users=40)(1)) == {"/home": 1}


def test_an_error_of_the_file_is_a_failed_row_that_says_where(side: Begin) -> None:
    (turn,) = side("raises", users=1)(1)
    (row,) = turn.rows
    assert (row[5], row[7]) == (
        "Visitor.broken",
        "raises.py:7: ZeroDivisionError: division by zero",
    )


def test_the_host_header_a_path_in_the_url_and_ipv6(side: Begin) -> None:
    with _echo() as url:
        for file in ("base_class", "shaped"):  # an HttpUser and a FastHttpUser
            begun = side(file, url=f"{url}/app", host_header="shop.example")
            assert counted(begun(1)) == {"/home": 1}
    assert _Echo.seen == [("/app/home", "shop.example")] * 2


@pytest.mark.alone
def test_neither_side_nor_place_in_a_turn_is_faster() -> None:
    """Two equal servers: what gevent takes to wake up belongs to neither.

    (One server as both would not do: it is still warm from the first when the second asks.)
    """
    by_side, by_place = Start(), Start()
    core = sorted(os.sched_getaffinity(0))[-1:]
    loads = [LoadProcess(cpus=core), LoadProcess(cpus=core)]
    draw = random.Random(1)
    with serving() as first, serving() as second, loads[0], loads[1]:
        for load, url in zip(loads, (first, second), strict=True):
            load.prepare(Target(url, [], locustfile=str(FILES / "shaped.py")), 4, SEED)
        for number in range(400):
            order = draw.sample((0, 1), 2)
            answers = [_answer(loads[side].take_turn(number, SEED)) for side in order]
            by_place.add(*answers)
            by_side.add(*(answers if order == [0, 1] else answers[::-1]))
            time.sleep(draw.expovariate(100))
    for start, slack in ((by_side, 0.02), (by_place, 0.05)):
        (found,) = name_ratios([start], by_start=False, levels={"/home": 0.999})
        assert found.ratio is not None
        if found.ratio.half_width > 0.25:
            pytest.skip("the machine was not ours")
        assert found.ratio.low - slack < 1.0 < found.ratio.high + slack


def _answer(turn: TurnRows) -> list[Answer]:
    time.sleep(0.002)
    (row,) = turn.rows
    return [Answer(row[5], row[1], (row[2] - row[1]) * 1e3, row[7])]


class _Echo(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Host"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return None


class _SixServer(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def _echo() -> Iterator[str]:
    with _SixServer(("::1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://[::1]:{server.server_port}"
        server.shutdown()
