"""The driver's protocol on running deployments: what experiments, faults and audits rely on."""

from __future__ import annotations

import http.client
import json
import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from bench.contract.conformance import World
from bench.contract.seed import SeedSpec
from bench.deployments.base import COMPONENTS, UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.deployments.local.processes import descendants
from bench.engine.round_blocks import no_autovacuum
from bench.errors import ShopbenchError

pytestmark = pytest.mark.system

CPU = min(os.sched_getaffinity(0))
NAMES = [
    "monolith",
    "users+inventory|orders+payments",
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("modular", "microservices")),
    pytest.param("modular-split", marks=pytest.mark.soak),
]


@pytest.fixture(scope="module", params=NAMES)
def shop(request: pytest.FixtureRequest) -> Iterator[LocalDeployment]:
    options = UpOptions(seed=SeedSpec(scarce=True), cpus=(CPU,), faults=True)
    with open_deployment(request.param, options=options) as running:
        yield running


def status(shop: LocalDeployment, path: str) -> int:
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


def wait_for(shop: LocalDeployment, path: str, wanted: int) -> None:
    deadline = time.monotonic() + 15
    while (answer := status(shop, path)) != wanted:
        assert time.monotonic() < deadline, f"{path} answers {answer}, not {wanted}"
        time.sleep(0.05)


def names(shop: LocalDeployment, kind: str) -> list[str]:
    return [part.name for part in shop.components() if part.kind == kind]


def condition(shop: LocalDeployment, name: str) -> str:
    return next(part.condition for part in shop.components() if part.name == name)


def ask(dsn: str, statement: str) -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return str(row[0])


def database_dsns(shop: LocalDeployment) -> set[str]:
    return {shop.database_dsn(component) for component in COMPONENTS}


def test_the_whole_deployment_stays_on_its_cpus(shop: LocalDeployment) -> None:
    assert shop.cpu_control in {"cpuset", "affinity"}
    for part in shop.components():
        assert os.sched_getaffinity(part.pid) == {CPU}


def test_a_component_names_every_process_that_it_has_started(shop: LocalDeployment) -> None:
    """PostgreSQL forks its workers while it is taken into its group: none may stay outside."""
    assert shop.pids().keys() == {part.name for part in shop.components()}
    for part in shop.components():
        before = {part.pid, *(each.pid for each in descendants(part.pid))}
        named = set(shop.pids()[part.name])
        after = {part.pid, *(each.pid for each in descendants(part.pid))}
        assert before & after <= named  # a connection may come or go meanwhile


def test_a_component_says_when_it_was_ready(shop: LocalDeployment) -> None:
    for part in shop.components():
        assert part.started_at < part.ready_at <= time.time()


def test_memory_and_connections_are_one_budget_over_all_servers(shop: LocalDeployment) -> None:
    by_server = {urlsplit(dsn).port: dsn for dsn in database_dsns(shop)}
    pages = [
        ask(dsn, "SELECT setting FROM pg_settings WHERE name = 'shared_buffers'")
        for dsn in by_server.values()
    ]
    connections = [ask(dsn, "SHOW max_connections") for dsn in by_server.values()]
    assert sum(map(int, pages)) * 8192 == 256 * 2**20
    assert sum(map(int, connections)) == 80
    assert {ask(dsn, "SHOW fsync") for dsn in by_server.values()} == {"on"}


def test_autovacuum_can_be_switched_off_for_measuring(shop: LocalDeployment) -> None:
    no_autovacuum(shop)
    deadline = time.monotonic() + 10
    for dsn in database_dsns(shop):
        while ask(dsn, "SHOW autovacuum") != "off":
            assert time.monotonic() < deadline


def test_a_component_cannot_open_the_database_of_another(shop: LocalDeployment) -> None:
    own, other = urlsplit(shop.database_dsn("users")), urlsplit(shop.database_dsn("orders"))
    if own == other:
        pytest.skip("the monolith has one database")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            other._replace(
                netloc=f"{own.username}:{own.password}@{other.hostname}:{other.port}"
            ).geturl()
        )


def test_usage_grows_with_work(shop: LocalDeployment) -> None:
    before = sum(used.cpu_seconds for used in shop.usage().values())
    for _ in range(20):
        assert status(shop, "/api/v1/products") == 200
    usage = shop.usage()
    assert sum(used.cpu_seconds for used in usage.values()) > before
    assert set(usage) == {part.name for part in shop.components()}
    assert all(used.pss_bytes > 2**20 for used in usage.values())


def test_a_killed_process_that_is_held_is_gone_until_it_is_released(shop: LocalDeployment) -> None:
    edge = names(shop, "process")[0]
    shop.hold(edge)
    shop.kill(edge)
    assert status(shop, "/ready") == 0
    assert condition(shop, edge) == "exited"
    shop.release(edge)
    assert condition(shop, edge) == "running"
    assert status(shop, "/ready") == 200


