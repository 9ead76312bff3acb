"""The middlewares of a process, outermost first; their order is the contract's order of checks.

A request without a route (404, 405: aiohttp's router's own) gets no further than `problems`.
Admission and deadline are the edge's alone. Forwarded routes have their checks at the owner.
"""

import asyncio
import logging
import re
import time
from collections import defaultdict
from typing import Any

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from microservices.chassis import faults
from microservices.chassis.bodies import MAX_BODY, parse_body, read_whole
from microservices.chassis.context import Context, activate, current, seen
from microservices.chassis.errors import (
    PROBLEM_JSON,
    ApiError,
    DeadlineExceeded,
    InternalError,
    InvalidIdempotencyKey,
    MethodNotAllowed,
    MissingIdempotencyKey,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    problem_body,
    problem_headers,
)
from microservices.chassis.faults import POISON, DropReply
from microservices.chassis.http_transport import DEADLINE
from microservices.chassis.resilience import Bulkhead
from microservices.chassis.routes import routed
from microservices.chassis.settings import Settings
from microservices.chassis.telemetry import REQUEST_ID, SERVER_TIMING, request_id, server_timing
from microservices.chassis.tokens import bearer_token

SPOKEN = (HttpVersion10, HttpVersion11)
LOGGED_PATH = 200  # characters: a client decides how long a path is, not how long a log
DRAINING = web.AppKey("draining", asyncio.Event)
# Work whose caller may have given up; the end of the drain waits for it.
RUNNING = web.AppKey("running", set[asyncio.Future[Any]])
_is_key = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?").fullmatch
_log = logging.getLogger(__name__)


def middlewares_of(settings: Settings, *, edge: bool) -> list[Middleware]:
    """What requests of this process pass, the first one first."""
    chain: list[Middleware] = [telemetry(settings.deadline_ms / 1e3, edge=edge), problems]
    chain.append(whole_body)
    if edge and settings.resilient:
        chain.append(admission(settings.edge_concurrency, settings.component_concurrency))
    if edge:
        chain.append(deadline)
    chain.append(authentication)
    if settings.faults:
        chain.append(fault_points)
    return [*chain, json_body, idempotency_key]


def telemetry(seconds: float, *, edge: bool) -> Middleware:
    """Request id and timing of every answer, and the context in which the request runs."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        headers = request.headers
        left = seconds if edge else _seconds_left(headers.get(DEADLINE, ""), seconds)
        ctx = Context(
            request_id(headers.getall(REQUEST_ID, ())),
            asyncio.get_running_loop().time() + left,
            request.method,
            request.path,
        )
        activate(ctx)
        response = await handler(request)
        response.headers[REQUEST_ID] = ctx.request_id
        response.headers[SERVER_TIMING] = server_timing(time.perf_counter() - started, ctx.timings)
        if request.app[DRAINING].is_set():  # clients shall not come back on this connection
            response.force_close()
        return response

    return middleware


def _seconds_left(given: str, most: float) -> float:
    """A caller inside may shorten the time for a request, not lengthen it."""
    if given.isdecimal() and len(given) < 10:
        return min(int(given) / 1e3, most)
    return most


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one border at which errors become problem+json."""
    try:
        if request.version not in SPOKEN:  # aiohttp's parser also takes 0.9 and 2.0
            raise web.HTTPBadRequest
        if request.match_info.http_exception is not None:
            raise request.match_info.http_exception
        return await handler(request)
    except ApiError as error:
        refusal = error
    except web.HTTPNotFound:
        refusal = NotFound("There is nothing here.")
    except web.HTTPMethodNotAllowed as error:
        allow = ", ".join(sorted(error.allowed_methods))
        return problem_response(MethodNotAllowed(f"Allowed here: {allow}."), Allow=allow)
    except web.HTTPException as error:  # the server's own business: 408, and 400 of the version
        response = web.Response(status=error.status, text=error.text)
        response.force_close()
        return response
    except DropReply:
        return _dropped(request)
    except Exception:
        ctx = current()
        path = ctx.path[:LOGGED_PATH]
        _log.exception("request %s %s %s failed", ctx.request_id, ctx.method, path)
        refusal = InternalError("Something went wrong here.")
    return problem_response(refusal)


