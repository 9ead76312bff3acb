"""Starts from copied data folders are the same shop as a first start."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from bench.contract.conformance import run_conformance
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.deployments.local.home import StateHome

pytestmark = pytest.mark.system
AREAS = ("users", "orders", "security")


@pytest.fixture(scope="module")
def home() -> Iterator[StateHome]:
    """A home that no deployment has been started in."""
    root = Path(tempfile.mkdtemp(prefix="shopbench-test-", dir="/var/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPBENCH_HOME", str(root))
        yield StateHome.from_environment()
    shutil.rmtree(root, ignore_errors=True)


def ask(shop: LocalDeployment, component: str, statement: str) -> object:
    with psycopg.connect(shop.database_dsn(component)) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row and row[0]


def serve(name: str, seed: SeedSpec | None = None) -> str:
    with open_deployment(name, options=UpOptions(seed=seed or SeedSpec())) as shop:
        return str(ask(shop, "inventory", "SELECT max(on_hand) FROM audit_stock"))


def make_set(home: StateHome, name: str) -> None:
    """Start it once, unless a test before has."""
    if not list(home.clusters.glob(f"{name}-*")):
        serve(name)


def test_first_starts_at_the_same_time_share_one_set(home: StateHome) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(serve, ["monolith"] * 2)) == [str(10**9)] * 2
    (only,) = home.clusters.iterdir()
    assert only.name.startswith("monolith-")


@pytest.mark.soak  # every deployment of tests/contract is a copy too
@pytest.mark.parametrize("name", ["monolith", "microservices"])
def test_a_copied_shop_keeps_the_contract(home: StateHome, name: str) -> None:
    make_set(home, name)
    with open_deployment(name) as shop:
        results = run_conformance(shop.base_url, areas=AREAS, signing_key=home.keys / "signing.pem")
    assert len(results) > 20
    assert [case for case in results if case.outcome == "failed"] == []


def test_a_damaged_set_is_made_again(home: StateHome) -> None:
    make_set(home, "monolith")
    (folder,) = home.clusters.glob("monolith-*")
    (folder / "db-shop" / "PG_VERSION").unlink()
    assert serve("monolith") == str(10**9)
    assert (folder / "db-shop" / "PG_VERSION").exists()


def test_another_seed_has_a_set_of_its_own(home: StateHome) -> None:
    assert int(serve("monolith", SeedSpec(scarce=True))) <= 200
    assert serve("monolith") == str(10**9)
    assert len(list(home.clusters.glob("monolith-*"))) == 2


def test_the_copy_is_vacuumed_and_has_statistics(home: StateHome) -> None:
    with open_deployment("monolith") as shop:
        whole = "SELECT bool_and(relpages > 0 AND relallvisible = relpages) FROM pg_class"
        assert ask(shop, "users", f"{whole} WHERE relname IN ('products', 'stock', 'users')")
        assert ask(shop, "users", "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'public'")


def test_each_database_has_a_password_of_its_own(home: StateHome) -> None:
    with open_deployment("modular") as shop:
        users, orders = (shop.database_dsn(name) for name in ("users", "orders"))
    assert users.partition("@")[0].rpartition(":")[2] != orders.partition("@")[0].rpartition(":")[2]
