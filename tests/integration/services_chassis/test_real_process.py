"""A real process of a component: its settings, its signals, its exit status."""

import os
import signal
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
    environ: dict[str, str], unused_tcp_port: int
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    variables = {**os.environ, **environ}
    variables |= {"SHOP_BIND": f"127.0.0.1:{unused_tcp_port}", "DRAIN_SECONDS": "0.6"}
    child = subprocess.Popen(COMMAND, env=variables)
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
