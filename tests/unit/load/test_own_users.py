"""A user's own locustfile, replayed by the real load process against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.load.generator import ClosedLoop, LoadError, LoadProcess, Target
from bench.load.plan import Result, Visit
from tests.unit.load.own_server import serving

WINDOW = (0.0, 0.6)

TWO_USERS = """
from locust import FastHttpUser, HttpUser, SequentialTaskSet, between, task


class Fast(FastHttpUser):
    weight = 3
    wait_time = between(5, 9)

    def on_start(self):
        self.client.get("/start")

    @task(3)
    def read(self):
        self.client.get("/a", name="read")

    @task
    def judged(self):
        with self.client.get("/fail", name="judged", catch_response=True) as response:
            response.failure("not what I wanted") if response.status_code != 500 else None
            response.success()


class Steps(SequentialTaskSet):
    @task
    def first(self):
        self.client.get("/a", name="first")
        self.wait()

    @task
    def second(self):
        self.client.post("/b", name="second", json={"n": 1})


class Slow(HttpUser):
    tasks = [Steps]
    wait_time = between(5, 9)
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def run(load: LoadProcess, url: str, tmp_path: Path) -> Callable[..., Result]:
    def replay(text: str, visits: int = 60, rate: float = 100.0, users: int = 20) -> Result:
        file = tmp_path / "mine.py"
        file.write_text(text)
        target = Target(url, [], locustfile=str(file))
        load.prepare(target, users, 1)
        planned = [Visit(n / rate, "", n) for n in range(visits)]
        return load.run_open(target, planned, WINDOW, drain_s=2.0)

    return replay


def user_file(body: str) -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return (
        "import gevent\nfrom locust import FastHttpUser, task\n\n"
        f"class Mine(FastHttpUser):\n    @task\n    def go(self):\n{lines}\n"
    )


def test_every_request_of_a_visit_is_a_row_under_its_name(run: Callable[..., Result]) -> None:
    result = run(TWO_USERS)
    assert set(result.operation) == {"read", "judged", "first", "second"}
    assert set(result.journey) == {"Fast.read", "Fast.judged", "Slow.Steps"}
    assert result.error == [""] * len(result.error)
    assert result.skipped == 0
    assert len(set(result.visit)) == 60
    assert result.planned == len(result.due_s)
    first, second = (result.operation.count(name) for name in ("first", "second"))
    assert first >= second > 0  # a visit is one task of the sequence


def test_the_schedule_says_when_and_a_pause_inside_a_task_is_the_visitors(
    run: Callable[..., Result],
) -> None:
    body = 'self.client.get("/a", name="first")\ngevent.sleep(0.2)\n'
    result = run(user_file(body + 'self.client.get("/b", name="second")'), visits=5)
    for number in range(5):
        first, second = (i for i, visit in enumerate(result.visit) if visit == number)
        assert result.due_s[first] == pytest.approx(number / 100, abs=1e-6)
        assert result.sent_s[second] >= result.done_s[first] + 0.19
        assert result.due_s[second] == result.sent_s[second]
    sent = np.asarray(result.sent_s)
    assert (sent >= np.asarray(result.due_s)).all()
    assert (np.asarray(result.done_s) >= sent).all()


def test_the_same_visits_choose_the_same_tasks(run: Callable[..., Result]) -> None:
    first, second = (
        dict(zip(r.visit, r.journey, strict=True)) for r in (run(TWO_USERS), run(TWO_USERS))
    )
    assert first == second


def test_weights_of_classes_and_tasks_decide(run: Callable[..., Result]) -> None:
    result = run(TWO_USERS, visits=800, rate=1000.0, users=200)
    made = dict(zip(result.visit, result.journey, strict=True))
    share = sum(journey == "Fast.read" for journey in made.values()) / len(made)
    assert share == pytest.approx(0.75 * 0.75, abs=0.06)


def test_on_start_runs_before_the_trial_and_is_no_row(run: Callable[..., Result]) -> None:
    assert "/start" not in run(TWO_USERS).operation


def test_a_visit_that_finds_no_free_user_is_skipped_and_counted(run: Callable[..., Result]) -> None:
    """Users whose on_start does something are not made in the middle of a trial."""
    file = user_file('self.client.get("/slow")')
    started = file + "    def on_start(self):\n        self.name = 'me'\n"
    result = run(started, visits=40, rate=200.0, users=8)
    assert result.skipped == 40 - 8 == result.planned - len(result.due_s)
    assert run(file, visits=40, rate=200.0, users=8).skipped == 0


