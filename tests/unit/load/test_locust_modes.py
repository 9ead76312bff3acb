"""`locust -f bench/locustfile.py` in the ways Locust itself has to use more than one process."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOAD = ("--headless", "-u", "6", "-r", "6", "-t", "4s")

pytestmark = pytest.mark.slow


def locust(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "locust", "-f", "bench/locustfile.py", *options]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def totals(prefix: Path) -> dict[str, str]:
    """The last line of Locust's own table of requests."""
    with Path(f"{prefix}_stats.csv").open() as file:
        return list(csv.DictReader(file))[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="--processes forks")
def test_people_come_from_two_processes(serve: Callable[..., str], tmp_path: Path) -> None:
    prefix = tmp_path / "two"
    run = locust("--host", serve(), *LOAD, "--processes", "2", "--csv", str(prefix))
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert int(totals(prefix)["Request Count"]) > 20
    assert int(totals(prefix)["Failure Count"]) == 0


def test_a_master_and_its_worker_share_the_work(serve: Callable[..., str], tmp_path: Path) -> None:
    prefix, port = tmp_path / "master", f"{free_port()}"
    master = locust(
        *("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port),
        *("--expect-workers", "1", "--host", serve(), *LOAD, "--csv", str(prefix)),
    )
    worker = locust("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    try:
        said, _ = master.communicate(timeout=60)
        worker_said, _ = worker.communicate(timeout=30)
    finally:
        for process in (master, worker):
            process.kill()
            process.wait()
    assert (master.returncode, worker.returncode) == (0, 0), said + worker_said
    assert int(totals(prefix)["Request Count"]) > 20
    assert int(totals(prefix)["Failure Count"]) == 0
