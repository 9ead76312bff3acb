"""Users of any locustfile: Locust's proportions, task sets as visits, on_start, contexts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.load.load_process import in_load_process

SETUP = """
        from locust import (
            FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, User, between, task,
        )
        from locust.env import Environment
        from bench.load.listener import Stay
        from bench.load.plan import Visit
        from bench.load.population import Population, PopulationError, proportions, set_host

        said = []
        def population(*classes, users=4):
            set_host(classes, "http://127.0.0.1:9")
            made = Population(Environment(user_classes=list(classes)), classes)
            made.start(users)
            return made
        def visits(made, cls, count, first=0):
            for number in range(first, first + count):
                member = made.take(cls)
                _, chosen = made.choose(Visit(0.0, "", number))
                member.visit(Stay(number, "", 0.0), chosen, number)
                made.give_back(member)
"""


def run(body: str) -> Any:
    return in_load_process(SETUP + body)


def test_classes_come_in_locusts_own_proportions() -> None:
    found = run("""
        class A(User):
            weight = 9
            @task
            def go(self): pass
        class B(User):
            @task
            def go(self): pass
        class Admin(User):
            fixed_count = 2
            @task
            def go(self): pass
        counts = proportions(Environment(), [A, B, Admin], 22)
        made = population(A, B, Admin, users=22)
        chosen = [made.choose(Visit(0.0, "", n))[0] for n in range(2000)]
        print(json.dumps([[counts[cls], chosen.count(cls)] for cls in (A, B, Admin)]))
    """)
    assert [count for count, _ in found] == [18, 2, 2]
    assert [seen for _, seen in found] == [
        pytest.approx(2000 * share, rel=0.25) for share in (18 / 22, 2 / 22, 2 / 22)
    ]


def test_a_task_set_goes_on_at_the_next_visit_until_it_interrupts() -> None:
    assert run("""
        class Steps(SequentialTaskSet):
            def on_start(self): said.append("enter")
            def on_stop(self): said.append("leave")
            @task
            def one(self): said.append("one")
            @task
            def two(self): said.append("two")
            @task
            def end(self): self.interrupt()
        class Someone(User):
            tasks = [Steps]
        visits(population(Someone, users=1), Someone, 5)
        print(json.dumps(said))
    """) == ["enter", "one", "two", "leave", "enter", "one", "two"]


def test_nested_task_sets_are_entered_and_left_one_by_one() -> None:
    assert run("""
        class Outer(TaskSet):
            def on_start(self): said.append("outer")
            @task
            class Inner(TaskSet):
                def on_start(self): said.append("inner")
                @task
                def go(self):
                    said.append("go")
                    self.interrupt()
        class Someone(User):
            tasks = [Outer]
        visits(population(Someone, users=1), Someone, 3)
        print(json.dumps(said))
    """) == ["outer", "inner", "go", "inner", "go", "inner", "go"]


def test_a_sequences_on_start_runs_once_an_instance() -> None:
    assert run("""
        class Steps(SequentialTaskSet):
            def on_start(self): said.append("in")
            @task
            def one(self): said.append(1)
            @task
            def two(self): said.append(2)
        class Someone(User):
            tasks = [Steps]
        visits(population(Someone, users=1), Someone, 4)
        print(json.dumps(said))
    """) == ["in", 1, 2, 1, 2]


def test_waiting_times_of_users_and_task_sets_are_left_out() -> None:
    assert run("""
        class Steps(TaskSet):
            wait_time = between(5, 9)
            @task
            def go(self): self.wait()
        class Someone(User):
            wait_time = between(7, 7)
            tasks = [Steps]
        start = perf_counter()
        visits(population(Someone, users=1), Someone, 3)
        print(json.dumps(perf_counter() - start < 1))
    """)


def test_what_a_visit_draws_follows_from_its_number_alone() -> None:
    first, again, other = run("""
        import random
        class Someone(User):
            @task
            def go(self): said.append(random.random())
        made = population(Someone, users=1)
        for first in (3, 3, 8):
            visits(made, Someone, 1, first)
            random.random()
        print(json.dumps(said))
    """)
    assert first == again != other


def test_on_start_is_waited_for_and_a_limit_is_named() -> None:
    waited, said = run("""
        class Slow(User):
            def on_start(self): gevent.sleep(0.3)
            @task
            def go(self): pass
        start = perf_counter()
        population(Slow, users=20)  # sixteen at once
        waited = perf_counter() - start
        try:
            Population(Environment(), [Slow]).start(20, limit_s=0.1)
        except PopulationError as exc:
            print(json.dumps([waited, str(exc)]))
    """)
    assert 0.5 < waited < 3
    assert said == "on_start of 20 users took longer than 0.1 s (0 were ready)"


def test_only_users_whose_on_start_is_nothing_are_made_later() -> None:
    assert run("""
        class Plain(User):
            @task
            def go(self): pass
        class Started(Plain):
            def on_start(self): self.name = "me"
        made = population(Plain, Started, users=2)
        taken = [[made.take(cls) is not None for _ in range(3)] for cls in (Plain, Started)]
        print(json.dumps(taken))
    """) == [[True, True, True], [True, False, False]]


def test_a_users_own_context_and_its_requests_know_their_visit() -> None:
    assert run("""
        from bench.load.listener import RowListener, VISIT
        class Someone(FastHttpUser):
            def context(self): return {"mine": 1}
            @task
            def go(self):
                self.client.get("/a", name="a", context={"more": 2})
        made = population(Someone, users=1)
        listener = RowListener("http://127.0.0.1:9")
        made.environment.events.request.add_listener(listener.listen)
        made.environment.events.request.add_listener(
            lambda context, **_: said.append([context["mine"], context["more"]])
        )
        visits(made, Someone, 2)
        rows = listener.rows(0.0)
        print(json.dumps([said, [[row[5], row[7], row[8]] for row in rows]]))
    """) == [[[1, 2]] * 2, [["a", "refused", 0], ["a", "refused", 1]]]


def test_requests_of_an_http_user_end_even_if_the_file_sets_no_limit() -> None:
    assert run("""
        import bench.load.population
        bench.load.population.REQUEST_TIMEOUT_S = 0.2
        silent = gevent.socket.socket(); silent.bind(("127.0.0.1", 0)); silent.listen()
        class Someone(HttpUser):
            @task
            def go(self):
                said.append(self.client.get("/never").status_code)
        made = Population(Environment(), [Someone])
        set_host([Someone], f"http://127.0.0.1:{silent.getsockname()[1]}")
        made.start(1)
        start = perf_counter()
        visits(made, Someone, 1)
        print(json.dumps([said, perf_counter() - start < 5]))
    """) == [[0], True]
