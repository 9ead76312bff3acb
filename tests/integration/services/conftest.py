"""One PostgreSQL server for this folder; each test gets empty databases and an app of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp.pytest_plugin import AiohttpClient

from bench.deployments.local.postgres import temporary_server
from microservices.chassis.app import create_app
from microservices.chassis.context import start_background
from microservices.chassis.database import Database
from microservices.chassis.migrations import migrate
from microservices.chassis.specs import ProcessSpec
from microservices.gateway.app import EDGE
from microservices.host import COMPONENTS
from tests.integration.services.shop import Shop, SigningKey, empty, settings

OpenShop = Callable[[], Awaitable[Shop]]


@pytest.fixture(scope="package")
def migrated() -> Iterator[Mapping[str, str]]:
    """The DSN of each component's migrated database."""
    with temporary_server() as server:
        dsns = {name: server.create_database(f"shop_{name}") for name in COMPONENTS}
        for name, spec in COMPONENTS.items():
            # Nothing here crashes the server, so no test needs to wait for its disk.
            server.execute(f"ALTER ROLE shop_{name} SET synchronous_commit = off")
            asyncio.run(migrate(spec, dsns[name]))
        yield dsns


@pytest.fixture
async def dsns(migrated: Mapping[str, str]) -> Mapping[str, str]:
    await asyncio.gather(*(empty(dsn) for dsn in migrated.values()))
    return migrated


@pytest.fixture
async def inventory(dsns: Mapping[str, str]) -> AsyncIterator[Database]:
    async for database in _opened("inventory", dsns):
        yield database


@pytest.fixture
async def payments(dsns: Mapping[str, str]) -> AsyncIterator[Database]:
    async for database in _opened("payments", dsns):
        yield database


async def _opened(name: str, dsns: Mapping[str, str]) -> AsyncIterator[Database]:
    database = Database(name, dsns[name], settings(pool_max=8, pool_timeout_ms=20_000.0))
    await database.open()
    start_background("test", 60.0)
    yield database
    await database.close()


@pytest.fixture(scope="package")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.create(tmp_path_factory.mktemp("keys") / "signing.pem")


@pytest.fixture
def faults_dir(tmp_path: Path) -> Path:
    """Put `<point>.json` here and the app of this test fails there."""
    return tmp_path


@pytest.fixture
async def open_shop(
    dsns: Mapping[str, str],
    signing_key: SigningKey,
    faults_dir: Path,
    aiohttp_client: AiohttpClient,
) -> OpenShop:
    """Starts the app: a test that prepares its databases first calls it itself."""

    async def start() -> Shop:
        environ = {f"{name.upper()}_DATABASE_URL": dsn for name, dsn in dsns.items()}
        environ["SIGNING_KEY_FILE"] = str(signing_key.path)
        spec = ProcessSpec(tuple(COMPONENTS.values()), EDGE)
        changes: dict[str, Any] = {"faults": True, "faults_dir": str(faults_dir)}
        # 50 at once are about the data; shedding has its own tests.
        changes["edge_concurrency"] = changes["component_concurrency"] = 64
        app = create_app(spec, settings(**changes), environ)
        return Shop(await aiohttp_client(app), dsns, signing_key)

    return start


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()
