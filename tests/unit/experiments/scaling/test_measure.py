"""Scaling's decisions on planted data: the bottleneck, the path, the search, the levels."""

import pytest

from bench.deployments.base import Usage
from bench.experiments.scaling.path import (
    QuotaUse,
    bottleneck,
    component_of,
    edged,
    grown,
    quota_uses,
)
from bench.experiments.scaling.probe import Point
from bench.experiments.scaling.sizes import SIZES, levels_within


def reading(**cpu_s: float) -> dict[str, Usage]:
    """CPU seconds of components with a quota of 0.1 core; one held back in half its periods."""
    return {
        name.replace("_", "#"): Usage(seconds, 2**20, 0.1, 100, 50 if seconds else 0)
        for name, seconds in cpu_s.items()
    }


def test_the_component_that_used_most_of_its_quota_is_the_bottleneck() -> None:
    first = reading(gateway=0.0, inventory=0.0, users=0.0)
    last = {
        "gateway": Usage(0.14, 0, 0.1, 200, 80),
        "inventory": Usage(0.19, 0, 0.1, 200, 150),
        "users": Usage(0.01, 0, 0.1, 200, 0),
    }
    uses = quota_uses(first, last, 2.0)
    assert {use.component: round(use.use, 2) for use in uses} == {
        "gateway": 0.7,
        "inventory": 0.95,
        "users": 0.05,
    }
    assert bottleneck(uses) == "inventory"


def test_replicas_are_one_component_and_databases_and_edges_are_none() -> None:
    first = reading(inventory_1=0.0, inventory_2=0.0, users=0.0)
    last = {
        "inventory#1": Usage(0.2, 0, 0.1, 200, 200),
        "inventory#2": Usage(0.0, 0, 0.1, 200, 0),
        "users": Usage(0.15, 0, 0.1, 200, 10),
        "edge:inventory": Usage(9.0, 0),
        "db:inventory": Usage(9.0, 0),
    }
    uses = {use.component: use for use in quota_uses(first, last, 2.0)}
    assert uses.keys() == {"inventory", "users"}
    assert uses["inventory"].replicas == 2
    assert uses["inventory"].use == pytest.approx(0.5)
    assert bottleneck(uses.values()) == "users"


def test_of_two_that_are_full_the_one_held_back_more_often_is_it() -> None:
    uses = [QuotaUse("a", 1, 0.981, 0.6), QuotaUse("b", 1, 0.979, 0.9), QuotaUse("c", 1, 0.5, 1.0)]
    assert bottleneck(uses) == "b"
    assert bottleneck([]) is None


def test_a_path_grows_by_one_and_names_who_needs_an_edge() -> None:
    path = [{"gateway": 1, "inventory": 1}]
    path.append(grown(path[-1], "inventory"))
    assert path == [{"gateway": 1, "inventory": 1}, {"gateway": 1, "inventory": 2}]
    assert edged([path]) == ("inventory",)
    assert component_of("inventory#12") == "inventory"


def test_no_block_begins_that_would_end_after_the_limit() -> None:
    quick = SIZES["quick"]
    assert quick.has_room(100.0, [], 200.0)
    assert quick.has_room(quick.limit_s - 300.0, [300.0, 250.0], 200.0)
    assert not quick.has_room(quick.limit_s - 299.0, [300.0, 250.0], 200.0)
    assert SIZES["standard"].has_room(1e6, [1e6], 1e6)


@pytest.mark.parametrize(
    ("name", "cores", "levels"),
    [("monolith", 1, 5), ("microservices", 1, 5), ("microservices", 2, 5), ("modular", 1, 5)],
)
def test_quick_has_five_levels_in_each_arm_on_one_core(name: str, cores: int, levels: int) -> None:
    assert levels_within(name, SIZES["quick"].levels, cores) == levels


def test_levels_whose_quotas_exceed_the_cpus_are_left_out() -> None:
    assert levels_within("microservices", 12, 1) == 6
    assert levels_within("monolith", 12, 1) == 10


def test_the_quota_of_a_level_is_that_of_all_its_replicas() -> None:
    assert Point("m", "mixed", 0, 2, {"gateway": 2, "users": 1}).quota_cores == 0.3
