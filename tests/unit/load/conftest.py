"""A small shop-shaped server in a process of its own, and a load process to drive it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.engine.meters import foreign_cpu, read_machine
from bench.load.generator import LoadProcess

SERVER = Path(__file__).with_name("echo_server.py")


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start the server with the given options; returns its base URL."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        command = [sys.executable, str(SERVER), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        if "calm" in start.__dict__:
            start.__dict__["calm"].watch(process.pid)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def heard(url: str) -> list[dict[str, Any]]:
    """All requests that the server was sent."""
    with urllib.request.urlopen(f"{url}/heard", timeout=5) as answer:
        requests: list[dict[str, Any]] = json.load(answer)
    return requests


@pytest.fixture(scope="module")
def load() -> Iterator[LoadProcess]:
    with LoadProcess() as process:
        yield process


class Calm:
    """Tells whether the machine was ours during a measurement, as the validity gates do."""

    LIMIT_CORES = 0.15
    ATTEMPTS = 3

    def __init__(self, load: LoadProcess) -> None:
        self._processes = [psutil.Process(load.pid)]

    def measure(self, measurement: Callable[[], float]) -> float:
        """Repeat until undisturbed; skips the test if the machine is never quiet enough."""
        for _ in range(self.ATTEMPTS):
            first, known = read_machine(), self._known()
            value = measurement()
            foreign = foreign_cpu(first, read_machine(), self._known() - known)
            if foreign is not None and foreign < self.LIMIT_CORES:
                return value
        pytest.skip("others use this machine: a time measured now says nothing")

    def watch(self, pid: int) -> None:
        self._processes.append(psutil.Process(pid))

    def _known(self) -> float:
        own = time.process_time()
        return own + sum(sum(process.cpu_times()[:2]) for process in self._processes)


@pytest.fixture
def calm(load: LoadProcess, serve: Callable[..., str]) -> Calm:
    found = Calm(load)
    serve.__dict__["calm"] = found
    return found
