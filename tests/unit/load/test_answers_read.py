"""A simple answer is read by a look, all others by the full parser: both must say the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.load.load_process import in_load_process

HEAD = "HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
SIMPLE = {
    "plain": HEAD + "Content-Length: 2\\r\\n\\r\\nok",
    "no body": HEAD + "content-length:0\\r\\n\\r\\n",
    "timed": HEAD
    + "Server-Timing:  app;dur=1.5, db;dur=0.5 \\r\\nCONTENT-LENGTH: 2 \\r\\n\\r\\nok",
    "failure": "HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 1\\r\\n\\r\\nx",
    "blank lines in the body": HEAD + "Content-Length: 8\\r\\n\\r\\n\\r\\n\\r\\n\\r\\n\\r\\n",
    "a length in the body": HEAD + "Content-Length: 22\\r\\n\\r\\n\\r\\nContent-Length: 99\\r\\n",
    "empty reason": "HTTP/1.1 200 \\r\\nContent-Length: 2\\r\\n\\r\\nok",
}
NOT_SIMPLE = {
    "chunked": HEAD + "Transfer-Encoding: chunked\\r\\n\\r\\n2\\r\\nok\\r\\n0\\r\\n\\r\\n",
    "closing": HEAD + "Connection: close\\r\\nContent-Length: 2\\r\\n\\r\\nok",
    "old": "HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok",
    "half a body": HEAD + "Content-Length: 3\\r\\n\\r\\nok",
    "half a head": HEAD + "Content-Len",
    "more than one answer": HEAD + "Content-Length: 1\\r\\n\\r\\nok",
    "two lengths": HEAD + "Content-Length: 2\\r\\nContent-Length: 2\\r\\n\\r\\nok",
    "no length": HEAD + "\\r\\nok",
    "interim": "HTTP/1.1 100 Continue\\r\\n\\r\\n" + HEAD + "Content-Length: 2\\r\\n\\r\\nok",
    "two timings": HEAD
    + "Server-Timing: a\\r\\nServer-Timing: b\\r\\nContent-Length: 2\\r\\n\\r\\nok",
    "a folded header": HEAD + "X: a\\r\\n b\\r\\nContent-Length: 2\\r\\n\\r\\nok",
    "no protocol": "nonsense\\r\\n\\r\\n",
}


@pytest.fixture(scope="module")
def readings() -> dict[str, Any]:
    """What the look and, where it found something, the parser read; one process for all answers."""
    # one literal for each answer: a JSON text would escape what is escaped already
    answers = ", ".join(f'{name!r}: b"{data}"' for name, data in (SIMPLE | NOT_SIMPLE).items())
    read: dict[str, Any] = in_load_process(f"""
        from bench.load.pool import _read_plain
        from geventhttpclient.response import HTTPResponse
        def read(data):
            found = _read_plain(data)
            if found is None:
                return None, None
            response = HTTPResponse(); response.feed(data)
            assert response.message_complete and not response.should_close()
            return [[found[0], found[1].decode(), found[2]],
                    [response.get_code(), bytes(response._body_buffer).decode(),
                     response.get("server-timing", "").strip()]]
        print(json.dumps({{name: read(data) for name, data in {{ {answers} }}.items()}}))
    """)
    return read


@pytest.mark.parametrize("name", SIMPLE)
def test_what_the_look_reads_is_what_the_parser_reads(readings: dict[str, Any], name: str) -> None:
    found, parsed = readings[name]
    assert found is not None
    assert found == parsed


@pytest.mark.parametrize("name", NOT_SIMPLE)
def test_what_is_not_simple_is_left_to_the_parser(readings: dict[str, Any], name: str) -> None:
    assert readings[name][0] is None


def test_an_answer_in_pieces_is_read_whole() -> None:
    """The rest comes after the first look; the connection stays usable."""
    assert in_load_process(f"""
        answer = b"{SIMPLE["timed"]}"
        listener = gevent.socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
        def serve():
            connection, _ = listener.accept()
            for cut in range(1, len(answer), 7):
                connection.recv(65536)
                connection.sendall(answer[:cut]); gevent.sleep(0.003)
                connection.sendall(answer[cut:])
        gevent.spawn(serve)
        session = Session("127.0.0.1", listener.getsockname()[1], 5)
        seen = [session.exchange(WIRE, "GET") for _ in range(1, len(answer), 7)]
        print(json.dumps(sorted({{(a.status, a.body.decode(), a.server_timing, a.error)
                                  for a in seen}})))
    """) == [[200, "ok", "app;dur=1.5, db;dur=0.5", ""]]


def test_a_request_sent_ahead_is_answered_and_its_failures_are_seen() -> None:
    """`send_now` sends on an open connection only; what it ran into is `exchange`'s to tell."""
    assert in_load_process("""
        answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
        session = Session("127.0.0.1", scripted(answer, answer), 5)
        closed = session.send_now(WIRE)
        first = session.exchange(WIRE, "GET", closed)
        ahead = session.send_now(WIRE)
        second = session.exchange(WIRE, "GET", ahead)
        gevent.sleep(0.05)
        gone = session.send_now(WIRE)  # the server has closed it
        session.connect(); session._socket.close()
        session._went_away = lambda: False
        broken = session.exchange(WIRE, "GET", session.send_now(WIRE))
        print(json.dumps([closed, first.status, ahead > 0, second.status, second.sent == ahead,
                          gone, broken.status, broken.error != ""]))
    """) == [0.0, 200, True, 200, True, 0.0, 0, True]


def test_a_crew_reuses_its_greenlets_and_leaves_none() -> None:
    assert in_load_process("""
        from bench.load.crew import Crew
        import gc
        seen = []
        def work(name, wait):
            seen.append((name, gevent.getcurrent()))
            gevent.sleep(wait)
        crew = Crew(work)
        for name in "abc":
            crew.hand(name, 0); gevent.sleep(0.01)
        one = len({greenlet for _, greenlet in seen})
        for name in "def":
            crew.hand(name, 0.02)
        crew.hand("late", 30)
        left = crew.dismiss(0.1)
        dead = all(greenlet.dead for _, greenlet in seen)
        print(json.dumps([one, [name for name, _ in seen], left, dead, len(crew.busy)]))
    """) == [1, ["a", "b", "c", "d", "e", "f", "late"], 1, True, 0]
