"""Forwarding: the owner checks and answers; the edge passes on and adds its account of time."""

import re
import time
from urllib.parse import quote

from aiohttp import web

from microservices.chassis.context import Context
from microservices.chassis.endpoint import MAX_BODY, read_at_most
from microservices.chassis.errors import DeadlineExceeded, Overloaded
from microservices.chassis.faults import POISON
from microservices.chassis.front import Passed
from microservices.chassis.http_transport import HttpPeer, PeerBusy, PeerTimeout, RawAnswer
from microservices.chassis.telemetry import REQUEST_ID, SERVER_TIMING

SENT = ("Authorization", "Idempotency-Key", "Content-Type", "Content-Encoding")
RETURNED = ("Content-Type", "Allow", "Retry-After", "WWW-Authenticate")
_timing = re.compile(r"app;dur=[0-9.]+, db;dur=([0-9.]+)(?:, (.*))?").fullmatch


class Forward:
    """The target of a route whose owner runs in another process."""

    bounded = True

    def __init__(self, component: str, peer: HttpPeer) -> None:
        self._component = component
        self._peer = peer

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Passed:
        """Sends the request on.

        Raises:
            PeerFailed: the owner is out of reach.
            DeadlineExceeded: it did not answer in time.
            Overloaded: too many requests to it are under way.
        """
        started = time.perf_counter()
        method = "GET" if request.method == "HEAD" else request.method
        try:
            answer = await self._peer.send(
                method,
                _target_of(request),
                headers=_headers_of(request, ctx),
                body=await _body_of(request, ctx),
                deadline=ctx.deadline,
                tries=2 if method == "GET" else 1,
            )
        except PeerTimeout:
            raise DeadlineExceeded(f"{self._component} did not answer in time.") from None
        except PeerBusy:
            raise Overloaded(f"Too many requests to {self._component} are under way.") from None
        finally:
            ctx.timings.add_peer(self._component, time.perf_counter() - started)
        _account(ctx, answer)
        returned = {name: answer.headers[name] for name in RETURNED if name in answer.headers}
        return Passed(answer.status, answer.body, returned)


def _target_of(request: web.BaseRequest) -> str:
    """Path and query as they came; whatever is not ASCII is percent-encoded for the way."""
    target = request.raw_path
    if not target.startswith("/"):
        target = request.path_qs
    if not target.isascii():
        return quote(target.encode("utf-8", "surrogateescape"), safe="/?&=%:@!$'()*+,;-._~")
    return target


def _headers_of(request: web.BaseRequest, ctx: Context) -> list[tuple[str, str]]:
    """The headers that the owner looks at, repeated ones too: it is the one to refuse them."""
    headers = [(REQUEST_ID, ctx.request_id)]
    for name in SENT:
        if name in request.headers:
            headers.extend((name, sendable(value)) for value in request.headers.getall(name))
    if ctx.poison:
        headers.append((POISON, ctx.poison))
    return headers


def sendable(value: str) -> str:
    """A header value that the client can write. Bytes that are not UTF-8 arrive as lone surrogates,
    which it would drop: then the owner might accept what it has to refuse.
    """
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("latin-1")


async def _body_of(request: web.BaseRequest, ctx: Context) -> bytes | None:
    """The body, or one byte more than the cap of a larger one: the owner refuses it after 401."""
    if not request.body_exists:
        return None
    return await read_at_most(request, ctx, MAX_BODY + 1)


def _account(ctx: Context, answer: RawAnswer) -> None:
    """The owner's time in databases and with its own peers is part of this request's account."""
    found = _timing(answer.headers.get(SERVER_TIMING, ""))
    if found is None:
        return
    ctx.timings.db += float(found[1]) / 1e3
    for entry in (found[2] or "").split(", "):
        name, _, milliseconds = entry.partition(";dur=")
        if milliseconds:
            ctx.timings.add_peer(name, float(milliseconds) / 1e3)