def problem_response(error: ApiError, **headers: str) -> web.Response:
    """The answer to an error."""
    headers |= {"Content-Type": PROBLEM_JSON, **problem_headers(error)}
    return web.Response(status=error.status, body=problem_body(error), headers=headers)


def _dropped(request: web.Request) -> web.StreamResponse:
    """Closes the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


@web.middleware
async def whole_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reads the body before anything is taken for the request: slow clients hold up nobody.

    The deadline counts from here. The size is judged after authentication, see `json_body`.
    """
    if request.body_exists:
        ctx, loop = current(), asyncio.get_running_loop()
        began = loop.time()
        ctx.raw = await read_whole(request)
        ctx.deadline += loop.time() - began
    return await handler(request)


def admission(limit: int, limit_of_component: int) -> Middleware:
    """Bounds the requests that are served at once, in all and of one component: requests that wait
    inside it, for a password's hash or a database, leave room for those to the others.
    """
    everybody = Bulkhead(limit)
    components = defaultdict[str, Bulkhead](lambda: Bulkhead(limit_of_component))

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        component = routed(request).component
        if not component:  # operators always get in
            return await handler(request)
        places = (components[component], everybody)
        taken = [place for place in places if place.enter()]
        try:
            if len(taken) < len(places):
                raise Overloaded("Too many requests are under way.")
            return await handler(request)
        finally:
            for place in taken:
                place.leave()

    return middleware


@web.middleware
async def deadline(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Waits for the answer until the deadline. Giving up never cancels the work."""
    leads_to = routed(request)
    if leads_to.endpoint is None or not leads_to.component:  # ends by itself
        return await handler(request)
    running = request.app[RUNNING]
    task = asyncio.ensure_future(handler(request))
    running.add(task)
    task.add_done_callback(running.discard)
    await asyncio.wait((task,), timeout=current().remaining())
    if not task.done():
        task.add_done_callback(seen)
        raise DeadlineExceeded("The deadline of the request has passed.")
    return task.result()


@web.middleware
async def authentication(request: web.Request, handler: Handler) -> web.StreamResponse:
    """401, 403; operations of the public ignore the header."""
    endpoint = routed(request).endpoint
    if endpoint is not None and endpoint.operation.auth != "public":
        ctx = current()
        ctx.token = bearer_token(request.headers.getall("Authorization", ()))
        await endpoint.authorize(ctx)
    return await handler(request)


@web.middleware
async def fault_points(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The point at the entry of each operation; poison is passed on by whoever calls further."""
    ctx, endpoint = current(), routed(request).endpoint
    ctx.poison = request.headers.get(POISON, "")
    if endpoint is not None and endpoint.component:
        await faults.enter_operation(endpoint.component, ctx.poison)
    return await handler(request)


@web.middleware
async def json_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """413, 415 and malformed JSON (400)."""
    endpoint = routed(request).endpoint
    if endpoint is not None:
        ctx = current()
        if len(ctx.raw) > MAX_BODY:
            raise PayloadTooLarge(f"A body has at most {MAX_BODY} bytes.")
        rule = endpoint.operation.body_rule
        if rule != "none":
            ctx.body = parse_body(request.headers, ctx.raw, rule)
    return await handler(request)


@web.middleware
async def idempotency_key(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The key's own 400s. The record is the operation's, in one commit with its effect."""
    endpoint = routed(request).endpoint
    if endpoint is not None and endpoint.operation.key:
        keys = request.headers.getall("Idempotency-Key", ())
        if not keys:
            raise MissingIdempotencyKey("The Idempotency-Key header is needed here.")
        if len(keys) > 1 or not _is_key(keys[0]):
            raise InvalidIdempotencyKey("One key of 1 to 255 printable ASCII characters is needed.")
        current().idempotency_key = keys[0]
    return await handler(request)