def test_failures_are_named_and_never_dropped(run: Callable[..., Result]) -> None:
    body = 'self.client.get("/fail", name="status")\n'
    body += 'with self.client.get("/a", name="own", catch_response=True) as r:\n'
    body += '    r.failure("wrong  text")'
    result = run(user_file(body), visits=5)
    found = set(zip(result.operation, result.status, result.error, strict=True))
    assert found == {("status", 500, "status 500"), ("own", 200, "wrong text")}


def test_an_answer_that_never_comes_is_a_timeout(run: Callable[..., Result]) -> None:
    result = run(user_file('self.client.get("/never", name="never")'), visits=3)
    assert result.unfinished == 3
    assert set(zip(result.operation, result.status, result.error, strict=True)) == {
        ("never", 0, "timeout")
    }
    slow = TWO_USERS.replace('"/a", name="first"', '"/never", name="first"').replace(
        "weight = 3", "weight = 0"
    )
    result = run(slow, visits=3)
    assert set(zip(result.operation, result.error, strict=True)) == {("first", "timeout")}


def test_an_error_of_the_file_is_a_failed_row_that_says_where(run: Callable[..., Result]) -> None:
    result = run(user_file('self.client.get("/a")\nself.token["x"]'), visits=2)
    assert "mine.py:8: AttributeError: 'Mine' object has no attribute 'token'" in result.error


def test_a_request_to_another_host_is_left_out_and_counted(
    run: Callable[..., Result], url: str
) -> None:
    elsewhere = url.replace("127.0.0.1", "localhost")
    body = f'self.client.get("{elsewhere}/a", name="away")\nself.client.get("/a", name="here")'
    result = run(user_file(body), visits=2)
    assert (result.operation, result.elsewhere) == (["here"] * 2, 2)


def test_a_visit_without_a_request_is_counted(run: Callable[..., Result]) -> None:
    result = run(user_file("pass"), visits=3)
    assert (result.silent, result.due_s) == (3, [])


def test_servers_state_their_time(run: Callable[..., Result]) -> None:
    result = run(user_file('self.client.get("/a")'), visits=2)
    assert result.server_timing == ["app;dur=1.5"] * 2


def test_closed_loop_counts_what_was_made(load: LoadProcess, url: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(TWO_USERS)
    target = Target(url, [], locustfile=str(file))
    load.prepare(target, 4, 1)
    visits = [Visit(0.0, "", n) for n in range(50)]
    result = load.run_closed(target, visits, ClosedLoop(4, 0.05, 0.3))
    assert len(result.due_s) > 50
    assert set(result.error) == {""}


def test_globals_of_the_file_do_not_reach_the_next_trial(run: Callable[..., Result]) -> None:
    text = "SEEN = []\n" + user_file('self.client.get("/a", name=f"n{len(SEEN)}")\nSEEN.append(1)')
    assert run(text, visits=1).operation == run(text, visits=1).operation == ["n0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", "mine.py:1: SyntaxError: invalid syntax"),
        ("x = 1\nimport nothing_here\n", "mine.py:2: ModuleNotFoundError"),
        ("x = 1\n", "mine.py: has no user class with tasks"),
        ("import sys\nsys.exit('no')\n", "mine.py:2: SystemExit: no"),
        (
            user_file("pass") + "    def on_start(self):\n        1 / 0\n",
            "mine.py:9: ZeroDivisionError",
        ),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(
    run: Callable[..., Result], text: str, message: str
) -> None:
    with pytest.raises(LoadError) as refused:
        run(text)
    assert message in refused.value.message
    assert "\n" not in refused.value.message


def test_a_slow_on_start_is_waited_for_and_told(
    load: LoadProcess, url: str, tmp_path: Path
) -> None:
    file, told = tmp_path / "mine.py", []
    file.write_text(user_file("pass") + "    def on_start(self):\n        gevent.sleep(0.2)\n")
    load.prepare(Target(url, [], locustfile=str(file)), 20, 1, told.append)
    assert told == [f"{number} of 20 users are ready" for number in range(1, 21)]


def test_the_end_of_a_test_is_told_to_the_file(load: LoadProcess, url: str, tmp_path: Path) -> None:
    file, ended = tmp_path / "mine.py", tmp_path / "ended"
    file.write_text(
        user_file("pass")
        + "    def on_stop(self):\n        print('stopped')\n"
        + "from locust import events\n@events.test_stop.add_listener\n"
        + f"def over(environment, **_):\n    open({str(ended)!r}, 'w').write('over')\n"
    )
    target = Target(url, [], locustfile=str(file))
    load.prepare(target, 2, 1)
    assert not ended.exists()
    load.prepare(target, 0, 1)
    assert ended.read_text() == "over"
