"""Forwarding: the owner checks and answers; the edge passes on and adds its account of time."""

import re
import time
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from microservices.chassis.context import Context, current
from microservices.chassis.errors import DeadlineExceeded, Overloaded
from microservices.chassis.faults import POISON
from microservices.chassis.http_transport import HttpPeer, PeerBusy, PeerTimeout, RawAnswer
from microservices.chassis.telemetry import REQUEST_ID, SERVER_TIMING

SENT = ("Authorization", "Idempotency-Key", "Content-Type", "Content-Encoding")
RETURNED = ("Content-Type", "Allow", "Retry-After", "WWW-Authenticate")
_timing = re.compile(r"app;dur=[0-9.]+, db;dur=([0-9.]+)(?:, (.*))?").fullmatch


def forward(component: str, peer: HttpPeer) -> Handler:
    """The handler of a route whose owner, this component, runs in another process.

    It raises:
        PeerFailed: the owner is out of reach.
        DeadlineExceeded: it did not answer in time.
        Overloaded: too many requests to it are under way.
    """

    async def handle(request: web.Request) -> web.Response:
        ctx = current()
        started = time.perf_counter()
        try:
            answer = await _sent(peer, request, ctx)
        except PeerTimeout:
            raise DeadlineExceeded(f"{component} did not answer in time.") from None
        except PeerBusy:
            raise Overloaded(f"Too many requests to {component} are under way.") from None
        finally:
            ctx.timings.add_peer(component, time.perf_counter() - started)
        _account(ctx, answer)
        headers = {name: answer.headers[name] for name in RETURNED if name in answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    return handle


async def _sent(peer: HttpPeer, request: web.Request, ctx: Context) -> RawAnswer:
    """Sends the request on. Of a body over the limit one byte too many: the owner refuses it."""
    method = "GET" if request.method == "HEAD" else request.method
    return await peer.send(
        method,
        _target_of(request),
        headers=_headers_of(request, ctx),
        body=ctx.raw if request.body_exists else None,
        deadline=ctx.deadline,
        tries=2 if method == "GET" else 1,
    )


def _target_of(request: web.Request) -> str:
    """Path and query as they came; whatever is not ASCII is percent-encoded for the way."""
    target = request.raw_path
    if not target.startswith("/"):
        target = request.path_qs
    if not target.isascii():
        return quote(target.encode("utf-8", "surrogateescape"), safe="/?&=%:@!$'()*+,;-._~")
    return target


def _headers_of(request: web.Request, ctx: Context) -> list[tuple[str, str]]:
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
