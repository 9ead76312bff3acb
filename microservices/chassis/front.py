"""The HTTP border of a process: one handler finds the route, runs its target, answers everything.

The order of checks begins here: 404 (also for a path id that is no lower-case hyphenated UUID),
then 405 with `Allow`. Only here errors become problem+json. An edge adds deadline and shedding.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import HttpVersion10, web

from microservices.chassis.context import Context, activate
from microservices.chassis.errors import (
    PROBLEM_JSON,
    ApiError,
    DeadlineExceeded,
    InternalError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    problem_body,
    problem_headers,
)
from microservices.chassis.faults import POISON, DropReply, armed
from microservices.chassis.http_transport import DEADLINE
from microservices.chassis.operations import UUID_PATTERN, Reply
from microservices.chassis.settings import Settings
from microservices.chassis.telemetry import REQUEST_ID, SERVER_TIMING, request_id, server_timing

MAX_ROUTE_PATH = 512
_ids = re.compile(rf"(?<=/){UUID_PATTERN}(?=/|\Z)")
_placeholder = re.compile(r"\{\w+\}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer with headers of its own: a forwarded one, a problem, a health report."""

    status: int
    body: bytes
    headers: dict[str, str]


class Target(Protocol):
    """What a route leads to; a bounded one ends by itself before the request's deadline."""

    bounded: bool

    async def serve(
        self, request: web.BaseRequest, ctx: Context, ids: list[str]
    ) -> Reply | Passed: ...


class Routes:
    """Paths of a process. A template names each id as `{...}`."""

    def __init__(self) -> None:
        self._targets: dict[str, dict[str, Target]] = {}
        self._allow: dict[str, str] = {}

    def add(self, method: str, path: str, target: Target) -> None:
        """Adds a route; HEAD comes with GET."""
        template = _placeholder.sub("{}", path)
        targets = self._targets.setdefault(template, {})
        targets[method] = target
        if method == "GET":
            targets["HEAD"] = target
        self._allow[template] = ", ".join(sorted(targets))

    def wrap(self, method: str, path: str, wrapper: Callable[[Target], Target]) -> None:
        """Puts something around the target of a route. KeyError if there is no such route."""
        target = self._targets[_placeholder.sub("{}", path)][method]
        self.add(method, path, wrapper(target))

    def find(self, method: str, path: str) -> tuple[Target, list[str]]:
        """The target and the path's ids.

        Raises:
            NotFound, MethodNotAllowedHere
        """
        template, ids = path, _ids.findall(path[:MAX_ROUTE_PATH])
        if ids:
            template = _ids.sub("{}", path)
        targets = self._targets.get(template)
        if targets is None or "{" in path:
            raise NotFound("There is nothing here.")
        target = targets.get(method)
        if target is None:
            raise MethodNotAllowedHere(self._allow[template])
        return target, ids


class MethodNotAllowedHere(MethodNotAllowed):
    """405, with the methods of the path."""

    def __init__(self, allow: str) -> None:
        super().__init__(f"Allowed here: {allow}.")
        self.allow = allow


class Front:
    """Serves a process's routes.

    Args:
        edge: Whether clients call here: then requests get the whole deadline and too many are shed.
    """

    def __init__(self, routes: Routes, settings: Settings, *, edge: bool) -> None:
        self._routes = routes
        self._edge = edge
        self._deadline = settings.deadline_ms / 1e3
        self._limit = settings.edge_concurrency if edge and settings.resilient else 0
        self._active = 0
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Future[Reply | Passed]] = set()
        self._may_fail = armed()
        self.draining = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The one handler of the process."""
        started = time.perf_counter()
        if request.version < HttpVersion10:
            return web.Response(status=400)
        path = request.raw_path
        if not path.startswith("/") or "%" in path or "?" in path or "#" in path:
            path = request.path
        ctx = Context(
            request_id(request.headers.get(REQUEST_ID)),
            self._loop.time() + self._seconds(request),
            request.method,
            path,
        )
        if self._may_fail:
            ctx.poison = request.headers.get(POISON, "")
        activate(ctx)
        self._active += 1
        try:
            answer = await self._answer(request, ctx)
        except ApiError as error:
            answer = _problem(error)
        except DropReply:
            return _dropped(request)
        except Exception:
            _log.exception("request %s %s %s failed", ctx.request_id, ctx.method, path)
            answer = _problem(InternalError("Something went wrong here."))
        finally:
            self._active -= 1
        return self._response(answer, ctx, time.perf_counter() - started)

    def _seconds(self, request: web.BaseRequest) -> float:
        """What is left for this request: a caller's word counts inside only, and only shortens."""
        given = None if self._edge else request.headers.get(DEADLINE)
        if given is not None and given.isdecimal() and len(given) < 10:
            return min(int(given) / 1e3, self._deadline)
        return self._deadline

    async def _answer(self, request: web.BaseRequest, ctx: Context) -> Reply | Passed:
        target, ids = self._routes.find(ctx.method, ctx.path)
        if 0 < self._limit < self._active and not ctx.path.startswith(("/live", "/ready")):
            raise Overloaded("Too many requests are under way.")
        if self._edge and not target.bounded:
            return await self._in_time(target.serve(request, ctx, ids), ctx)
        return await target.serve(request, ctx, ids)

    async def _in_time(self, work: Awaitable[Reply | Passed], ctx: Context) -> Reply | Passed:
        """Waits for `work` until the deadline. Giving up never cancels it."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        await asyncio.wait((task,), timeout=ctx.remaining())
        if not task.done():
            raise DeadlineExceeded("The deadline of the request has passed.")
        return task.result()

    def _finished(self, task: asyncio.Future[Reply | Passed]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen by the request, unless its deadline passed before

    def _response(
        self, answer: Reply | Passed, ctx: Context, app_seconds: float
    ) -> web.StreamResponse:
        if isinstance(answer, Passed):
            headers = answer.headers
        else:
            kind = "application/json" if answer.status < 400 else PROBLEM_JSON
            headers = {"Content-Type": kind}
        headers[REQUEST_ID] = ctx.request_id
        headers[SERVER_TIMING] = server_timing(app_seconds, ctx.timings)
        response = web.Response(status=answer.status, body=answer.body, headers=headers)
        if self.draining:  # clients shall not come back on this connection
            response.force_close()
        return response

    async def finish(self, seconds: float) -> None:
        """Waits for work whose deadline has passed, as the end of the drain."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)


def _problem(error: ApiError) -> Passed:
    headers = {"Content-Type": PROBLEM_JSON, **problem_headers(error)}
    if isinstance(error, MethodNotAllowedHere):
        headers["Allow"] = error.allow
    return Passed(error.status, problem_body(error), headers)


def _dropped(request: web.BaseRequest) -> web.StreamResponse:
    """Closes the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
