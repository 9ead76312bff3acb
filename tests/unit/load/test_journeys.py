"""The shop's journeys as `bench/locustfile.py` makes them, seen by a server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from scipy import stats

from bench.contract.seed import SeedSpec, category_names, product_ids, product_weights
from bench.load.generator import ClosedLoop, LoadProcess, Target
from bench.load.mixes import JOURNEYS, MIXES, share_of
from bench.load.operations import OPERATIONS
from bench.load.plan import Visit
from tests.unit.load.conftest import heard

SHOP = SeedSpec()
TOKENS = [f"token-{number}" for number in range(10)]


@pytest.fixture
def visit(load: LoadProcess, serve: Callable[..., str]) -> Callable[..., list[dict[str, str]]]:
    """Make so many visits of a journey, one after the other; all that the server heard."""

    def make(journey: str, visits: int = 1, clients: int = 1) -> list[dict[str, str]]:
        url = serve()
        planned = [Visit(0.0, journey, number) for number in range(visits)]
        loop = ClosedLoop(clients, 0.0, 60.0, max_visits=visits)
        result = load.run_closed(Target(url, TOKENS), planned, loop)
        assert set(result.error) == {""}
        assert result.operation == list(JOURNEYS[journey]) * visits or clients > 1
        return heard(url)

    return make


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_makes_its_steps_in_order(
    visit: Callable[..., list[dict[str, str]]], journey: str
) -> None:
    seen = visit(journey)
    assert [each["method"] for each in seen] == [
        OPERATIONS[name].method for name in JOURNEYS[journey]
    ]
    for each, name in zip(seen, JOURNEYS[journey], strict=True):
        operation = OPERATIONS[name]
        assert (each["token"] != "") == operation.authorized
        assert (each["key"] != "") == operation.keyed
        assert (each["type"] == "application/json") == (each["body"] != "")


def test_every_mix_is_made_of_journeys_with_a_share_and_mixed_has_all_of_plain_locusts() -> None:
    for mix in MIXES.values():
        assert sum(weight for _, weight in mix.weights) == pytest.approx(1)
        for journey, _ in mix.weights:
            assert set(JOURNEYS[journey]) <= set(OPERATIONS)
    assert sum(share_of(journey) for journey, _ in MIXES["mixed"].weights) == 100


def test_orders_keep_to_the_contract(visit: Callable[..., list[dict[str, str]]]) -> None:
    products: set[str] = set(product_ids(SHOP))
    sizes = Counter()
    for each in visit("order", 200):
        lines = json.loads(each["body"])["items"]
        wanted = [line["product_id"] for line in lines]
        sizes[len(lines)] += 1
        assert len(set(wanted)) == len(wanted)
        assert set(wanted) <= products
        assert all(1 <= line["quantity"] <= 3 for line in lines)
    expected = [200 * share for share in (0.5, 0.3, 0.2)]
    assert stats.chisquare([sizes[n] for n in (1, 2, 3)], expected).pvalue > 0.001


def test_popular_products_are_asked_for_as_often_as_the_seed_says(
    visit: Callable[..., list[dict[str, str]]],
) -> None:
    weights = product_weights(SHOP)
    top = max(weights)
    favourite = f"/api/v1/products/{product_ids(SHOP)[weights.index(top)]}"
    seen = [each["path"] for each in visit("product_read", 2000)]
    share = seen.count(favourite) / len(seen)
    assert abs(share - top) < 4 * (top * (1 - top) / len(seen)) ** 0.5


def test_every_customer_comes_as_often_as_any_other(
    visit: Callable[..., list[dict[str, str]]],
) -> None:
    seen = Counter(each["token"] for each in visit("overview", 600))
    assert set(seen) == {f"Bearer {token}" for token in TOKENS}
    assert stats.chisquare(list(seen.values())).pvalue > 0.001


def test_lists_are_of_categories_that_there_are(
    visit: Callable[..., list[dict[str, str]]],
) -> None:
    paths = [each["path"] for each in visit("product_list", 100)]
    named = {unquote(path.partition("category=")[2].partition("&")[0]) for path in paths}
    assert named - {""} <= set(category_names(SHOP))
    assert len(named) > 5
    assert 0 < sum("sort=price" in path for path in paths) < 60


def test_what_a_visit_draws_does_not_depend_on_who_else_is_there(
    visit: Callable[..., list[dict[str, str]]],
) -> None:
    """Twelve at once interleave at every answer; alone, each visit draws the same."""
    alone, crowded = (
        Counter(each["path"] + each["body"] + each["token"] for each in seen)
        for seen in (visit("look", 60), visit("look", 60, clients=12))
    )
    assert alone == crowded
