"""What `latency` measures, and how long it says that takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.engine.options import DEPLOYMENTS, RunOptions
from bench.errors import ShopbenchError
from bench.experiments.latency.plan import SHARES, SIZES, plan_of
from bench.stats.rounds import MIN_STARTS


@pytest.mark.parametrize(
    ("mixes", "operations"),
    [
        ((), tuple(SHARES)),
        (("mixed",), tuple(SHARES)),
        (("order", "product_read"), ("product_read", "order")),
        (("product_list", "overview"), ("overview",)),  # the list is for other experiments
        (("mixed", "order"), tuple(SHARES)),
    ],
)
def test_its_operations_are_those_of_the_mixes_that_were_asked_for(
    mixes: tuple[str, ...], operations: tuple[str, ...]
) -> None:
    assert plan_of(RunOptions(mixes=mixes), "quick").operations == operations


def test_a_mix_of_none_of_its_operations_is_refused_with_their_names() -> None:
    with pytest.raises(ShopbenchError, match="product_read, wallet_read, order, overview") as no:
        plan_of(RunOptions(mixes=("product_list",)), "quick")
    assert no.value.exit_code == 2


def test_the_mix_has_its_shares_only_where_all_its_operations_are_measured() -> None:
    whole = plan_of(RunOptions(), "quick")
    assert whole.shares == SHARES
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert plan_of(RunOptions(mixes=("order",)), "quick").shares == {}


@pytest.mark.parametrize("names", [(), ("microservices", "monolith"), ("modular",)])
def test_the_first_deployment_takes_part_twice(names: tuple[str, ...]) -> None:
    members = plan_of(RunOptions(deployments=names), "quick").members
    expected = names or DEPLOYMENTS
    assert members == (*expected, f"{expected[0]}#2")


@pytest.mark.parametrize(
    ("profile", "limit_s"), [("smoke", 75), ("quick", 8 * 60), ("standard", 40 * 60)]
)
def test_a_profile_plans_no_more_than_it_promises(profile: str, limit_s: float) -> None:
    plan = plan_of(RunOptions(), profile)
    assert plan.planned_s <= limit_s
    assert plan.size.limit_s <= max(limit_s, 90)  # smoke's is never reached
    assert (plan.size.starts >= MIN_STARTS) == (profile != "smoke")


def test_more_operations_and_longer_blocks_take_longer() -> None:
    one, all_of_them = (plan_of(RunOptions(mixes=m), "quick") for m in (("order",), ()))
    assert one.start_s < all_of_them.start_s
    longer = replace(one, size=replace(one.size, writes_s=one.size.writes_s + 10))
    assert longer.start_s == pytest.approx(one.start_s + 10)
    assert longer.planned_s == pytest.approx(one.planned_s + 10 * one.size.starts)


def test_every_profile_may_make_more_starts_but_never_fewer() -> None:
    assert all(size.most_starts >= size.starts for size in SIZES.values())
