"""What Locust's request event says becomes a row: short reasons, due times, bodies."""

from __future__ import annotations

from typing import Any

from tests.unit.load.load_process import in_load_process

SETUP = """
        from locust import FastHttpUser, HttpUser, task
        from locust.env import Environment
        from bench.load.listener import RowListener, Stay
        from bench.load.plan import Visit
        from bench.load.population import Population, set_host

        def scripted(*answers):
            '''A server that reads one request for each answer, on one connection, then closes.'''
            listener = gevent.socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
            def serve():
                while True:
                    connection, _ = listener.accept()
                    for answer in answers:
                        connection.recv(65536)
                        connection.sendall(answer)
                    connection.close()
            gevent.spawn(serve)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        def rows(url, kind, ask, timeout=2.0, sample_every=0):
            class Someone(kind):
                @task
                def go(self): ask(self)
            made = Population(Environment(), [Someone])
            set_host([Someone], url, timeout)
            made.start(1)
            listener = RowListener(url, sample_every)
            made.environment.events.request.add_listener(listener.listen)
            member = made.take(Someone)
            member.visit(Stay(0, "go", 0.0), Someone.tasks[0], 1)
            return listener.rows(0.0), listener
"""


def run(body: str) -> Any:
    return in_load_process(SETUP + body)


def test_every_way_to_get_no_answer_has_a_short_name() -> None:
    assert run("""
        closed = gevent.socket.socket(); closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        silent = gevent.socket.socket(); silent.bind(("127.0.0.1", 0)); silent.listen()
        late = f"http://127.0.0.1:{silent.getsockname()[1]}"
        def error(url, **options):
            return rows(url, FastHttpUser, lambda user: user.client.post("/a"), **options)[0][0][7]
        half = b"HTTP/1.1 200 OK\\r\\nContent-Length: 20\\r\\n\\r\\nok"
        print(json.dumps([
            error(nobody), error(scripted(b"")), error(scripted(b"nonsense\\r\\n\\r\\n")),
            error(late, timeout=0.2), error(scripted(half)),
        ]))
    """) == ["refused", "closed", "parse", "timeout", "parse"]


def test_no_answer_to_an_http_user_is_named_alike() -> None:
    assert run("""
        closed = gevent.socket.socket(); closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        def error(url):
            return rows(url, HttpUser, lambda user: user.client.post("/a"))[0][0][7]
        print(json.dumps([error(nobody), error(scripted(b""))]))
    """) == ["refused", "closed"]


def test_a_row_has_the_answers_status_size_timing_and_the_first_wrong_body() -> None:
    found, samples, examples = run("""
        head = b"HTTP/1.1 500 Oops\\r\\nServer-Timing: app;dur=2\\r\\nContent-Length: 5\\r\\n\\r\\n"
        taken, listener = rows(
            scripted(head + b"wrong"), FastHttpUser, lambda user: user.client.get("/a"),
            sample_every=1,
        )
        bodies = [
            [each.operation, each.status, each.body.decode()]
            for kept in (listener.samples, listener.examples) for each in kept
        ]
        print(json.dumps([taken[0][3:], *bodies]))
    """)
    assert found == [500, 5, "/a", "go", "status 500", 0, "app;dur=2"]
    assert samples == examples == ["/a", 500, "wrong"]


def test_a_port_that_begins_alike_is_another_host() -> None:
    assert run("""
        listener = RowListener("http://127.0.0.1:80/app")
        event = dict(name="x", response_time=1.0, response_length=0, exception=None)
        stay = Stay(0, "go", 0.0)
        for url in ("http://127.0.0.1:80/app/x", "http://127.0.0.1:8080/app/x", "http://a/x"):
            listener.listen(context={"shopbench_visit": stay}, url=url, **event)
        print(json.dumps([len(listener.rows(0.0)), listener.elsewhere, stay.requests]))
    """) == [1, 2, 3]
