"""The same spec gives the same bytes, of the sizes and the skew that were asked for."""

import csv
import json
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from bench.contract.seed import (
    PASSWORD,
    STAFF_EMAIL,
    SeedSpec,
    password_hash,
    product_ids,
    product_weights,
    user_email,
    user_ids,
    write_seed,
)
from bench.errors import ShopbenchError

SMALL = SeedSpec(users=5, products=40, categories=3)
FILES = ("users.csv", "products.csv", "wallets.csv", "seed.json")


def rows(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write_seed(SMALL, tmp_path / "a"), write_seed(SMALL, tmp_path / "b")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_another_seed_gives_other_ids(tmp_path: Path) -> None:
    assert not set(product_ids(SMALL)) & set(product_ids(SeedSpec(seed=2, products=40)))


def test_the_default_sizes(tmp_path: Path) -> None:
    started = time.monotonic()
    directory = write_seed(SeedSpec(), tmp_path)
    assert time.monotonic() - started < 2
    products = rows(directory, "products.csv")
    assert len(rows(directory, "users.csv")) == 201
    assert (len(products), len({row["category"] for row in products})) == (2_000, 20)
    assert len({row["sku"] for row in products}) == 2_000
    assert {row["quantity"] for row in products} == {"1000000000"}
    assert {row["balance_cents"] for row in rows(directory, "wallets.csv")} == {"1000000000000"}


def test_scarce_changes_stock_and_wallets_only(tmp_path: Path) -> None:
    plenty = write_seed(SMALL, tmp_path / "plenty")
    scarce = write_seed(SeedSpec(users=5, products=40, categories=3, scarce=True), tmp_path / "s")
    assert (plenty / "users.csv").read_bytes() == (scarce / "users.csv").read_bytes()
    assert {row["balance_cents"] for row in rows(scarce, "wallets.csv")} == {"0"}
    for rich, poor in zip(rows(plenty, "products.csv"), rows(scarce, "products.csv"), strict=True):
        assert 20 <= int(poor.pop("quantity")) <= 200
        rich.pop("quantity")
        assert rich == poor


def test_products_keep_the_contracts_limits(tmp_path: Path) -> None:
    for row in rows(write_seed(SeedSpec(), tmp_path), "products.csv"):
        assert 1 <= int(row["price_cents"]) <= 10_000_000
        assert row["name"].strip()
        assert len(row["name"]) <= 200
        assert len(row["description"]) <= 2_000
        assert max(len(row["sku"]), len(row["category"])) <= 64


def test_users_share_one_hash_of_the_password(tmp_path: Path) -> None:
    users = rows(write_seed(SMALL, tmp_path), "users.csv")
    assert {row["password_hash"] for row in users} == {password_hash(1)}
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    assert hasher.verify(password_hash(1), PASSWORD)
    assert not hasher.check_needs_rehash(password_hash(1))


def test_ids_and_addresses_are_those_of_the_files(tmp_path: Path) -> None:
    directory = write_seed(SMALL, tmp_path)
    users = rows(directory, "users.csv")
    assert tuple(row["id"] for row in users if row["staff"] == "false") == user_ids(SMALL)
    assert [row["email"] for row in users] == [*map(user_email, range(1, 6)), STAFF_EMAIL]
    assert tuple(row["id"] for row in rows(directory, "products.csv")) == product_ids(SMALL)
    assert tuple(row["user_id"] for row in rows(directory, "wallets.csv")) == user_ids(SMALL)


def test_popularity_falls_as_a_power_of_the_rank() -> None:
    weights = product_weights(SeedSpec())
    ranked = sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1)
    assert ranked[0] / ranked[9] == pytest.approx(10**0.9)
    assert list(weights) != ranked
    assert 0.4 < sum(ranked[:200]) < 0.7


def test_the_manifest_says_what_it_is(tmp_path: Path) -> None:
    manifest = json.loads((write_seed(SMALL, tmp_path) / "seed.json").read_text(encoding="utf-8"))
    assert manifest == {
        "schema_version": 1,
        "seed": 1,
        "sizes": {"users": 5, "products": 40, "categories": 3},
        "scarce": False,
    }


def test_more_categories_than_names_are_numbered(tmp_path: Path) -> None:
    spec = SeedSpec(users=1, products=30, categories=25)
    categories = {row["category"] for row in rows(write_seed(spec, tmp_path), "products.csv")}
    assert len(categories) == 25


def test_an_empty_shop_is_refused() -> None:
    with pytest.raises(ShopbenchError) as refused:
        SeedSpec(products=0)
    assert refused.value.exit_code == 2
