"""The order of checks and the edges of HTTP, in bytes where a client library is in the way."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from microservices.users.app import SPEC as USERS
from tests.integration.services_chassis.conftest import (
    Keys,
    RunningProcess,
    empty,
    environment,
    starter,
)
from tests.integration.services_chassis.things import THINGS

# One process for the whole file: nothing here depends on what is stored.
pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
PATH = "/api/v1/things"
JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "k"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(migrated: Mapping[str, str], keys: Keys) -> AsyncIterator[RunningProcess]:
    await empty(migrated)
    async with starter(environment(migrated, keys)) as start:
        yield await start(USERS, THINGS)


async def _raw(
    process: RunningProcess, request: bytes, patience: float = 5.0
) -> tuple[int, dict[str, str], bytes]:
    """One request as bytes; status, headers and body of the answer."""
    address = urlsplit(process.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    writer.close()
    return int(lines[0].split(" ")[1]), headers, body


# Each request has all the faults of the ones after it: the first check that fails answers.
ORDER = [
    ("/api/v1/nothing", {}, 404, "not_found"),
    (f"{PATH}/{ID.upper()}", {}, 404, "not_found"),
    (f"{PATH}/{ID}", {}, 405, "method_not_allowed"),
    (f"{PATH}/staff?x=1", {"Content-Encoding": "gzip"}, 401, "unauthenticated"),
    (f"{PATH}/staff?x=1", {"user": "yes", "Content-Encoding": "gzip"}, 403, "forbidden"),
    (f"{PATH}?x=1", {"user": "yes", "Content-Encoding": "gzip"}, 413, "payload_too_large"),
]


@pytest.mark.parametrize(("path", "extra", "status", "code"), ORDER)
async def test_checks_have_one_order(
    things: RunningProcess,
    keys: Keys,
    path: str,
    extra: dict[str, str],
    status: int,
    code: str,
) -> None:
    headers = {**(keys.headers() if "user" in extra else {}), "Content-Type": "text/plain"}
    headers |= {name: value for name, value in extra.items() if name != "user"}
    answer = await things.ask("POST", path, data=b"{" * 65_537, headers=headers)
    assert (answer[0], answer[1]["code"]) == (status, code)


SMALL = [
    ({"Content-Encoding": "gzip"}, b"{", 415, "unsupported_media_type"),
    ({"Content-Type": "text/json"}, b"{", 415, "unsupported_media_type"),
    ({**JSON, "Content-Encoding": "identity, identity"}, b"{", 415, "unsupported_media_type"),
    ({**JSON, "Content-Encoding": "br"}, b"", 415, "unsupported_media_type"),
    (JSON, b"{", 400, "malformed_json"),
    (JSON, b"", 400, "malformed_json"),
    (JSON, b"[]", 400, "missing_idempotency_key"),
    ({**JSON, "Idempotency-Key": "x" * 256}, b"[]", 400, "invalid_idempotency_key"),
    ({**JSON, "Idempotency-Key": ""}, b"[]", 400, "invalid_idempotency_key"),
    (JSON | KEY, b"[]", 422, "validation_failed"),
    (JSON | KEY, b'{"name": "a", "staff": true}', 422, "validation_failed"),
    ({"Content-Type": "Application/JSON; charset=utf-8"} | KEY, b'{"name": "a"}', 201, None),
    (JSON | KEY | {"Content-Encoding": "identity"}, b'{"name": "a"}', 201, None),
]


@pytest.mark.parametrize(("headers", "body", "status", "code"), SMALL)
async def test_later_checks_have_one_order_too(
    things: RunningProcess,
    keys: Keys,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str | None,
) -> None:
    answer = await things.ask("POST", PATH, data=body, headers=keys.headers() | headers)
    assert (answer[0], answer[1].get("code")) == (status, code)


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "limit=1&limit=2",
        "limit=",
        "limit=0",
        "limit=101",
        "limit=+5",
        "limit=05",
        "limit=5.0",
    ]
    + [
        "limit=0x5",
        "limit=%35&limit=5",
        "name=",
        "name=%20",
        "name=%00",
        "name=%FF",
        "name=%ED%A0%80",
        "=1",
    ]
    + ["limit=" + "1" * 30],
)
async def test_a_query_is_as_strict_as_a_body(things: RunningProcess, query: str) -> None:
    request = f"GET {PATH}?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    status, _, body = await _raw(things, request)
    assert (status, json.loads(body)["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("query", ["", "?", "?&", "?limit=5", "?limit=%35&name=a+b"])
async def test_a_good_query_passes(things: RunningProcess, query: str) -> None:
    request = f"GET {PATH}{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert (await _raw(things, request))[0] == 200


@pytest.mark.parametrize("target", ["/live", "/ready", f"{PATH}/mine"])
async def test_unknown_parameters_are_refused_everywhere(
    things: RunningProcess, keys: Keys, target: str
) -> None:
    status, body, _ = await things.ask("GET", f"{target}?x=1", headers=keys.headers())
    assert (status, body["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "DELETE", "PUT"])
async def test_other_methods_are_refused_with_allow(things: RunningProcess, method: str) -> None:
    status, body, headers = await things.ask(method, f"{PATH}/mine")
    assert (status, body["code"]) == (405, "method_not_allowed")
    assert headers["Allow"] == "GET, HEAD"


async def test_head_is_get_without_a_body(things: RunningProcess) -> None:
    request = f"HEAD {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    address = urlsplit(things.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"Content-Length: 24" in head
    assert rest == b""


@pytest.mark.parametrize(("size", "status"), [(65_536, 400), (65_537, 413)])
@pytest.mark.parametrize("chunked", [True, False])
async def test_the_cap_of_a_body_is_exact(
    things: RunningProcess, keys: Keys, size: int, status: int, chunked: bool
) -> None:
    async def chunks() -> object:
        for start in range(0, size, 10_000):
            yield b"{" * min(10_000, size - start)

    data = chunks() if chunked else b"{" * size
    answer = await things.ask("POST", PATH, data=data, headers=keys.headers() | JSON)
    assert answer[0] == status


async def test_two_keys_or_two_tokens_are_refused(things: RunningProcess, keys: Keys) -> None:
    token = keys.headers()["Authorization"]
    twice = [("Authorization", token), ("Authorization", token), *JSON.items(), *KEY.items()]
    assert (await things.ask("POST", PATH, data=b'{"name": "a"}', headers=twice))[0] == 401
    once = [("Authorization", token), *JSON.items(), *KEY.items(), ("Idempotency-Key", "l")]
    status, body, _ = await things.ask("POST", PATH, data=b'{"name": "a"}', headers=once)
    assert (status, body["code"]) == (400, "invalid_idempotency_key")


async def test_content_encoding_given_twice_is_refused(things: RunningProcess, keys: Keys) -> None:
    for second in ("identity", "gzip"):
        headers = [*keys.headers().items(), *JSON.items(), *KEY.items()]
        headers += [("Content-Encoding", "identity"), ("Content-Encoding", second)]
        status, body, _ = await things.ask("POST", PATH, data=b'{"name": "a"}', headers=headers)
        assert (status, body["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", [PATH, "/live", f"{PATH}/mine"])
async def test_a_get_with_a_body_over_the_limit_is_refused(
    things: RunningProcess, keys: Keys, path: str
) -> None:
    for size, status in ((65_536, 200), (65_537, 413)):
        answer = await things.ask("GET", path, data=b"x" * size, headers=keys.headers())
        assert answer[0] == status


async def test_a_token_in_a_trailer_is_none(things: RunningProcess, keys: Keys) -> None:
    token = keys.headers()["Authorization"].encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n".encode()
    head += b"Content-Type: application/json\r\nIdempotency-Key: k\r\nTrailer: Authorization\r\n"
    body = b'd\r\n{"name": "a"}\r\n0\r\nAuthorization: ' + token + b"\r\n\r\n"
    assert (await _raw(things, head + b"\r\n" + body))[0] == 401


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_never_comes_whole_is_given_up_after_five_seconds(
    things: RunningProcess, keys: Keys, chunked: bool
) -> None:
    how = b"Transfer-Encoding: chunked\r\n\r\n5\r\n{" if chunked else b"Content-Length: 9\r\n\r\n{"
    token = keys.headers()["Authorization"].encode()
    request = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode() + b"Authorization: " + token
    started = time.monotonic()
    status, _, _ = await _raw(things, request + b"\r\n" + how, patience=8)
    assert status == 408
    assert 4.5 < time.monotonic() - started < 6.5


async def test_an_optional_body_may_be_missing(things: RunningProcess) -> None:
    for body in (b"", b"{}"):
        assert (await things.ask("POST", f"{PATH}/touch", data=body, headers=JSON))[0] == 500
    assert (await things.ask("POST", f"{PATH}/touch", data=b"[]", headers=JSON))[0] == 422


async def test_a_crash_tells_nothing_of_the_inside(things: RunningProcess) -> None:
    status, body, _ = await things.ask("GET", f"{PATH}/crash")
    assert (status, body["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(body)


async def test_a_request_id_is_echoed_or_made(things: RunningProcess) -> None:
    _, _, headers = await things.ask("GET", "/live", headers={"X-Request-ID": "abc-1"})
    assert headers["X-Request-ID"] == "abc-1"
    _, _, headers = await things.ask("GET", "/live", headers={"X-Request-ID": "not ok"})
    assert headers["X-Request-ID"] != "not ok"
    twice = [("X-Request-ID", "abc-1"), ("X-Request-ID", "abc-2")]
    _, _, headers = await things.ask("GET", "/live", headers=twice)
    assert headers.getall("X-Request-ID") not in (["abc-1"], ["abc-2"])


@pytest.mark.parametrize(
    "request_line",
    [b"GET " + b"/" + b"a" * 9000 + b" HTTP/1.1", b"GET / HTTP/1.1\r\nX: " + b"a" * 9000],
)
async def test_lines_that_are_too_long_are_refused(
    things: RunningProcess, request_line: bytes
) -> None:
    status, _, _ = await _raw(things, request_line + b"\r\nHost: x\r\n\r\n")
    assert 400 <= status < 500


@pytest.mark.parametrize("version", [b"", b" HTTP/0.9", b" HTTP/2.0", b" HTTP/9.9", b" HTTP/x"])
async def test_another_version_of_http_is_refused(things: RunningProcess, version: bytes) -> None:
    address = urlsplit(things.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET /live" + version + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer == b"" or answer.split(b" ")[1] == b"400"


@pytest.mark.parametrize("target", ["/%0A", "/%00", "/..%2f..%2fetc", "//", "*", "/a%20b", "/%FF"])
async def test_what_is_nowhere_is_a_problem_like_any_other(
    things: RunningProcess, target: str
) -> None:
    request = f"OPTIONS {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    status, headers, body = await _raw(things, request)
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    assert headers["x-request-id"]
