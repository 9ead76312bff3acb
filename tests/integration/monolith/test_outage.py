"""The only database is killed and comes back: 503 meanwhile, and no restart of the shop."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.contract.seed import SeedSpec, product_ids, write_seed
from bench.deployments.local.postgres import PostgresServer, temporary_server
from tests.integration.monolith.live import LiveServer, command, serving

SPEC = SeedSpec(users=1, products=2, categories=1)
PRODUCT = f"/api/v1/products/{product_ids(SPEC)[0]}"


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    """A server of its own: nobody else wants to live through this."""
    with temporary_server() as server:
        yield server


@pytest.fixture
def shop(database: PostgresServer, signing_key_file: Path, tmp_path: Path) -> Iterator[LiveServer]:
    env = {
        "DATABASE_URL": database.create_database("shop"),
        "SIGNING_KEY_FILE": str(signing_key_file),
    }
    for arguments in (("migrate",), ("load_seed", str(write_seed(SPEC, tmp_path)))):
        assert command("monolith.manage", *arguments, env=env).returncode == 0
    with serving("monolith.config.wsgi:application", env, tmp_path / "shop.log") as server:
        yield server


def test_a_killed_database_is_503_until_it_is_back(
    database: PostgresServer, shop: LiveServer
) -> None:
    assert shop.call("GET", PRODUCT)[0] == 200
    database.kill()
    # More of them than may wait: who gave up must not stand in the way of those who come later.
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.call("GET", PRODUCT), range(80)))
    for status, problem, headers in answers:
        assert (status, problem["code"]) == (503, "dependency_unavailable")
        assert headers["Retry-After"] == "1"
    assert shop.call("GET", "/ready")[:2] == (503, {"status": "unavailable"})
    assert shop.call("GET", "/live")[0] == 200
    database.start()
    deadline = time.monotonic() + 10
    while shop.call("GET", PRODUCT)[0] != 200:
        assert time.monotonic() < deadline
    assert shop.call("GET", "/ready")[0] == 200
