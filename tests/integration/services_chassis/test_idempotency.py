"""Idempotency keys on a real database: replayed, refused, raced, expired."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.integration.services_chassis.conftest import Keys, RunningProcess, until

PATH = "/api/v1/things"
OTHER_USER = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d91"


class Client:
    """Adds things under idempotency keys."""

    def __init__(self, things: RunningProcess, keys: Keys) -> None:
        self.things, self.keys = things, keys
        self.service = things.service("things")

    async def add(
        self, key: str, user: str | None = None, path: str = PATH, **body: Any
    ) -> tuple[int, Any]:
        headers = self.keys.headers(user, staff=True) if user else self.keys.headers(staff=True)
        status, answer, _ = await self.things.ask(
            "POST", path, json=body or {"name": "a"}, headers=headers | {"Idempotency-Key": key}
        )
        return status, answer


@pytest.fixture
def client(things: RunningProcess, keys: Keys) -> Client:
    return Client(things, keys)


async def test_a_repetition_gets_the_recorded_answer(client: Client) -> None:
    first = await client.add("k")
    assert first[0] == 201
    assert await client.add("k") == first
    assert client.service.runs == 1


async def test_the_order_of_members_does_not_matter(client: Client) -> None:
    first = await client.add("k", name="a", count=1)
    assert await client.add("k", count=1, name="a") == first


async def test_the_same_key_with_another_body_is_refused(client: Client) -> None:
    await client.add("k")
    status, answer = await client.add("k", name="b")
    assert (status, answer["code"]) == (422, "idempotency_key_reused")
    assert answer["errors"][0]["field"] == "Idempotency-Key"


async def test_keys_of_other_users_and_paths_are_other_keys(client: Client) -> None:
    await client.add("k")
    assert (await client.add("k", user=OTHER_USER, name="b"))[0] == 201
    assert (await client.add("k", path=f"{PATH}/staff", name="c"))[0] == 201


async def test_a_refusal_of_the_business_is_recorded(client: Client) -> None:
    await client.add("first")
    refused = await client.add("k")
    assert (refused[0], refused[1]["code"]) == (409, "name_taken")
    client.service.runs = 0
    assert await client.add("k") == refused
    assert client.service.runs == 0


async def test_a_failure_is_not_recorded(client: Client) -> None:
    client.service.unavailable = True
    assert (await client.add("k"))[0] == 503
    client.service.unavailable = False
    assert (await client.add("k"))[0] == 201


async def test_a_refusal_before_the_business_is_not_recorded(client: Client) -> None:
    assert (await client.add("k", name="", extra=1))[0] == 422
    assert (await client.add("k"))[0] == 201


async def test_twenty_at_once_run_once(client: Client) -> None:
    answers = await asyncio.gather(*(client.add("k") for _ in range(20)))
    made = [answer for status, answer in answers if status == 201]
    refused = [answer["code"] for status, answer in answers if status != 201]
    assert made
    assert all(answer == made[0] for answer in made)
    assert set(refused) <= {"request_in_progress"}
    assert await client.add("k") == (201, made[0])


async def test_a_running_request_is_in_progress(client: Client, tmp_path: Any) -> None:
    (tmp_path / "things.add.before_commit.json").write_text('{"action": "hang"}')
    running = asyncio.create_task(client.add("k"))
    fired = tmp_path / "things.add.before_commit.json.fired"
    await until(fired.exists)
    status, answer = await client.add("k")
    assert (status, answer["code"]) == (409, "request_in_progress")
    fired.unlink()
    assert (await running)[0] == 201


async def test_an_answer_lost_after_the_commit_is_replayed(client: Client, tmp_path: Any) -> None:
    point = tmp_path / "things.add.after_commit_before_reply.json"
    point.write_text('{"action": "error"}')
    assert (await client.add("k"))[0] == 500
    assert (await client.add("k"))[0] == 201
    assert client.service.runs == 1


async def test_a_key_is_forgotten_after_a_day(client: Client, environ: dict[str, str]) -> None:
    await client.add("k")
    dsn = environ["THINGS_DATABASE_URL"]
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(
            "UPDATE idempotency_keys SET created_at = now() - interval '25 hours'"
        )
    assert (await client.add("k", name="b"))[0] == 201
    assert (await client.add("k", name="b"))[0] == 201
    assert client.service.runs == 2
