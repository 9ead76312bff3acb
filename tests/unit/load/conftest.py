"""A small shop-shaped server in a process of its own, and a load process to drive it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.load.catalogue import Catalogue, SeededUser
from bench.load.generator import LoadProcess

SERVER = Path(__file__).with_name("echo_server.py")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue(
        users=tuple(SeededUser(f"user-{n}", f"user{n:04}@shop.example") for n in range(1, 11)),
        products=tuple(f"00000000-0000-7000-8000-{n:012}" for n in range(100)),
        weights=tuple(1 / 5050 * n for n in range(100, 0, -1)),
        categories=("books", "tea & coffee"),
    )


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start the server with the given options; returns its base URL."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        command = [sys.executable, str(SERVER), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def load() -> Iterator[LoadProcess]:
    with LoadProcess() as process:
        yield process
