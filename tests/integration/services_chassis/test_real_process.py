"""A real process of a component: its settings, its signals, its exit status."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from bench.contract.seed import SeedSpec, write_seed

COMMAND = [sys.executable, "-m", "microservices.users"]


def _status(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def _wait_for(url: str, status: int) -> None:
    deadline = time.monotonic() + 15
    while _status(url)[0] != status:
        assert time.monotonic() < deadline, f"{url} did not answer {status}"
        time.sleep(0.02)


@pytest.fixture
def process(
    environ: dict[str, str], unused_tcp_port: int, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    variables = {**os.environ, **environ}
    variables |= {"SHOP_BIND": f"127.0.0.1:{unused_tcp_port}", "DRAIN_SECONDS": "0.6"}
    with (tmp_path / "log").open("wb") as log:
        child = subprocess.Popen(COMMAND, env=variables, stderr=log)
    url = f"http://127.0.0.1:{unused_tcp_port}"
    _wait_for(f"{url}/ready", 200)
    yield child, url
    child.kill()
    child.wait()


def test_a_drained_process_ends_what_it_began_and_exits_with_zero(
    process: tuple[subprocess.Popen[bytes], str],
) -> None:
    child, url = process
    body = b'{"email": "a@b.cd", "password": "password1"}'
    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(_status, f"{url}/api/v1/auth/tokens", body) for _ in range(20)]
        child.send_signal(signal.SIGTERM)
        _wait_for(f"{url}/ready", 503)
        assert _status(f"{url}/live")[0] == 200
        assert {each.result()[0] for each in running} == {401}
    assert child.wait(15) == 0
    assert _status(f"{url}/live")[0] == 0


LONG = b"x" * 8_000
HEAD = b" HTTP/1.1\r\nHost: x\r\n"
BAD = {
    "a path": b"GET /" + LONG + HEAD + b"\r\n",
    "a method": LONG + b" /" + HEAD + b"\r\n",
    "a header": b"GET /" + HEAD + b"X" + LONG + b"\x00: y\r\n\r\n",
    "a length": b"POST /" + HEAD + b"Content-Length: x" + LONG + b"\r\n\r\n",
    "a chunk": b"POST /api/v1/users" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nx" + LONG,
    "a body": b"POST /api/v1/users" + HEAD + b"Content-Length: 8000\r\n\r\n" + LONG,
    "a token": b"GET /api/v1/users/me" + HEAD + b"Authorization: Bearer " + LONG + b"\r\n\r\n",
    "a key": b"GET /live" + HEAD + b"Idempotency-Key: " + LONG + b"\r\n\r\n",
}


def test_what_clients_send_wrong_fills_no_log(
    process: tuple[subprocess.Popen[bytes], str], tmp_path: Path
) -> None:
    _, url = process
    port = int(url.rpartition(":")[2])
    for request in BAD.values():
        for _ in range(25):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)
                assert connection.recv(12).startswith(b"HTTP/1.")
    assert _status(f"{url}/live")[0] == 200
    assert (tmp_path / "log").stat().st_size < 10_000


def test_a_taken_port_is_one_clear_line(
    process: tuple[subprocess.Popen[bytes], str], environ: dict[str, str]
) -> None:
    _, url = process
    variables = {**os.environ, **environ, "SHOP_BIND": url.removeprefix("http://")}
    second = subprocess.run(
        COMMAND, env=variables, capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 1
    bind = variables["SHOP_BIND"]
    assert second.stderr == f"error: cannot listen on {bind}: Address already in use\n"


@pytest.mark.parametrize("missing", ["USERS_DATABASE_URL", "SIGNING_KEY_FILE"])
def test_a_missing_setting_is_one_clear_line(environ: dict[str, str], missing: str) -> None:
    variables = {**os.environ, **environ}
    del variables[missing]
    ended = subprocess.run(
        COMMAND, env=variables, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"error: setting {missing} is missing"]


def test_a_first_start_loads_the_seed_and_a_later_one_leaves_what_is_there(
    environ: dict[str, str], tmp_path: Path
) -> None:
    def load(number: int) -> None:
        folder = write_seed(SeedSpec(seed=number, users=number, products=1, categories=1), tmp_path)
        command = [*COMMAND, "load-seed", "--if-empty", str(folder)]
        subprocess.run(command, env={**os.environ, **environ}, check=True, timeout=30)

    with psycopg.connect(environ["USERS_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("TRUNCATE users CASCADE")
        for number in (2, 5):
            load(number)
            found = connection.execute("SELECT count(*) FROM users").fetchone()
            assert found == (3,)  # two customers and the staff of the first
