"""A part that does not start says why in its last lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.loading import SeedLoader
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.server_processes import ServingProcess
from bench.errors import ShopbenchError

DIES = "import sys; print('connecting'); print('no password'); sys.exit(3)"
HANGS = "import time; print('connecting', flush=True); time.sleep(60)"


def plan(code: str, port: int) -> ProcessPlan:
    command = (sys.executable, "-c", code)
    return ProcessPlan("users", port, ("users",), command, command, {})


def serving(code: str, folder: Path, port: int) -> ServingProcess:
    return ServingProcess(plan(code, port), folder / "users.log", Ledger(folder))


def test_a_process_that_ends_at_its_start(tmp_path: Path, unused_tcp_port: int) -> None:
    process = serving(DIES, tmp_path, unused_tcp_port)
    process.spawn()
    with pytest.raises(ShopbenchError, match=r"users ended with 3 .*connecting\nno password"):
        process.wait_ready()


def test_a_process_that_is_never_ready(tmp_path: Path, unused_tcp_port: int) -> None:
    process = serving(HANGS, tmp_path, unused_tcp_port)
    process.spawn()
    try:
        while not process.log.read_text():
            pass
        with pytest.raises(ShopbenchError, match="users was not ready within 0.1 s: connecting"):
            process.wait_ready(0.1)
    finally:
        process.kill()


def test_a_seed_that_cannot_be_loaded(tmp_path: Path) -> None:
    loader = SeedLoader(Ledger(tmp_path), tmp_path)
    with pytest.raises(ShopbenchError, match=r"load-seed failed \(3\): connecting\nno password"):
        loader.migrate_and_load([plan(DIES, 1)], tmp_path)


def test_no_more_than_the_last_five_lines(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n\n" for number in range(9)))
    assert last_lines(log).splitlines() == [f"line {number}" for number in range(4, 9)]
