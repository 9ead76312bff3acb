"""Which connections go through the proxy, and which never do."""

import os
from pathlib import Path

import pytest

from bench.deployments.base import UpOptions
from bench.deployments.local.keys import KeyFiles
from bench.deployments.local.network_proxy import (
    Route,
    proxied_dsns,
    proxied_names,
    proxy_cpus,
    redirected,
)
from bench.deployments.local.plan import Facts, process_plans
from bench.deployments.local.topology import parse_topology


@pytest.mark.parametrize(
    ("name", "hops", "expected"),
    [
        ("microservices", "direct", set()),
        ("monolith", "services", set()),  # it calls no other service
        ("modular", "services", set()),
        ("microservices", "services", {"users", "inventory", "orders", "payments"}),
        ("monolith", "all", {"db:shop"}),
        ("modular", "all", {"db:all"}),
        (
            "users+inventory|orders+payments",
            "all",
            {
                *("users+inventory", "orders+payments"),
                *("db:users", "db:inventory", "db:orders", "db:payments"),
            },
        ),
    ],
)
def test_hops_are_the_called_processes_and_the_servers(name, hops, expected) -> None:
    assert set(proxied_names(parse_topology(name), hops)) == expected


def test_a_dsn_keeps_all_but_its_port() -> None:
    dsn = "postgresql://shop_users:s%40cret@127.0.0.1:5432/shop_users?sslmode=disable"
    assert redirected(dsn, 7001) == dsn.replace(":5432", ":7001")


def test_databases_that_share_a_server_share_its_hop() -> None:
    topology = parse_topology("modular")
    dsns = {
        owner: f"postgresql://{owner}:x@127.0.0.1:5432/{owner}"
        for owner in ("users", "inventory", "orders", "payments")
    }
    found = proxied_dsns(topology, dsns, [Route("db:all", 7001, 5432)])
    assert all(":7001/" in dsn for dsn in found.values())
    assert proxied_dsns(topology, dsns, []) == dsns


def test_services_call_each_other_through_the_proxy() -> None:
    topology = parse_topology("microservices")
    ports = {name: 9000 + n for n, name in enumerate(topology.processes)}
    keys = KeyFiles(Path("/k"), {name: Path("/k") for name in ports}, Path("/j"))
    dsns = {owner: f"postgresql://{owner}" for owner in topology.processes[1:]}
    hops = {name: port + 1000 for name, port in ports.items() if name != "gateway"}
    for plan in process_plans(topology, Facts(ports, dsns, keys, hops=hops), UpOptions()):
        assert plan.environment["SHOP_BIND"] == f"127.0.0.1:{ports[plan.name]}"
        urls = {k: v for k, v in plan.environment.items() if k.endswith("_URL")}
        for component in set(topology.processes[1:]) - {plan.name}:
            assert urls[f"{component.upper()}_URL"].endswith(f":{hops[component]}")


def test_the_proxy_runs_outside_the_budget() -> None:
    available = sorted(os.sched_getaffinity(0))
    assert proxy_cpus(()) == ()
    assert proxy_cpus(tuple(available)) == ()
    if len(available) > 1:
        assert proxy_cpus((available[0],)) == (available[-1],)
