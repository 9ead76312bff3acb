"""A peer in memory and a peer over HTTP: the same answers, errors and effects."""

import asyncio
import socket
from pathlib import Path

import pytest

from microservices.chassis.jwk import load_private_key
from microservices.chassis.service_tokens import ServiceSigner
from microservices.chassis.wiring import REMOTE
from tests.integration.services_chassis.conftest import USER, Keys, RunningProcess, Start
from tests.integration.services_chassis.things import CALLERS


async def _outcome(callers: RunningProcess, what: str) -> tuple[str, object]:
    status, body, _ = await callers.ask("GET", "/api/v1/calls", params={"what": what})
    assert status == 200
    return body["outcome"], body["value"]


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        ("wait", ("ok", True)),
        ("unknown", ("refused 404 not_found", None)),
        ("too long", ("unclear", None)),
        ("crash", ("unclear", None)),
        ("faulty", ("ok", True)),
    ],
)
async def test_an_answer_means_the_same_through_both_transports(
    callers: RunningProcess, what: str, outcome: object
) -> None:
    assert await _outcome(callers, what) == outcome


@pytest.mark.parametrize("action", ["error", "drop_reply"])
@pytest.mark.parametrize("point", ["before_send", "before_commit"])
async def test_a_fault_at_either_side_is_unclear_once(
    callers: RunningProcess, tmp_path: Path, action: str, point: str
) -> None:
    (tmp_path / f"things.wait.{point}.json").write_text(f'{{"action": "{action}"}}')
    assert await _outcome(callers, "faulty") == ("unclear", None)
    assert await _outcome(callers, "faulty") == ("ok", True)


async def test_the_user_of_the_caller_reaches_the_callee(
    callers: RunningProcess, keys: Keys
) -> None:
    status, body, _ = await callers.ask("GET", "/api/v1/calls/mine", headers=keys.headers())
    assert (status, body["outcome"], body["value"]["user_id"]) == (200, "ok", USER)


async def test_the_time_of_a_peer_stands_in_server_timing(callers: RunningProcess) -> None:
    _, _, headers = await callers.ask("GET", "/api/v1/calls", params={"what": "unknown"})
    entries = dict(entry.split(";dur=") for entry in headers["Server-Timing"].split(", "))
    assert float(entries["app"]) >= float(entries["things"]) >= float(entries["db"]) > 0


async def test_a_peer_that_refuses_connections_is_unavailable(
    start: Start, unused_tcp_port: int
) -> None:
    nobody = f"http://127.0.0.1:{unused_tcp_port}"
    callers = await start(CALLERS, USERS_URL=nobody, THINGS_URL=nobody)
    assert await _outcome(callers, "wait") == ("unavailable", None)


async def test_the_second_endpoint_is_taken_when_the_first_refuses(
    start: Start, things: RunningProcess, unused_tcp_port: int
) -> None:
    urls = f"http://127.0.0.1:{unused_tcp_port},{things.url}"
    callers = await start(CALLERS, USERS_URL=things.url, THINGS_URL=urls)
    assert await _outcome(callers, "wait") == ("ok", True)


async def test_all_who_find_the_first_endpoint_closed_take_the_second(
    start: Start, things: RunningProcess, unused_tcp_port: int
) -> None:
    """Two calls at once each moved on from the other's endpoint, back to the closed one: of a
    hundred releases one lost a visit by that."""
    urls = f"http://127.0.0.1:{unused_tcp_port},{things.url}"
    callers = await start(CALLERS, USERS_URL=things.url, THINGS_URL=urls)
    outcomes = await asyncio.gather(*(_outcome(callers, "wait") for _ in range(8)))
    assert set(outcomes) == {("ok", True)}


async def test_an_internal_operation_needs_a_service_token(
    things: RunningProcess, keys: Keys
) -> None:
    for headers in ({}, keys.headers(), keys.headers(staff=True)):
        status, body, _ = await things.ask("POST", "/internal/v1/wait", json={}, headers=headers)
        assert (status, body["code"]) == (401, "unauthenticated")


async def test_a_valid_service_token_opens_only_what_its_caller_may_call(
    things: RunningProcess, environ: dict[str, str]
) -> None:
    key = load_private_key("SERVICE_KEY_FILE", environ["SERVICE_KEY_FILE"])
    headers = {"Authorization": ServiceSigner(key).header("things")}
    answer = await things.ask("POST", "/internal/v1/wait", json={}, headers=headers)
    assert answer[0] == 200
    status, body, _ = await things.ask("POST", "/internal/v1/others", json={}, headers=headers)
    assert (status, body["code"]) == (403, "forbidden")


async def test_a_breaker_spares_a_dead_peer(start: Start) -> None:
    with socket.socket() as held:  # bound, but nobody listens: no other test can take the port
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}"
        callers = await start(CALLERS, USERS_URL=nobody, THINGS_URL=nobody)
        for _ in range(30):
            assert await _outcome(callers, "wait") == ("unavailable", None)
    assert callers.app[REMOTE]["things"]._breaker._open_until is not None
