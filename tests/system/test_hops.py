"""Hops of a real deployment: delayed while it runs, and gone with it. Partitions serve."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from bench.contract.journey import run_journey
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.topology import all_partitions
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

HOLDER = """
import time
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
with open_deployment({name!r}, options=UpOptions(hops="all")) as up:
    print(up.base_url, up.hops_socket, flush=True)
    time.sleep(200)
"""


def fetch_ms(base_url: str) -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(f"{base_url}/api/v1/products?limit=5") as answer:
        assert json.load(answer)["items"]
    return (time.perf_counter() - start) * 1000


@pytest.mark.parametrize(("name", "hops_passed"), [("monolith", 1), ("microservices", 2)])
def test_hops_are_delayed_while_it_runs_and_nothing_outlives_it(
    shopbench: CommandLine, name: str, hops_passed: int
) -> None:
    from bench.faults.hop_state import HopSettings
    from bench.faults.proxy_control import HopControl

    holder = shopbench.start_python(HOLDER.format(name=name))
    assert holder.stdout is not None
    base_url, path = holder.stdout.readline().split()
    fetch_ms(base_url)
    with HopControl(Path(path)) as control:
        control.set_all(HopSettings(delay_ms=200))
        delayed = min(fetch_ms(base_url) for _ in range(3))
        control.set_all(HopSettings())
        assert delayed >= hops_passed * 200
        assert min(fetch_ms(base_url) for _ in range(5)) < delayed
    everything = owned(shopbench.home)
    supervisors = [
        held
        for folder in shopbench.home.deployments.iterdir()
        for held in Ledger(folder).processes("holder")
        if held.alive() and held.pid != holder.pid
    ]
    assert supervisors
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    everything.wait_gone()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            topology.name,
            marks=() if topology.name == "users|inventory+orders|payments" else pytest.mark.soak,
        )
        for topology in all_partitions()
    ],
)
def test_every_partition_serves_a_journey(
    shopbench: CommandLine, free_port: int, name: str
) -> None:
    shopbench.ok("up", name, "--port", str(free_port))
    try:
        journey = run_journey(f"http://127.0.0.1:{free_port}", seed=1, steps=60)
        assert len(journey) == 60
        assert not [entry for entry in journey if entry.status >= 500]
        assert {200, 201} <= {entry.status for entry in journey}
    finally:
        shopbench.ok("down")


@pytest.mark.parametrize(
    ("experiment", "names"),
    [
        pytest.param("network", "", marks=pytest.mark.soak),
        ("topologies", "modular-split,microservices,users+orders|inventory+payments"),
    ],
)
def test_an_experiment_runs_to_its_section(
    shopbench: CommandLine, tmp_path: Path, experiment: str, names: str
) -> None:
    chosen = ("--deployments", names) if names else ()
    options = ("--profile", "smoke", "--out", str(tmp_path), "--quiet", *chosen)
    process = shopbench.start("run", experiment, *options)
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    (run,) = tmp_path.glob("*/")
    assert f'<section id="{experiment}">' in (run / "report.html").read_text()
    journal = json.loads((run / "journal.json").read_text())
    assert journal["trials"]
    assert all(trial["sent"] == trial["planned"] for trial in journal["trials"])
