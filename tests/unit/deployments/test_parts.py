"""How a part of a deployment is found by what it is called, and what its budget is called."""

import pytest

from bench.deployments.base import cpu_budget, part_with
from bench.errors import ShopbenchError

PARTS = ("gateway", "users+inventory", "orders+payments", "db:users")


@pytest.mark.parametrize(
    ("component", "part"),
    [
        ("gateway", "gateway"),
        ("orders", "orders+payments"),
        ("orders+payments", "orders+payments"),
        ("users", "users+inventory"),
        ("db:users", "db:users"),
    ],
)
def test_a_component_is_found_in_the_process_that_holds_it(component: str, part: str) -> None:
    assert part_with(component, PARTS, "shop") == part


def test_one_that_is_not_there_is_told_what_was_meant() -> None:
    with pytest.raises(ShopbenchError, match="no component 'ordrs' in shop; .* 'orders'") as caught:
        part_with("ordrs", PARTS, "shop")
    assert caught.value.exit_code == 2


def test_a_cpu_budget_in_words() -> None:
    assert cpu_budget("uncontrolled", ()) == "none, as no --cpus were given"
    assert cpu_budget("uncontrolled", (0,)) == "none, this machine allows none"
    assert cpu_budget("cpuset", (0, 2)) == "CPU 0,2 by control group (cpuset)"
