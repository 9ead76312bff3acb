"""One PostgreSQL server for this folder; processes of the test components from the app factory."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import psycopg
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.postgres import PostgresServer, temporary_server
from microservices.chassis.app import create_app
from microservices.chassis.jwk import jwk_of
from microservices.chassis.migrations import migrate
from microservices.chassis.operations import ComponentSpec
from microservices.chassis.settings import Settings, load
from microservices.chassis.specs import EdgeSpec, ProcessSpec
from microservices.chassis.wiring import ENDPOINTS
from microservices.users.app import SPEC as USERS
from tests.integration.services_chassis.things import CALLERS, THINGS

USER = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
SPECS = {spec.name: spec for spec in (USERS, THINGS, CALLERS)}


@pytest.fixture(scope="package")
def server() -> Iterator[PostgresServer]:
    with temporary_server() as server:
        yield server


@dataclass(frozen=True)
class Keys:
    """The files a deployment's driver would make, and the key that signs users' tokens."""

    environ: Mapping[str, str]
    signing: ec.EllipticCurvePrivateKey

    def headers(self, user_id: str = USER, staff: bool = False) -> dict[str, str]:
        now = int(time.time())
        claims = {"iss": "shop", "aud": "shop", "sub": user_id, "staff": staff}
        kid = jwk_of(self.signing.public_key())["kid"]
        token = jwt.encode(
            claims | {"iat": now, "exp": now + 600}, self.signing, "ES256", {"kid": kid}
        )
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    signing = _key_file(folder / "signing.pem")
    service = _key_file(folder / "service.pem")
    jwks = {"keys": [{**jwk_of(service.public_key()), "process": "callers"}]}
    (folder / "jwks.json").write_text(json.dumps(jwks))
    environ = {
        "SIGNING_KEY_FILE": str(folder / "signing.pem"),
        "SERVICE_KEY_FILE": str(folder / "service.pem"),
        "SERVICE_JWKS_FILE": str(folder / "jwks.json"),
    }
    return Keys(environ, signing)


def _key_file(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(*pem, serialization.NoEncryption()))
    return key


@pytest.fixture(scope="package")
def migrated(server: PostgresServer) -> Mapping[str, str]:
    """The DSN of each component's migrated database, as its variable."""
    environ = {}
    for name, spec in SPECS.items():
        dsn = server.create_database(f"chassis_{name}")
        asyncio.run(migrate(spec, dsn))
        environ[spec.database_setting] = dsn
    return environ


@pytest.fixture
async def environ(migrated: Mapping[str, str], keys: Keys, tmp_path: Path) -> dict[str, str]:
    """The environment of a process over empty databases, with fault points armed."""
    await empty(migrated)
    return environment(migrated, keys) | {"SHOP_FAULTS": "1", "SHOP_FAULTS_DIR": str(tmp_path)}


def environment(migrated: Mapping[str, str], keys: Keys) -> dict[str, str]:
    return {**migrated, **keys.environ, "DATABASE_POOL_MAX": "2"}


async def empty(migrated: Mapping[str, str]) -> None:
    dsn = migrated[THINGS.database_setting]
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("TRUNCATE things, outbox, idempotency_keys")


@dataclass
class RunningProcess:
    """A process of the shop inside this one: its app on a free port."""

    app: web.Application
    url: str
    session: aiohttp.ClientSession

    def service(self, component: str) -> Any:
        endpoints = self.app[ENDPOINTS][component]
        return next(iter(endpoints.values()))._service

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Status, decoded body, headers."""
        async with self.session.request(method, self.url + path, **options) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if raw else None, response.headers


Start = Callable[..., Awaitable[RunningProcess]]


@asynccontextmanager
async def starter(environ: Mapping[str, str]) -> AsyncIterator[Start]:
    """Starts processes; they are drained at the end of the block."""
    runners: list[web.AppRunner] = []
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def start(
            *components: ComponentSpec, edge: EdgeSpec | None = None, **changes: str
        ) -> RunningProcess:
            variables = {**environ, **changes}
            spec = ProcessSpec(components, edge)
            app = create_app(spec, load(Settings, variables), variables)
            runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=5)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, LOOPBACK, 0)
            await site.start()
            port = runner.addresses[0][1]
            return RunningProcess(app, f"http://{LOOPBACK}:{port}", session)

        yield start
        for runner in reversed(runners):
            await runner.cleanup()


@pytest.fixture
async def start(environ: dict[str, str]) -> AsyncIterator[Start]:
    async with starter(environ) as start:
        yield start


@pytest.fixture(params=["memory", "http"])
async def callers(request: pytest.FixtureRequest, start: Start) -> RunningProcess:
    """The caller of `things`: in the same process, or in another."""
    if request.param == "memory":
        return await start(USERS, THINGS, CALLERS)
    users = await start(USERS)
    things = await start(THINGS, USERS_URL=users.url)
    return await start(CALLERS, USERS_URL=users.url, THINGS_URL=things.url)


@pytest.fixture
async def things(start: Start) -> RunningProcess:
    return await start(USERS, THINGS)


async def until(condition: Callable[[], bool]) -> None:
    """Waits until `condition` holds, at most 10 s."""

    async def answer() -> bool:
        return condition()

    await until_async(answer)


async def until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits until `condition` holds, at most 10 s."""
    deadline = time.monotonic() + 10
    holds = await condition()
    while not holds:
        assert time.monotonic() < deadline, "it did not come true in 10 s"
        await asyncio.sleep(0.02)
        holds = await condition()
