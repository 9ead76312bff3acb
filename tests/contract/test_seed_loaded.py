"""A fresh deployment holds exactly what the seed's files say, whichever arm loaded them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.contract.conformance import World
from bench.contract.conformance.expect import expect
from bench.contract.seed import PLENTY_CENTS, SeedSpec, user_email, user_ids, write_seed
from bench.deployments.local.driver import LocalDeployment

SPEC = SeedSpec()
SOME = (0, 7, 1_999)


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    directory = write_seed(SPEC, Path(tmp_path_factory.mktemp("seed")))
    with (directory / "products.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def fresh(deployment: LocalDeployment, world: World) -> Iterator[World]:
    """The deployment with nothing but the seed in it; other tests make their people anew."""
    deployment.reset(SPEC)
    world.forget()
    yield world
    world.forget()


def as_shown(row: dict[str, str]) -> dict[str, object]:
    """A row of products.csv as GET /products/{id} shows it."""
    text = {name: row[name] for name in ("id", "sku", "name", "description", "category")}
    price_cents, available = int(row["price_cents"]), int(row["quantity"])
    return {**text, "price_cents": price_cents, "available": available, "version": 1}


def test_the_seed_is_there_after_a_reset(fresh: World, products: list[dict[str, str]]) -> None:
    for row in (products[number] for number in SOME):
        answer = expect(fresh.call("GET", f"/products/{row['id']}"), 200)
        assert answer.json() == as_shown(row)
    page = expect(fresh.call("GET", "/products"), 200)
    lowest = sorted(products, key=lambda row: (row["name"].encode(), row["id"]))[:20]
    assert page["items"] == [as_shown(row) for row in lowest]
    for number in (1, SPEC.users):
        token = fresh.login(user_email(number))
        me = expect(fresh.call("GET", "/users/me", token=token), 200)
        assert me["id"] == user_ids(SPEC)[number - 1]
        wallet = expect(fresh.call("GET", "/wallet", token=token), 200)
        assert wallet["balance_cents"] == PLENTY_CENTS


@pytest.mark.slow
def test_another_reset_forgets_what_was_done_and_can_be_scarce(
    deployment: LocalDeployment, fresh: World
) -> None:
    payload = {"email": "forgotten@shop.example", "password": "12345678", "full_name": "x"}
    expect(fresh.call("POST", "/users", payload=payload), 201)
    deployment.reset(SeedSpec(scarce=True))
    expect(fresh.call("POST", "/users", payload=payload), 201)
    listed = expect(fresh.call("GET", "/products", query={"limit": 100}), 200)
    assert all(20 <= item["available"] <= 200 for item in listed["items"])
    wallet = fresh.call("GET", "/wallet", token=fresh.login(user_email(1)))
    assert expect(wallet, 200)["balance_cents"] == 0
    deployment.reset(SPEC)
