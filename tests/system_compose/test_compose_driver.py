"""The driver's protocol on containers: what experiments, faults and audits rely on."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from bench.contract.conformance import World
from bench.contract.seed import SeedSpec
from bench.deployments.base import COMPONENTS, UpOptions
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.engine import docker, labelled
from bench.deployments.compose.opening import new_compose_deployment
from bench.deployments.compose.override import OWNER_LABEL
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError
from tests.system_compose.conftest import ROOT, CommandLine
from tests.system_compose.shopper import place_order

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(1800)]

CPU = min(os.sched_getaffinity(0))
HOLDER = """
import sys, time
from bench.deployments.places import open_at
with open_at("compose", "monolith") as up:
    print(up.state.ident, flush=True)
    time.sleep(600)
"""


@pytest.fixture(
    scope="module", params=[pytest.param("microservices", marks=pytest.mark.soak), "monolith"]
)
def shop(request: pytest.FixtureRequest, shopbench: CommandLine) -> Iterator[ComposeDeployment]:
    home = StateHome(shopbench.home)
    home.prepare()
    options = UpOptions(seed=SeedSpec(scarce=True), cpus=(CPU,), faults=True)
    with new_compose_deployment(home, request.param, None, options, current=False) as running:
        yield running


def status(shop: ComposeDeployment, path: str) -> int:
    """GET a public path; 0 without an answer."""
    address = urlsplit(shop.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def wait_for(shop: ComposeDeployment, path: str, wanted: int) -> None:
    deadline = time.monotonic() + 30
    while (answer := status(shop, path)) != wanted:
        assert time.monotonic() < deadline, f"{path} answers {answer}, not {wanted}"
        time.sleep(0.1)


def wait_ready(shop: ComposeDeployment) -> None:
    """All at once; a container held to a fifth of a core may take longer than a probe waits."""
    deadline = time.monotonic() + 30
    while not shop.ready():
        assert time.monotonic() < deadline, "a container does not get ready"


def victim(shop: ComposeDeployment) -> str:
    return "monolith" if shop.name == "monolith" else "inventory"


def condition(shop: ComposeDeployment, name: str) -> str:
    return next(part.condition for part in shop.components() if part.name == name)


PRODUCTS = "/api/v1/products"


def test_all_containers_are_held_on_the_cpus(shop: ComposeDeployment) -> None:
    assert shop.cpu_control == "cpuset"
    for part in shop.components():
        assert os.sched_getaffinity(part.pid) == {CPU}, part.name


def test_no_container_runs_its_server_as_root(shop: ComposeDeployment) -> None:
    users = {Path(f"/proc/{part.pid}").stat().st_uid for part in shop.components()}
    assert 0 not in users


def test_usage_grows_with_work(shop: ComposeDeployment) -> None:
    before = shop.usage()
    for _ in range(50):
        assert status(shop, PRODUCTS) == 200
    after = shop.usage()
    name = victim(shop)
    assert after[name].cpu_seconds > before[name].cpu_seconds
    assert all(each.pss_bytes > 2**20 for name, each in after.items())
    assert {part.name for part in shop.components()} <= set(after)


def test_a_killed_container_that_is_held_is_gone_until_it_is_released(
    shop: ComposeDeployment,
) -> None:
    name = victim(shop)
    shop.hold(name)
    shop.kill(name)
    assert condition(shop, name) == "exited"
    assert not shop.ready()
    assert status(shop, PRODUCTS) != 200
    shop.release(name)
    wait_for(shop, PRODUCTS, 200)


def test_a_container_whose_process_dies_is_started_again(shop: ComposeDeployment) -> None:
    """By the engine, unlike one that was told to stop; `kill` does the same itself."""
    before = {part.name: part for part in shop.components()}[victim(shop)]
    os.kill(before.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (after := {p.name: p for p in shop.components()}[before.name]).pid in (0, before.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    wait_ready(shop)
    assert after.restarts == before.restarts + 1
    shop.kill(before.name)
    assert condition(shop, before.name) == "running"
    wait_ready(shop)


def test_a_killed_database_comes_back_with_its_data(shop: ComposeDeployment) -> None:
    server = next(part.name for part in shop.components() if part.kind == "database")
    owner = "users"
    with psycopg.connect(shop.database_dsn(owner)) as connection:
        count = connection.execute("SELECT count(*) FROM users").fetchone()
    shop.hold(server)
    shop.kill(server)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(shop.database_dsn(owner), connect_timeout=2).close()
    shop.release(server)
    with psycopg.connect(shop.database_dsn(owner)) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == count
    wait_for(shop, PRODUCTS, 200)


def test_a_paused_container_answers_again_after_resume(shop: ComposeDeployment) -> None:
    name = victim(shop)
    shop.pause(name)
    assert condition(shop, name) == "paused"
    shop.resume(name)
    wait_for(shop, PRODUCTS, 200)


def test_a_redeployed_container_is_another_process(shop: ComposeDeployment) -> None:
    name = victim(shop)
    before = next(part for part in shop.components() if part.name == name)
    shop.redeploy(name)
    after = next(part for part in shop.components() if part.name == name)
    assert after.pid != before.pid
    wait_for(shop, PRODUCTS, 200)
    wait_ready(shop)


def test_a_reset_loads_another_seed(shop: ComposeDeployment) -> None:
    shop.reset(SeedSpec(seed=3, users=5, products=7, categories=2))
    with psycopg.connect(shop.database_dsn("inventory")) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (7,)
    shop.reset(SeedSpec())
    assert place_order(shop.base_url)


def test_every_component_has_a_database_that_can_be_read(shop: ComposeDeployment) -> None:
    for component in COMPONENTS:
        with psycopg.connect(shop.database_dsn(component)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_fault_point_armed_in_its_folder_fires_once(shop: ComposeDeployment) -> None:
    assert shop.faults_dir is not None
    world = World(shop.base_url)
    customer = world.login("user0001@shop.example")
    point = shop.faults_dir / "payments.deposit.before_commit.json"
    point.write_text(json.dumps({"action": "error", "once": True}))
    point.chmod(0o666)
    answers = []
    for _ in range(2):
        key, payload = str(uuid.uuid4()), {"amount_cents": 1}
        deposit = world.call("POST", "/wallet/deposits", token=customer, key=key, payload=payload)
        answers.append(deposit.status)
    assert answers == [500, 201]


def test_an_unknown_component_is_a_clear_error(shop: ComposeDeployment) -> None:
    with pytest.raises(ShopbenchError, match="no component 'carts'"):
        shop.kill("carts")


@pytest.mark.soak
def test_what_a_killed_bench_left_is_removed_by_the_next_command(shopbench: CommandLine) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        env={**os.environ, "SHOPBENCH_HOME": str(shopbench.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    ident = holder.stdout.readline().strip()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    label = f"{OWNER_LABEL}={ident}"
    assert labelled("container", label)
    done = shopbench.run("down")
    assert done.returncode == 1, done.stderr
    assert not labelled("container", label)
    assert not docker("volume", "ls", "--quiet", "--filter", f"name=shopbench-{ident}").split()


@pytest.mark.soak
def test_up_switch_status_redeploy_logs_and_down(shopbench: CommandLine) -> None:
    port = "7590"
    shopbench.ok("up", "monolith", "--on", "compose", "--port", port)
    order = place_order(f"http://127.0.0.1:{port}")
    assert order
    shopbench.ok("switch", "microservices")
    found = json.loads(shopbench.ok("status", "--json"))
    assert (found["name"], found["ready"]) == ("microservices", True)
    assert found["base_url"].endswith(port)
    shopbench.ok("redeploy", "orders")
    shopbench.ok("scale", "payments", "2")
    shopbench.ok("redeploy", "payments")  # one replica after the other
    shopbench.ok("seed")
    assert place_order(f"http://127.0.0.1:{port}")
    shopbench.ok("logs", "db:orders", "-n", "3")
    shopbench.ok("down")
    assert not labelled("container", f"{OWNER_LABEL}={found['project'].partition('-')[2]}")


def test_verify_passes_in_containers(shopbench: CommandLine) -> None:
    done = shopbench.run("verify", "monolith", "microservices", "--on", "compose", "--json")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.soak
def test_a_run_has_all_its_members_up_at_once_and_ends_with_a_report(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    names = ("--deployments", "monolith,microservices", "--mixes", "product_read,order")
    shopbench.ok(
        *("run", "latency", "--on", "compose", "--profile", "smoke", "--quiet"),
        *(*names, "--out", str(tmp_path)),
    )
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    journal = json.loads((folder / "journal.json").read_text())
    assert journal["settings"]["place"] == "compose"
    rounds = [each for each in journal["trials"] if each["experiment"] == "latency"]
    members = {"monolith", "microservices", "monolith#2"}
    for operation in ("product_read", "order"):
        assert {t["deployment"] for t in rounds if t["mix"] == operation} == members
    assert all(sum(u["cpu_seconds"] for u in t["usage"].values()) > 0 for t in rounds)
    assert (folder / "report.html").stat().st_size > 50_000
