"""Forwarding: what is sent on, what comes back, what becomes of an owner out of reach."""

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from microservices.chassis.context import Context, activate
from microservices.chassis.errors import DeadlineExceeded, Overloaded
from microservices.chassis.http_transport import (
    PeerBusy,
    PeerTimeout,
    RawAnswer,
)
from microservices.chassis.peers import PeerFailed, PeerUnavailable
from microservices.gateway.forward import forward, sendable


class FakePeer:
    """An owner that keeps what it was sent."""

    def __init__(self, outcome: RawAnswer | Exception) -> None:
        self.outcome = outcome
        self.sent: dict[str, Any] = {}

    async def send(self, method: str, path: str, **sent: Any) -> RawAnswer:
        self.sent = {"method": method, "path": path, **sent}
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def _answer(**headers: str) -> RawAnswer:
    return RawAnswer(200, CIMultiDict({"Content-Type": "application/json", **headers}), b"{}")


async def _forward(
    peer: FakePeer, method: str, path: str, headers: Any = None
) -> tuple[Any, Context]:
    ctx = Context("r-1", asyncio.get_running_loop().time() + 3, method, path)
    activate(ctx)
    request = make_mocked_request(method, path, CIMultiDict(headers or {}))
    return await forward("things", peer)(request), ctx  # type: ignore[arg-type]


async def test_path_query_and_the_owners_headers_are_sent_on() -> None:
    peer = FakePeer(_answer())
    headers = [("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Deadline-Ms", "9")]
    await _forward(peer, "GET", "/v1/things?q=%20a&x", headers)
    assert (peer.sent["method"], peer.sent["path"]) == ("GET", "/v1/things?q=%20a&x")
    assert peer.sent["headers"] == [("X-Request-ID", "r-1"), ("Authorization", "Bearer x")]


async def test_repeated_headers_reach_the_owner() -> None:
    peer = FakePeer(_answer())
    await _forward(peer, "GET", "/v1", [("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert [value for name, value in peer.sent["headers"] if name == "Idempotency-Key"] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("value", ["schl\udcfcssel", "schl\u00fcssel", "\U0001f600"])
def test_a_value_that_is_no_ascii_stays_unacceptable(value: str) -> None:
    assert not sendable(value).isascii()
    assert sendable(value).encode()


def test_an_ascii_value_is_sent_as_it_is() -> None:
    assert sendable("a b") == "a b"


async def test_head_is_sent_as_get_and_may_be_tried_again_but_post_may_not() -> None:
    peer = FakePeer(_answer())
    await _forward(peer, "HEAD", "/v1")
    assert (peer.sent["method"], peer.sent["tries"]) == ("GET", 2)
    await _forward(peer, "POST", "/v1")
    assert peer.sent["tries"] == 1


async def test_only_headers_of_the_contract_come_back() -> None:
    peer = FakePeer(_answer(Server="x", Allow="GET", Connection="close"))
    passed, _ = await _forward(peer, "GET", "/v1")
    assert dict(passed.headers) == {"Content-Type": "application/json", "Allow": "GET"}


async def test_the_owners_account_of_time_is_taken_over() -> None:
    timing = "app;dur=9.000, db;dur=1.500, stock;dur=3.000"
    _, ctx = await _forward(FakePeer(_answer(**{"Server-Timing": timing})), "GET", "/v1")
    assert ctx.timings.db == 0.0015
    assert set(ctx.timings.peers) == {"things", "stock"}


@pytest.mark.parametrize(
    ("failure", "answer"),
    [(PeerTimeout(), DeadlineExceeded), (PeerBusy(), Overloaded), (PeerUnavailable(), PeerFailed)],
)
async def test_an_owner_out_of_reach_has_its_own_answer(
    failure: Exception, answer: type[Exception]
) -> None:
    with pytest.raises(answer):
        await _forward(FakePeer(failure), "GET", "/v1")
