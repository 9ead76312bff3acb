"""Events reach their handler at least once; migrations run once, and only unchanged."""

import asyncio
import json

import psycopg
import pytest

from bench.deployments.local.postgres import PostgresServer
from microservices.chassis.migrations import migrate
from microservices.users.app import SPEC as USERS
from tests.integration.services_chassis.conftest import RunningProcess, until, until_async
from tests.integration.services_chassis.things import THINGS

SUBJECT = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"


async def _run(dsn: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode())
        return await cursor.fetchall() if cursor.description else []


async def _is_empty(dsn: str) -> bool:
    return not await _run(dsn, "SELECT 1 FROM outbox")


async def _add_event(dsn: str) -> None:
    await _run(
        dsn,
        "INSERT INTO outbox (topic, subject_id, payload) "
        f"""VALUES ('thing.made', '{SUBJECT}', '{{"n": 1}}')""",
    )


async def test_an_event_is_delivered_and_deleted(
    things: RunningProcess, environ: dict[str, str]
) -> None:
    dsn, service = environ["THINGS_DATABASE_URL"], things.service("things")
    await _add_event(dsn)
    await until(lambda: bool(service.delivered))
    event = service.delivered[0]
    assert (event.subject_id, json.loads(event.payload)) == (SUBJECT, {"n": 1})
    await until_async(lambda: _is_empty(dsn))


async def test_a_failed_delivery_is_tried_again(
    things: RunningProcess, environ: dict[str, str]
) -> None:
    service = things.service("things")
    service.failures_left = 1
    await _add_event(environ["THINGS_DATABASE_URL"])
    await until(lambda: bool(service.delivered))
    assert service.delivered[0].attempts == 2


async def test_migrations_run_once_even_side_by_side(server: PostgresServer) -> None:
    dsn = await asyncio.to_thread(server.create_database, "migrations_twice")
    applied = await asyncio.gather(*(migrate(THINGS, dsn) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, 4]


async def test_a_changed_migration_is_refused(
    server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn = await asyncio.to_thread(server.create_database, "migrations_changed")
    await migrate(USERS, dsn)
    await _run(dsn, "UPDATE schema_migrations SET sha256 = 'x'")
    with pytest.raises(SystemExit):
        await migrate(USERS, dsn)
    assert "was changed after it was applied" in capsys.readouterr().err


async def test_a_database_out_of_reach_is_one_clear_line(
    unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        await migrate(USERS, f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x")
    assert len(capsys.readouterr().err.splitlines()) == 1
