"""The settings each process is given: what it needs and nothing of its neighbours."""

from pathlib import Path

import pytest

from bench.deployments.base import COMPONENTS, UpOptions
from bench.deployments.local.keys import KeyFiles
from bench.deployments.local.plan import TOTAL_POOL, Facts, ProcessPlan, process_plans
from bench.deployments.local.postgres import ServerBudget
from bench.deployments.local.topology import all_partitions, parse_topology


def plans(name: str, **options) -> dict[str, ProcessPlan]:
    topology = parse_topology(name)
    ports = {process: 9000 + number for number, process in enumerate(topology.processes)}
    owners = [owner for owners in topology.servers.values() for owner in owners]
    keys = KeyFiles(
        Path("/keys/signing.pem"),
        {process: Path(f"/keys/{process}.pem") for process in topology.processes},
        Path("/keys/jwks.json"),
    )
    dsns = {owner: f"postgresql://{owner}" for owner in owners}
    found = process_plans(topology, Facts(ports, dsns, keys), UpOptions(**options))
    return {plan.name: plan for plan in found}


@pytest.mark.parametrize("topology", all_partitions(), ids=lambda topology: topology.name)
def test_a_process_knows_its_own_databases_and_the_urls_of_the_others(topology) -> None:
    for plan in plans(topology.name).values():
        databases = {
            name for name in COMPONENTS if f"{name.upper()}_DATABASE_URL" in plan.environment
        }
        remote = {name for name in COMPONENTS if f"{name.upper()}_URL" in plan.environment}
        assert databases == set(plan.components)
        assert remote == set(COMPONENTS) - set(plan.components)


@pytest.mark.parametrize("topology", all_partitions(), ids=lambda topology: topology.name)
def test_every_component_has_one_process_and_the_same_pool(topology) -> None:
    found = plans(topology.name).values()
    assert sorted(name for plan in found for name in plan.components) == sorted(COMPONENTS)
    pools = [
        int(plan.environment.get("DATABASE_POOL_MAX", 0)) * len(plan.components) for plan in found
    ]
    assert sum(pools) == TOTAL_POOL


@pytest.mark.parametrize("topology", all_partitions(), ids=lambda topology: topology.name)
def test_only_users_can_sign_user_tokens(topology) -> None:
    for plan in plans(topology.name).values():
        assert ("SIGNING_KEY_FILE" in plan.environment) == ("users" in plan.components)


def test_one_block_serves_the_edge_itself() -> None:
    (plan,) = plans("modular").values()
    assert plan.serve[2:] == (
        *("-m", "microservices.host", "serve", "--components"),
        *("users,inventory,orders,payments", "--edge"),
    )
    assert "--edge" not in plan.load_seed


def test_several_blocks_stand_behind_a_gateway_without_a_database() -> None:
    found = plans("users+inventory|orders+payments")
    assert list(found) == ["gateway", "users+inventory", "orders+payments"]
    assert found["gateway"].environment["ORDERS_URL"] == "http://127.0.0.1:9002"
    assert not found["gateway"].load_seed
    assert found["orders+payments"].serve[3] == "microservices.host"
    assert plans("microservices")["orders"].serve[3] == "microservices.orders"


def test_the_monolith_has_the_workers_that_gunicorn_advises_and_one_pool_for_all() -> None:
    for cpus, workers in (((), "3"), ((0,), "3"), ((0, 1), "5")):
        environment = plans("monolith", cpus=cpus)["monolith"].environment
        found = environment["GUNICORN_WORKERS"], environment["DATABASE_POOL_MAX"]
        assert found == (workers, str(TOTAL_POOL))


def test_options_reach_every_process() -> None:
    for plan in plans(
        "microservices", resilience=False, environment={"LOG_LEVEL": "debug"}
    ).values():
        assert plan.environment["RESILIENCE"] == "off"
        assert plan.environment["LOG_LEVEL"] == "debug"
        assert "SHOP_FAULTS" not in plan.environment


@pytest.mark.parametrize("servers", [1, 4])
def test_the_servers_of_a_deployment_share_one_budget(servers: int) -> None:
    share = ServerBudget().divided(servers)
    assert share.shared_buffers_mb * servers == 256
    assert share.max_connections * servers == 80
    assert share.io_workers * servers == 4
    assert share.settings()["fsync"] == share.settings()["synchronous_commit"] == "on"
