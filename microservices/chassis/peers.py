"""Calling another component without knowing where it runs.

A consumer declares the messages it sends; the composition root binds each peer to a transport: in
memory (`local_transport.py`) or HTTP (`http_transport.py`). Errors mean the same through both.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct

from microservices.chassis.context import Context, current
from microservices.chassis.errors import ApiError, DependencyUnavailable, InternalError
from microservices.chassis.faults import DropReply, maybe_fail

A = TypeVar("A")
PEER_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Message(Generic[A]):
    """A call that a consumer makes, declared by the consumer with an answer type of its own."""

    peer: str
    method: str
    path: str
    answer: type[A]
    idempotent: bool = True
    timeout: float = PEER_TIMEOUT_SECONDS
    fault: str = ""
    as_user: bool = False
    decoder: msgspec.json.Decoder[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.answer))


class PeerRefused(ApiError):
    """The peer's definite answer: a 4xx, with the code and status it gave."""

    def __init__(self, code: str, status: int, title: str, detail: str) -> None:
        self.code, self.status, self.title = code, status, title  # type: ignore[misc]
        super().__init__(detail)


class PeerFailed(DependencyUnavailable):
    """No definite answer: see the two leaves."""


class PeerUnavailable(PeerFailed):
    """Surely nothing was done: connection refused, breaker open, bulkhead full."""


class PeerUnclear(PeerFailed):
    """It may or may not have happened: a timeout, a reset, a 5xx."""


class Transport(Protocol):
    """How one peer is reached."""

    async def call(
        self, ctx: Context, message: Message[Any], request: Struct | None, deadline: float
    ) -> Any: ...


class Peers:
    """The peers of one component. Transports may be bound after the components were built."""

    def __init__(self, transports: Mapping[str, Transport]) -> None:
        self._transports = transports

    async def call(
        self,
        message: Message[A],
        request: Struct | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the deadline that is sent along
    ) -> A:
        """Sends one message and returns its answer.

        Args:
            timeout: Seconds in all, tries included; the caller's own deadline bounds it too.

        Raises:
            PeerRefused: a definite 4xx.
            PeerUnavailable: surely nothing was done.
            PeerUnclear: may or may not have happened.
        """
        ctx = current()
        loop = asyncio.get_running_loop()
        if message.fault:
            await _before_send(message.fault)
        started = time.perf_counter()  # uvloop's clock moves in milliseconds
        seconds = message.timeout if timeout is None else timeout
        deadline = min(loop.time() + seconds, ctx.deadline)
        try:
            transport = self._transports[message.peer]
            return cast(A, await transport.call(ctx, message, request, deadline))
        finally:
            ctx.timings.add_peer(message.peer, time.perf_counter() - started)


async def _before_send(fault: str) -> None:
    try:
        await maybe_fail(f"{fault}.before_send")
    except (InternalError, DropReply):
        raise PeerUnclear("A fault was injected before sending.") from None


def answer_of(message: Message[A], raw: bytes) -> A:
    """Decodes an answer; one that is not what the consumer declared is no clear answer."""
    try:
        return cast(A, message.decoder.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PeerUnclear(f"{message.peer} gave an unexpected answer: {error}") from None
