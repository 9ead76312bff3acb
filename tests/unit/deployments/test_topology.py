"""Deployment names: every partition has one canonical name, and a bad name says why."""

import itertools

import pytest

from bench.deployments.base import COMPONENTS
from bench.deployments.local.topology import all_partitions, parse_topology
from bench.errors import ShopbenchError

PARTITIONS = all_partitions()


def test_four_components_have_fifteen_partitions() -> None:
    assert len({topology.name for topology in PARTITIONS}) == 15


@pytest.mark.parametrize("topology", PARTITIONS, ids=lambda topology: topology.name)
def test_a_canonical_name_parses_to_the_same_topology(topology) -> None:
    assert parse_topology(topology.name) == topology
    assert sorted(itertools.chain(*topology.blocks)) == sorted(COMPONENTS)


@pytest.mark.parametrize("topology", PARTITIONS, ids=lambda topology: topology.name)
def test_only_several_processes_need_a_gateway(topology) -> None:
    assert ("gateway" in topology.processes) == (len(topology.blocks) > 1)
    assert len(topology.processes) == len(topology.blocks) + (len(topology.blocks) > 1)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("orders+payments|inventory+users", "users+inventory|orders+payments"),
        (" Users + Inventory | Orders + Payments ", "users+inventory|orders+payments"),
        ("payments|orders|inventory|users", "microservices"),
        ("payments+orders+inventory+users", "modular-split"),
        ("MODULAR", "modular"),
    ],
)
def test_the_order_of_writing_does_not_matter(written: str, canonical: str) -> None:
    assert parse_topology(written).name == canonical


def test_servers_are_shared_only_where_the_name_says_so() -> None:
    assert parse_topology("monolith").servers == {"db:shop": ("monolith",)}
    assert parse_topology("modular").servers == {"db:all": COMPONENTS}
    for name in ("modular-split", "microservices", "users|inventory+orders+payments"):
        assert list(parse_topology(name).servers) == [f"db:{part}" for part in COMPONENTS]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonolith", "did you mean 'monolith'"),
        ("micro-services", "did you mean 'microservices'"),
        ("", "unknown deployment"),
        ("docker", "unknown deployment"),
        ("users", "inventory, orders, payments missing"),
        ("users+inventory|orders", "payments missing"),
        ("users+users|inventory|orders|payments", "users stands more than once"),
        ("users++inventory|orders|payments", "empty block"),
        ("users+inventory|orders+payments|", "empty block"),
        ("users+inventry|orders+payments", "did you mean 'inventory'"),
        ("gateway|users+inventory|orders+payments", "unknown component 'gateway'"),
    ],
)
def test_a_bad_name_is_refused_with_its_reason(text: str, said: str) -> None:
    with pytest.raises(ShopbenchError, match=".") as refused:
        parse_topology(text)
    assert said in refused.value.message
    assert refused.value.exit_code == 2


def test_the_owner_of_a_component_is_the_monolith_where_there_is_one() -> None:
    assert parse_topology("monolith").owner("orders") == "monolith"
    assert parse_topology("modular").owner("orders") == "orders"
    with pytest.raises(ShopbenchError, match="unknown component"):
        parse_topology("modular").owner("carts")
