"""`footprint` on real deployments: planted memory, CPU and connections are seen by its counters."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bench.deployments.base import UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.experiments.footprint.databases import look_into
from bench.experiments.footprint.measure import cold_start_s
from bench.experiments.footprint.meter import idle_window
from bench.experiments.footprint.process_counts import count
from bench.experiments.footprint.records import MIB, NAME, read_footprint
from bench.faults.points import FaultSpec, arm, disarm
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(300)]

POINT, PLANTED_MIB, PLANTED_CORES = "inventory.operation", 64, 0.3
WINDOW_S, LIMIT_S = 1.0, 30.0


@pytest.fixture(scope="module")
def shop() -> Iterator[LocalDeployment]:
    options = UpOptions(cpus=(min(os.sched_getaffinity(0)),), faults=True)
    with open_deployment("microservices", options=options) as running:
        yield running


@contextmanager
def planted(shop: LocalDeployment, spec: FaultSpec) -> Iterator[None]:
    """Arm the point of the inventory, let one visitor come to it, disarm it."""
    assert shop.faults_dir is not None
    arm(shop.faults_dir, POINT, spec)
    try:
        url = f"{shop.base_url}/api/v1/products?limit=1"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
        yield
    finally:
        disarm(shop.faults_dir, POINT)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_planted_leak_raises_the_memory_of_its_component(shop: LocalDeployment) -> None:
    before = idle_window(shop, WINDOW_S)
    limit = before.pss_bytes["inventory"] + 0.9 * PLANTED_MIB * MIB
    leak = FaultSpec("leak", once=False, mib_per_s=PLANTED_MIB, cap_mib=PLANTED_MIB)
    with planted(shop, leak):
        wait_until(lambda: shop.usage()["inventory"].pss_bytes > limit)
        after = idle_window(shop, WINDOW_S)
    wait_until(lambda: shop.usage()["inventory"].pss_bytes < limit)
    assert after.pss_mib - before.pss_mib == pytest.approx(PLANTED_MIB, rel=0.25)
    assert after.pss_bytes["users"] == pytest.approx(before.pss_bytes["users"], rel=0.1)


def test_a_planted_hog_raises_the_cpu_at_rest_of_its_component(shop: LocalDeployment) -> None:
    before = idle_window(shop, WINDOW_S)
    with planted(shop, FaultSpec("burn", once=False, share=PLANTED_CORES)):
        after = idle_window(shop, 2 * WINDOW_S)
    hog_ms = 1000.0 * after.cpu_s["inventory"] / after.seconds
    assert hog_ms > 500.0 * PLANTED_CORES  # half of it even where others want the core
    assert after.cpu_ms_per_s > before.cpu_ms_per_s + 400.0 * PLANTED_CORES


def test_a_planted_connection_is_counted_by_the_kernel_and_by_postgresql(
    shop: LocalDeployment,
) -> None:
    kernel, server = count(shop.pids()), look_into(shop, local=True)
    with psycopg.connect(shop.database_dsn("orders"), autocommit=True):
        planted, held = count(shop.pids()), look_into(shop, local=True)
    assert kernel.tcp_outside is not None
    assert planted.tcp_outside == kernel.tcp_outside + 1
    assert planted.processes["db:orders"] == kernel.processes["db:orders"] + 1
    assert held.connections == server.connections + 1


def test_a_start_says_when_each_component_was_ready(shop: LocalDeployment) -> None:
    cold_s = cold_start_s(shop)
    assert cold_s is not None
    assert 0.1 < cold_s < 30.0


def test_it_runs_end_to_end_and_claims_nothing_in_smoke(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    command = shopbench.start("run", NAME, "--profile", "smoke", "--out", str(tmp_path))
    _, err = command.communicate(timeout=250)
    assert command.returncode == 0, err
    (path,) = tmp_path.glob("*/")
    reader = RunReader(path)
    found = read_footprint(reader.journal.settings, path)
    assert {(start.deployment, start.number) for start in found.starts} == {
        ("monolith", 0),
        ("microservices", 0),
    }
    assert [load.wrong for load in found.loads] == [0, 0, 0, 0]
    assert all(start.databases.connections == 16 for start in found.starts)  # one budget in both
    assert {verdict.verdict for verdict in reader.verdicts} == {"inconclusive"}
    assert reader.cells is not None
    assert {cell.deployment for cell in reader.cells} == {"monolith", "microservices"}
    assert err.count(" against monolith ") == 5
    assert 'id="footprint"' in (path / "report.html").read_text(encoding="utf-8")