def test_a_killed_database_comes_back_with_its_data(shop: LocalDeployment) -> None:
    database = next(
        n for n in names(shop, "database") if n in {"db:shop", "db:all", "db:inventory"}
    )
    shop.hold(database)
    shop.kill(database)
    wait_for(shop, "/api/v1/products", 503)
    assert condition(shop, database) == "exited"
    shop.release(database)
    wait_for(shop, "/api/v1/products", 200)


def test_a_paused_process_answers_again_after_resume(shop: LocalDeployment) -> None:
    edge = names(shop, "process")[0]
    shop.pause(edge)
    assert condition(shop, edge) == "paused"
    shop.resume(edge)
    wait_for(shop, "/ready", 200)


def test_a_redeployed_process_is_another_one(shop: LocalDeployment) -> None:
    before = {part.name: part.pid for part in shop.components()}
    last = names(shop, "process")[-1]
    shop.redeploy(last)
    after = {part.name: part.pid for part in shop.components()}
    assert before[last] != after.pop(last)
    assert after.items() <= before.items()
    wait_for(shop, "/ready", 200)


def test_a_release_that_is_never_ready_leaves_the_old_one(shop: LocalDeployment) -> None:
    before = {part.name: part.pid for part in shop.components()}
    for name in (names(shop, "process")[0], names(shop, "process")[-1]):
        with pytest.raises(ShopbenchError, match="the old one serves: .* was not ready within 3 s"):
            shop.redeploy(name, {"SHOP_BROKEN_RELEASE": "1"}, 3.0)
    assert {part.name: part.pid for part in shop.components()} == before
    assert status(shop, "/ready") == 200


def test_a_rollout_can_be_cancelled(shop: LocalDeployment) -> None:
    edge = names(shop, "process")[0]
    shop.cancel_redeploy(edge)  # nothing is under way
    with ThreadPoolExecutor(1) as pool:
        rollout = pool.submit(shop.redeploy, edge, {"SHOP_BROKEN_RELEASE": "1"}, 600.0)
        deadline = time.monotonic() + 30
        while not rollout.done():
            assert time.monotonic() < deadline
            shop.cancel_redeploy(edge)
        with pytest.raises(ShopbenchError, match="cancelled"):
            rollout.result()
    assert status(shop, "/ready") == 200


def test_a_service_is_redeployed_without_a_gap(shop: LocalDeployment) -> None:
    """Its callers know both endpoints; an edge has one port, and a gap."""
    processes = names(shop, "process")
    if len(processes) == 1:
        pytest.skip("the edge is the whole server")
    inventory = next(name for name in processes if "inventory" in name.split("+"))
    answers: list[int] = []
    for _ in range(2):  # there and back
        with ThreadPoolExecutor(1) as pool:
            rollout = pool.submit(shop.redeploy, inventory)
            while not rollout.done():
                answers.append(status(shop, "/api/v1/products?limit=1"))
            rollout.result()
    assert set(answers) == {200}


def test_one_worker_is_killed_and_paused_alone(shop: LocalDeployment) -> None:
    edge = names(shop, "process")[0]
    if shop.name != "monolith":
        with pytest.raises(ShopbenchError, match="has no worker processes"):
            shop.kill(f"{edge}:worker")
        return
    arbiter = psutil.Process(next(p.pid for p in shop.components() if p.name == edge))
    workers = arbiter.children()
    shop.pause("monolith:worker")
    (worker,) = (each for each in workers if each.status() == psutil.STATUS_STOPPED)
    assert arbiter.status() != psutil.STATUS_STOPPED
    shop.resume("monolith:worker")
    shop.kill("monolith:worker")
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    wait_for(shop, "/ready", 200)
    assert condition(shop, edge) == "running"


def test_a_reset_loads_another_seed(shop: LocalDeployment) -> None:
    shop.reset(SeedSpec(seed=2))
    dsn = shop.database_dsn("inventory")
    assert int(ask(dsn, "SELECT min(on_hand) FROM audit_stock")) == 10**9
    shop.reset(SeedSpec(seed=1, scarce=True))
    assert int(ask(dsn, "SELECT max(on_hand) FROM audit_stock")) <= 200


def test_an_unknown_component_is_a_clear_error(shop: LocalDeployment) -> None:
    with pytest.raises(ShopbenchError, match="no component 'carts'"):
        shop.kill("carts")
    with pytest.raises(ShopbenchError, match="unknown component 'carts'"):
        shop.database_dsn("carts")


def test_a_fault_point_armed_in_its_folder_fires_once(shop: LocalDeployment) -> None:
    assert shop.faults_dir is not None
    world = World(shop.base_url)
    customer = world.login("user0001@shop.example")
    point = shop.faults_dir / "payments.deposit.before_commit.json"
    point.write_text(json.dumps({"action": "error", "once": True}))
    answers = []
    for _ in range(2):
        payload = {"amount_cents": 1}
        key = str(uuid.uuid4())
        deposit = world.call("POST", "/wallet/deposits", token=customer, key=key, payload=payload)
        answers.append(deposit.status)
    assert answers == [500, 201]
