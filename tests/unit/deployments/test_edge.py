"""The edge as a process before real servers: spreading, kills, streaming, limits, draining."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from bench.deployments.local.scaling import ask_edge
from bench.errors import ShopbenchError
from tests.unit.deployments.edge_setup import (
    LIMIT_S,
    ROOT,
    Running,
    door_is_shut,
    free_port,
    running_edge,
    wait_until,
)

BIG = 3_000_000


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    """Three replicas that nobody kills."""
    with running_edge(3) as found:
        yield found


@pytest.fixture
def own() -> Iterator[Running]:
    with running_edge(3) as found:
        yield found


def test_requests_are_spread_over_all_replicas(own: Running) -> None:
    for _ in range(30):
        assert own.get("/who")[0] == 200
    assert own.counts() == {"r0": 10, "r1": 10, "r2": 10}


def test_a_busy_replica_is_spared(own: Running) -> None:
    slow = threading.Thread(target=own.get, args=("/slow",))
    slow.start()
    wait_until(lambda: 1 in own.counts("outstanding").values(), "nothing is outstanding")
    busy = next(name for name, count in own.counts("outstanding").items() if count)
    before = own.counts()[busy]
    for _ in range(6):
        own.get("/who")
    assert own.counts()[busy] == before
    slow.join()


def test_a_connection_is_kept_and_one_to_the_replica_too(own: Running) -> None:
    own.tell("r0")
    connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=LIMIT_S)
    for _ in range(5):
        connection.request("GET", "/who")
        assert connection.getresponse().read() == b"r0"
    connection.close()
    report = own.report()["replicas"][0]
    assert (report["requests"], report["connections"]) == (5, 1)


def test_headers_pass_untouched(shared: Running) -> None:
    sent = {
        "X-Request-ID": "r-1",
        "Authorization": "Bearer a.b.c",
        "Idempotency-Key": "k,1",
        "Content-Type": "application/json",
    }
    status, body, _ = shared.get("/echo", "POST", body=b'{"a": 1}', headers=sent)
    assert status == 200
    for name, value in sent.items():
        assert f"{name}: {value}\r\n".encode() in body
    assert body.endswith(b'\n--\n{"a": 1}')


def test_chunks_and_trailers_pass_as_they_come(shared: Running) -> None:
    status, body, headers = shared.get("/pieces")
    assert (status, body) == (200, b"abcdefg")
    assert headers["Server-Timing"] == "app;dur=1.5"
    raw = shared.raw(b"GET /pieces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in raw


def test_a_chunked_request_passes(shared: Running) -> None:
    parts = iter([b"ab", b"c" * 70_000, b"d"])
    _, body, _ = shared.get("/echo", "POST", body=parts, encode_chunked=True)
    assert body.endswith(b"\n--\nab" + b"c" * 70_000 + b"d")


@pytest.mark.parametrize("path", ["/none", "/same"])
def test_answers_without_a_body_end_with_their_head(shared: Running, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=LIMIT_S)
    for _ in range(2):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status in {204, 304}
        assert answer.read() == b""
    connection.close()


def test_head_has_no_body(shared: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=LIMIT_S)
    for _ in range(2):
        connection.request("HEAD", "/big")
        answer = connection.getresponse()
        assert answer.headers["Content-Length"] == str(BIG)
        assert answer.read() == b""
    connection.close()


def test_an_interim_answer_passes(shared: Running) -> None:
    raw = shared.raw(b"GET /interim HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"\r\n\r\nfinal")


def test_a_client_that_expects_100_gets_it_before_its_body(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), LIMIT_S) as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
        assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert client.recv(10_000).endswith(b"\n--\nbody")


def test_an_answer_that_the_close_ends_is_passed_and_closes(shared: Running) -> None:
    raw = shared.raw(b"GET /until-close HTTP/1.1\r\nHost: x\r\n\r\n")
    assert raw == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"


def test_a_slow_reader_slows_the_replica_and_gets_everything(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), LIMIT_S) as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)  # the buffers on the way fill: what is read now was held back
        got = b""
        while piece := client.recv(65_536):
            got += piece
    assert len(got.partition(b"\r\n\r\n")[2]) == BIG


def test_a_large_body_is_passed_on(shared: Running) -> None:
    _, body, _ = shared.get("/echo", "PUT", body=b"y" * BIG)
    assert body.endswith(b"\n--\n" + b"y" * BIG)


def test_an_early_answer_reaches_a_client_that_still_sends(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), LIMIT_S) as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        client.sendall(b"z" * 100_000)
        assert client.recv(1_000).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_no_more_gets_its_answer_and_the_end(shared: Running) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), LIMIT_S) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(65_536):
            got += piece
    assert got.startswith(b"HTTP/1.1 200 OK")


def test_a_pipelined_request_is_not_carried_out(own: Running) -> None:
    one = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    raw = own.raw(one + one)
    assert raw.count(b"HTTP/1.1 200 OK") == 1
    assert sum(own.counts().values()) == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nA : 1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 9_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 40_000, b"431"),
        (b"\x16\x03\x01 hello\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_refused_and_closes(
    shared: Running, data: bytes, status: bytes
) -> None:
    raw = shared.raw(data)
    assert raw.startswith(b"HTTP/1.1 " + status)
    assert b"application/problem+json" in raw


@pytest.mark.parametrize("path", ["/broken-head", "/two-lengths"])
def test_an_answer_that_cannot_be_trusted_is_503(shared: Running, path: str) -> None:
    status, body, headers = shared.get(path, headers={"X-Request-ID": "mine"})
    assert status == 503
    assert b'"dependency_unavailable"' in body
    assert headers["X-Request-ID"] == "mine"


def test_what_follows_an_answer_unasked_is_dropped(shared: Running) -> None:
    for _ in range(6):
        assert shared.get("/extra")[1] == b"ok"


def test_half_an_answer_breaks_the_connection(shared: Running) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        shared.get("/half")


def ask_all_the_time(found: Running, stop: threading.Event, failures: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=LIMIT_S)
    while not stop.is_set():
        try:
            connection.request("GET", "/who")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(str(answer.status))
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
            connection.close()
    connection.close()


def test_a_killed_replica_costs_no_idempotent_request_and_comes_back(own: Running) -> None:
    stop, failures = threading.Event(), list[str]()
    clients = [
        threading.Thread(target=ask_all_the_time, args=(own, stop, failures)) for _ in range(6)
    ]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: min(own.counts().values()) > 20, "no load")
        own.kill("r1")
        wait_until(lambda: own.counts("state")["r1"] == "ejected", "r1 is not ejected")
        asked = own.counts()["r1"]
        others = own.counts()["r0"]
        wait_until(lambda: own.counts()["r0"] > others + 50, "the others do not go on")
        assert own.counts()["r1"] == asked
        own.start_replica("r1")
        wait_until(lambda: own.counts("state")["r1"] == "in", "r1 is not in again")
        wait_until(lambda: own.counts()["r1"] > asked + 20, "r1 gets nothing")
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert failures == []
    assert own.counts("ejections")["r1"] >= 1


def test_a_post_is_sent_once_only(own: Running) -> None:
    assert own.get("/reset", "POST", body=b"x")[0] == 503
    assert sum(own.counts().values()) == 1


def test_a_get_is_tried_at_most_on_every_replica(own: Running) -> None:
    assert own.get("/reset")[0] == 503
    assert own.counts() == {"r0": 1, "r1": 1, "r2": 1}


def test_a_post_goes_elsewhere_if_the_connection_was_refused(own: Running) -> None:
    own.kill("r0")
    own.kill("r1")
    for _ in range(4):
        assert own.get("/echo", "POST", body=b"x")[0] == 200


def test_with_every_replica_dead_the_answer_is_503(own: Running) -> None:
    for name in own.replicas:
        own.kill(name)
    status, body, headers = own.get("/who")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert b"dependency_unavailable" in body


def test_the_queue_is_bounded_and_its_wait_is_too() -> None:
    with running_edge(1, "--at-once", "1", "--queue", "1", "--queue-seconds", "0.2") as found:
        results = list[tuple[int, bytes, object]]()
        asking = [
            threading.Thread(target=lambda: results.append(found.get("/slow"))) for _ in range(3)
        ]
        for each in asking:
            each.start()
        for each in asking:
            each.join()
        assert sorted(status for status, _, _ in results) == [200, 503, 503]
        assert all(b"overloaded" in body for status, body, _ in results if status == 503)
        assert found.report()["shed"] == 2


def test_an_answer_that_does_not_come_is_504_and_ejects() -> None:
    with running_edge(1, "--answer-seconds", "0.3") as found:
        status, body, _ = found.get("/never")
        assert (status, b"deadline_exceeded" in body) == (504, True)
        assert found.counts("timeouts") == {"r0": 1}
        assert found.counts("ejections") == {"r0": 1}


def test_who_leaves_the_list_ends_its_work(own: Running) -> None:
    own.tell("r0")
    results = list[tuple[int, bytes, object]]()
    asking = threading.Thread(target=lambda: results.append(own.get("/slow")))
    asking.start()
    wait_until(lambda: 1 in own.counts("outstanding").values(), "nothing is outstanding")
    own.tell("r1")
    assert own.get("/who")[1] == b"r1"
    asking.join()
    assert results[0][:2] == (200, b"r0")
    wait_until(lambda: list(own.counts()) == ["r1"], "r0 is still listed")


def test_sigterm_lets_answers_in_flight_end_and_takes_no_more(own: Running) -> None:
    idle = socket.create_connection(("127.0.0.1", own.port), LIMIT_S)
    results = list[tuple[int, bytes, object]]()
    asking = threading.Thread(target=lambda: results.append(own.get("/slow")))
    asking.start()
    wait_until(lambda: 1 in own.counts("outstanding").values(), "nothing is outstanding")
    own.edge.send_signal(signal.SIGTERM)
    asking.join()
    assert results[0][0] == 200
    assert idle.recv(1) == b""
    assert own.edge.wait(LIMIT_S) == 0
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        own.get("/who")
    assert door_is_shut(own)


def test_a_name_is_resolved() -> None:
    with running_edge(1) as found:
        port = free_port()
        command = [sys.executable, "-m", "bench.deployments.edge", "--listen", f"127.0.0.1:{port}"]
        name = f"localhost:{found.replicas['r0'][0]}"
        second = subprocess.Popen([*command, "--resolve", name], cwd=ROOT)
        try:
            named = Running(port, found.door, second, found.replicas)

            def serves() -> bool:
                try:
                    return named.get("/who")[:2] == (200, b"r0")
                except OSError:
                    return False

            wait_until(serves, "the name leads nowhere")
        finally:
            second.kill()
            second.wait()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--listen", "nowhere"], "no host:port"),
        (["--listen", "127.0.0.1:1", "--at-once", "0"], "--at-once must be 1 or more"),
    ],
)
def test_wrong_usage_is_one_clear_line(options: list[str], told: str) -> None:
    command = [sys.executable, "-m", "bench.deployments.edge", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_one_clear_line(shared: Running) -> None:
    command = [sys.executable, "-m", "bench.deployments.edge"]
    command += ["--listen", f"127.0.0.1:{shared.port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "in use" in done.stderr


def test_the_door_refuses_nonsense(own: Running) -> None:
    for document in (["nowhere"], {"a": 1}, [1], 7):
        with pytest.raises(ShopbenchError, match="refused"):
            ask_edge(own.door, "PUT", "/replicas", document)
    with pytest.raises(ShopbenchError, match="GET / and PUT"):
        ask_edge(own.door, "GET", "/elsewhere")
    assert len(own.report()["replicas"]) == 3
