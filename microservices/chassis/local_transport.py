"""The in-memory transport: the callee's operation in its own task, under the caller's deadline."""

import asyncio
import logging
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from microservices.chassis.context import Context, activate
from microservices.chassis.endpoint import Endpoint
from microservices.chassis.errors import ApiError
from microservices.chassis.faults import DropReply
from microservices.chassis.operations import PLACEHOLDER, Reply
from microservices.chassis.peers import Message, PeerRefused, PeerUnclear, answer_of

# The operations of one component, by method and path.
Endpoints: TypeAlias = dict[tuple[str, str], Endpoint]
_log = logging.getLogger(__name__)


class LocalTransport:
    """Calls a component of the same process. Giving up on a call never cancels it.

    Args:
        running: Work that the process's drain waits for.
    """

    def __init__(self, endpoints: Endpoints, running: set[asyncio.Future[Any]]) -> None:
        self._endpoints = endpoints
        self._running = running

    async def call(
        self, ctx: Context, message: Message[Any], request: Struct | None, deadline: float
    ) -> Any:
        endpoint = self._endpoints[message.method, message.path]
        child = ctx.child(deadline, message.method, _filled(message.path, request))
        task = asyncio.create_task(_run(endpoint, child, request, message.as_user))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait((task,), timeout=child.remaining())
        if not task.done():
            task.add_done_callback(_log_late_failure)
            raise PeerUnclear(f"{message.peer} did not answer in time.")
        return _converted(message, _result(message.peer, task))


async def _run(
    endpoint: Endpoint, ctx: Context, request: Struct | None, as_user: bool
) -> Struct | Reply:
    activate(ctx)
    kind = endpoint.operation.request
    # By way of plain objects, as over HTTP: unset fields vanish, and times become what JSON has.
    converted = msgspec.convert({} if request is None else msgspec.to_builtins(request), kind)
    return await endpoint.invoke(ctx, converted, as_user)


def _result(peer: str, task: asyncio.Task[Struct | Reply]) -> Struct | Reply:
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, ApiError) and error.status < 500:
        raise PeerRefused(error.code, error.status, error.title, error.detail) from error
    if not isinstance(error, ApiError | DropReply):
        _log.error("%s failed", peer, exc_info=error)
    raise PeerUnclear(f"{peer} failed.") from error


def _converted(message: Message[Any], answer: Struct | Reply) -> Any:
    if isinstance(answer, Reply):
        if answer.status >= 400:
            members = msgspec.json.decode(answer.body)
            raise PeerRefused(members["code"], answer.status, members["title"], members["detail"])
        return answer_of(message, answer.body)
    return msgspec.convert(msgspec.to_builtins(answer), message.answer)


def _filled(path: str, request: Struct | None) -> str:
    return PLACEHOLDER.sub(lambda name: str(getattr(request, name[1])), path)


def _log_late_failure(task: asyncio.Task[Any]) -> None:
    error = task.exception()
    if error is not None and not isinstance(error, ApiError | DropReply):
        _log.error("a call failed after its caller gave up", exc_info=error)
