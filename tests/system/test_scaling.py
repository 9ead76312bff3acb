"""Replicas of a real deployment: spread, quota, kill, redeploy; nothing outlives it."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from bench.deployments.base import UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.errors import ShopbenchError
from tests.system.conftest import CommandLine, owned

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]

HOLDER = """
import time
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
with open_deployment("monolith", options=UpOptions(replica_cores=0.2)) as up:
    up.scale("monolith", 2)
    print("scaled", flush=True)
    time.sleep(200)
"""


def failures(deployment: LocalDeployment, requests: int) -> int:
    failed = 0
    for _ in range(requests):
        try:
            with urllib.request.urlopen(f"{deployment.base_url}/api/v1/products?limit=5") as answer:
                assert json.load(answer)["items"]
        except OSError:
            failed += 1
    return failed


@pytest.mark.parametrize(
    ("name", "component"), [("monolith", "monolith"), ("microservices", "inventory")]
)
def test_replicas_share_the_load_and_one_may_die(
    shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, component: str
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))
    one, two, three = (f"{component}#{number}" for number in (1, 2, 3))
    with open_deployment(name, options=UpOptions(replica_cores=0.2)) as up:
        up.scale(component, 3)
        names = {each.name for each in up.components()}
        assert {f"edge:{component}", one, two, three} <= names
        assert component not in names
        assert failures(up, 30) == 0
        assert min(up.spread(component).values()) >= 5
        if up.quotas_enforced:
            assert up.usage()[two].quota_cores == 0.2
            assert up.usage()[f"edge:{component}"].quota_cores is None
        up.hold(two)
        up.kill(two)
        assert failures(up, 30) == 0
        up.release(two)
        assert up.ready()
        up.redeploy(one)
        assert failures(up, 10) == 0
        up.scale(component, 1)
        assert list(up.spread(component)) == [one]
        assert failures(up, 5) == 0
        for wrong, told in ((0, "at least one replica"), (1_000, "connections for")):
            with pytest.raises(ShopbenchError, match=told):
                up.scale(component, wrong)
        with pytest.raises(ShopbenchError, match="no process 'db:users' to scale"):
            up.scale("db:users", 2)


def pids(deployment: LocalDeployment, component: str) -> dict[str, int]:
    """Its replicas that run."""
    parts = deployment.components()
    return {p.name: p.pid for p in parts if p.name.startswith(component) and "#" in p.name}


def deadlines(deployment: LocalDeployment, component: str) -> set[str]:
    """The deadline, a setting, that its replicas were started with."""
    running = pids(deployment, component).values()
    return {psutil.Process(pid).environ().get("SHOP_DEADLINE_MS", "") for pid in running}


def failures_while(deployment: LocalDeployment, change: Callable[[], None]) -> int:
    """Failed requests of a client that asks all the while."""
    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        failed = 0
        while not changing.done():
            failed += failures(deployment, 1)
        changing.result()
    return failed


@pytest.mark.parametrize(
    ("name", "component"),
    [("monolith", "monolith"), ("users+inventory|orders+payments", "users+inventory")],
)
def test_a_scaled_process_is_redeployed_and_restarted_by_its_own_name(
    shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, component: str
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))
    with open_deployment(name) as up:
        up.redeploy(component, {"SHOP_DEADLINE_MS": "2901"})
        up.scale(component, 1)
        assert deadlines(up, component) == {"2901"}
        release = {"SHOP_DEADLINE_MS": "2902"}
        assert failures_while(up, lambda: up.redeploy(component, release)) == 0
        up.scale(component, 2)
        assert deadlines(up, component) == {"2902"}
        before = pids(up, component)
        with pytest.raises(ShopbenchError, match="the old one serves"):
            up.redeploy(component, {"SHOP_BROKEN_RELEASE": "1"}, 3.0)
        assert pids(up, component) == before
        up.redeploy(f"edge:{component}")
        assert failures(up, 10) == 0
        up.restart(component)
        assert not set(pids(up, component).values()) & set(before.values())
        up.redeploy(component)
        up.scale(component, 1)
        assert up.ready()
        assert failures(up, 10) == 0
        assert list(up.spread(component)) == [f"{component}#1"]


def test_without_quotas_a_limit_is_refused_and_scaling_works(
    shopbench: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(shopbench.home.root))
    with open_deployment("modular") as up:
        assert not up.quotas_enforced
        process = up.components()[0].name
        up.scale(process, 2)
        assert failures(up, 10) == 0
        assert up.usage()[f"{process}#1"].quota_cores is None
        with pytest.raises(ShopbenchError, match="without quotas"):
            up.limit(0.5)


def test_replicas_edge_and_groups_go_with_a_killed_holder(shopbench: CommandLine) -> None:
    holder = shopbench.start_python(HOLDER)
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "scaled"
    everything = owned(shopbench.home)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    everything.wait_gone()


def test_a_smoke_run_ends_with_a_report(shopbench: CommandLine, tmp_path: Path) -> None:
    process = shopbench.start(
        "run", "scaling", "--profile", "smoke", "--mixes", "hot_browse", "--out", str(tmp_path)
    )
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert "report:" in out
