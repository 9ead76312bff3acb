"""Bounded pools, deadlines, lost databases and issuers: a prompt answer that says what it is."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench.deployments.local.postgres import PostgresServer, temporary_server
from microservices.chassis.migrations import migrate
from microservices.chassis.specs import EdgeSpec, Route
from microservices.gateway.app import EDGE
from microservices.users.app import SPEC as USERS
from tests.integration.services_chassis.conftest import Keys, RunningProcess, Start, until_async
from tests.integration.services_chassis.things import THINGS

PATH = "/api/v1/things"
KEYS = "/api/v1/auth/jwks"
PUBLIC = EdgeSpec(
    name="edge",
    routes=(
        Route("GET", f"{PATH}/slow", "things"),
        Route("POST", PATH, "things"),
        Route("GET", KEYS, "users"),
    ),
    operations=(),
    build=lambda peers: None,
    peers=("users",),
    forward=EDGE.forward,
    document=EDGE.document,
    index=EDGE.index,
)


async def test_a_full_pool_sheds_load(start: Start) -> None:
    things = await start(
        USERS, THINGS, DATABASE_POOL_MAX="1", DATABASE_POOL_WAITING="1", STATEMENT_TIMEOUT_MS="900"
    )
    answers = await asyncio.gather(
        *(things.ask("GET", f"{PATH}/sleep?seconds=1") for _ in range(6))
    )
    refused = [(body["code"], headers) for status, body, headers in answers if status == 503]
    assert {code for code, _ in refused} == {"overloaded"}
    assert all(int(headers["Retry-After"]) >= 1 for _, headers in refused)


async def test_a_slow_statement_is_ended(start: Start) -> None:
    things = await start(USERS, THINGS, STATEMENT_TIMEOUT_MS="100")
    status, body, _ = await things.ask("GET", f"{PATH}/sleep?seconds=5")
    assert (status, body["code"]) == (504, "deadline_exceeded")


@pytest.fixture(params=["one process", "two processes"])
async def edge(request: pytest.FixtureRequest, start: Start) -> RunningProcess:
    short = {"SHOP_DEADLINE_MS": "300", "EDGE_CONCURRENCY": "3", "COMPONENT_CONCURRENCY": "2"}
    if request.param == "one process":
        return await start(USERS, THINGS, edge=PUBLIC, **short)
    things = await start(USERS, THINGS)
    return await start(edge=PUBLIC, USERS_URL=things.url, THINGS_URL=things.url, **short)


async def test_the_edge_gives_up_at_its_deadline(edge: RunningProcess) -> None:
    started = time.monotonic()
    status, body, _ = await edge.ask("GET", f"{PATH}/slow?seconds=2")
    assert (status, body["code"]) == (504, "deadline_exceeded")
    assert time.monotonic() - started < 1.0


async def test_the_edge_sheds_what_is_too_much(edge: RunningProcess) -> None:
    answers = await asyncio.gather(*(edge.ask("GET", f"{PATH}/slow?seconds=1") for _ in range(6)))
    codes = sorted(body["code"] for _, body, _ in answers)
    assert codes.count("overloaded") == 4
    assert (await edge.ask("GET", "/live"))[0] == 200


async def test_requests_that_wait_in_one_component_leave_room_for_another(
    edge: RunningProcess,
) -> None:
    waiting = [asyncio.create_task(edge.ask("GET", f"{PATH}/slow?seconds=1")) for _ in range(6)]
    await asyncio.sleep(0.1)
    assert [(await edge.ask("GET", KEYS))[0] for _ in range(5)] == [200] * 5
    assert not all(task.done() for task in waiting)
    await asyncio.gather(*waiting)


async def test_giving_up_does_not_undo_the_work(
    edge: RunningProcess, keys: Keys, tmp_path: Path, environ: dict[str, str]
) -> None:
    point = tmp_path / "things.add.before_commit.json"
    point.write_text('{"action": "delay", "seconds": 0.8}')
    headers = keys.headers() | {"Idempotency-Key": "k"}
    assert (await edge.ask("POST", PATH, json={"name": "a"}, headers=headers))[0] == 504
    await until_async(lambda: _has_things(environ["THINGS_DATABASE_URL"]))


async def _has_things(dsn: str) -> bool:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        return bool(await (await connection.execute("SELECT 1 FROM things")).fetchall())


async def test_the_edge_knows_no_internal_operations(edge: RunningProcess) -> None:
    assert (await edge.ask("POST", "/internal/v1/wait", json={}))[0] == 404


async def test_an_owner_out_of_reach_is_unavailable(start: Start, unused_tcp_port: int) -> None:
    nobody = f"http://127.0.0.1:{unused_tcp_port}"
    edge = await start(edge=PUBLIC, USERS_URL=nobody, THINGS_URL=nobody)
    status, body, headers = await edge.ask("GET", f"{PATH}/slow")
    assert (status, body["code"]) == (503, "dependency_unavailable")
    assert int(headers["Retry-After"]) >= 1


async def test_tokens_are_verified_while_their_issuer_is_down(
    start: Start, keys: Keys, unused_tcp_port: int
) -> None:
    users = await start(USERS)
    things = await start(THINGS, USERS_URL=users.url)
    assert (await things.ask("GET", f"{PATH}/mine", headers=keys.headers()))[0] == 200
    restarted = await start(THINGS, USERS_URL=f"http://127.0.0.1:{unused_tcp_port}")
    assert (await restarted.ask("GET", f"{PATH}/mine", headers=keys.headers()))[0] == 200


async def test_without_any_key_the_answer_is_503(
    start: Start, keys: Keys, environ: dict[str, str], unused_tcp_port: int
) -> None:
    dsn = environ["THINGS_DATABASE_URL"]
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("TRUNCATE verification_keys")
    things = await start(THINGS, USERS_URL=f"http://127.0.0.1:{unused_tcp_port}")
    status, body, _ = await things.ask("GET", f"{PATH}/mine", headers=keys.headers())
    assert (status, body["code"]) == (503, "dependency_unavailable")
    assert (await things.ask("GET", f"{PATH}/mine"))[0] == 401


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with temporary_server() as server:
        yield server


async def test_a_process_survives_the_loss_of_its_database(
    start: Start, own_server: PostgresServer
) -> None:
    dsn = own_server.create_database("chassis_things")
    await migrate(THINGS, dsn)
    things = await start(USERS, THINGS, THINGS_DATABASE_URL=dsn)
    path = f"{PATH}/0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
    assert (await things.ask("GET", path))[0] == 404
    await asyncio.to_thread(own_server.kill)
    status, body, _ = await things.ask("GET", path)
    assert (status, body["code"]) == (503, "dependency_unavailable")
    assert (await things.ask("GET", "/ready"))[:2] == (503, {"status": "unavailable"})
    assert (await things.ask("GET", "/live"))[0] == 200
    await asyncio.to_thread(own_server.start)
    await until_async(lambda: _is_ready(things))
    assert (await things.ask("GET", path))[0] == 404


async def _is_ready(process: RunningProcess) -> bool:
    return (await process.ask("GET", "/ready"))[0] == 200
