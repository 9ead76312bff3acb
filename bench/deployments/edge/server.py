"""The edge's sockets: clients on one side, kept connections to replicas on the other.

One thread, one event loop. Every list is bounded: clients, requests at once to a replica, the
queue of those that wait for one, and how long they wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from bench.deployments.edge.exchange import Exchange, problem_answer
from bench.deployments.edge.framing import MAX_HEAD, BadMessage, head_end, parse_request
from bench.deployments.edge.replicas import Replica, Replicas

_CONNECT_S = 1.0
_LINGER_S = 1.0
_TICK_S = 0.1
_PROBE_S = 1.0


@dataclass(frozen=True)
class Limits:
    """Counts, and seconds.

    `answer_s` is longer than the shop's own deadline (3 s), so that the shop answers first.
    `replica_idle_s` is shorter than the 75 s both arms keep a connection, so that a request never
    meets one that is being closed.
    """

    at_once: int = 64
    queue: int = 128
    queue_s: float = 1.0
    clients: int = 2_048
    answer_s: float = 10.0
    head_s: float = 10.0
    client_idle_s: float = 75.0
    replica_idle_s: float = 30.0
    drain_s: float = 10.0


class Edge:
    """What all connections share."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._loop = loop
        self.limits = limits
        self.replicas = Replicas(loop.time, limits.at_once)
        self.clients: set[ClientConnection] = set()
        self.links: set[ReplicaConnection] = set()
        self.draining = False
        self.accepted = self.shed = self.queued = 0
        self.retried = self.refused = self.abandoned = self.broken = 0
        self._waiting: deque[Exchange] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self._loop.time()

    def queue(self, exchange: Exchange) -> bool:
        """Let it wait for a replica; False if the queue is full."""
        if len(self._waiting) >= self.limits.queue:
            self.shed += 1
            return False
        self.queued += 1
        exchange.since = self.now()
        self._waiting.append(exchange)
        return True

    def ended(self, replica: Replica) -> None:
        """A request less at a replica: the next in the queue may go."""
        self.replicas.ended(replica)
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.over:
                self._waiting.popleft()
                continue
            replica = self.replicas.choose(first.tried)
            if replica is None:
                return
            self._waiting.popleft()
            first.assign(replica)

    def connect(self, exchange: Exchange, replica: Replica) -> None:
        """Open a connection for an exchange."""
        self._run(self._connect(exchange, replica))

    async def _connect(self, exchange: Exchange, replica: Replica) -> None:
        address = replica.address
        try:
            _, link = await asyncio.wait_for(
                self._loop.create_connection(
                    lambda: ReplicaConnection(self, replica), address.host, address.port
                ),
                _CONNECT_S,
            )
        except (OSError, TimeoutError):
            if not exchange.over:
                exchange.connect_failed()
            return
        replica.counts.connections += 1
        if exchange.over:
            link.give_back(reusable=True)
        else:
            exchange.attach(link)

    def _run(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # the loop itself keeps a weak reference only
        task.add_done_callback(self._tasks.discard)

    async def tick_forever(self) -> None:
        """Everything that has a time limit, ten times a second; no timer for each request."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._tick()

    def _tick(self) -> None:
        now = self.now()
        while self._waiting and (
            self._waiting[0].over or now - self._waiting[0].since > self.limits.queue_s
        ):
            exchange = self._waiting.popleft()
            if not exchange.over:
                self.shed += 1
                exchange.fail(503, ("overloaded", "Overloaded"))
        self._serve_waiting()
        for client in list(self.clients):
            client.tick(now)
        for link in list(self.links):
            link.tick(now)
        for replica in self.replicas.due_for_probe():
            replica.back_at = now + 2 * _PROBE_S  # not again while this probe runs
            self._run(self._probe(replica))

    async def _probe(self, replica: Replica) -> None:
        ready = False
        with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            ready = await asyncio.wait_for(_asks_ready(replica), _PROBE_S)
        self.replicas.probed(replica, ready=ready)
        self._serve_waiting()

    def report(self) -> dict[str, Any]:
        """Counts since the start, for the admin endpoint."""
        return {
            "draining": self.draining,
            "clients": len(self.clients),
            "waiting": len(self._waiting),
            "accepted": self.accepted,
            "queued": self.queued,
            "shed": self.shed,
            "retried": self.retried,
            "refused": self.refused,
            "abandoned": self.abandoned,
            "broken": self.broken,
            "replicas": self.replicas.report(),
        }


async def _asks_ready(replica: Replica) -> bool:
    reader, writer = await asyncio.open_connection(replica.address.host, replica.address.port)
    try:
        writer.write(
            f"GET /ready HTTP/1.1\r\nHost: {replica.address}\r\nConnection: close\r\n\r\n".encode()
        )
        status = (await reader.readuntil(b"\r\n")).split(b" ")
        return len(status) > 1 and status[1] == b"200"
    finally:
        writer.close()


class ClientConnection(asyncio.Protocol):
    """A client's connection: one request after the other, never two at once."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._transport: asyncio.Transport
        self._exchange: Exchange | None = None
        self._buffer = b""
        self._since = edge.now()
        self._ending = False
        self._sends_no_more = False
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._edge.clients.add(self)
        self._edge.accepted += 1
        if len(self._edge.clients) > self._edge.limits.clients:
            self._edge.shed += 1
            self._refuse(503)

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.clients.discard(self)
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.client_gone()

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        if self._exchange is not None:
            self._exchange.client_data(data)
            return
        if not self._buffer:
            self._since = self._edge.now()
        self._buffer += data
        self._begin()

    def eof_received(self) -> bool:
        """A client that only sends no more still wants its answer, and then no other."""
        self._sends_no_more = True
        return self._exchange is not None

    def _begin(self) -> None:
        if self._buffer.startswith(b"\r\n"):  # some clients end a body with one too many
            self._buffer = self._buffer[2:]
        try:
            end = head_end(self._buffer, MAX_HEAD)
            if not end:
                return
            request = parse_request(self._buffer[:end])
        except BadMessage as error:
            self._refuse(error.status)
            return
        rest, self._buffer = self._buffer[end:], b""
        exchange = self._exchange = Exchange(self._edge, self, request)
        if rest:
            exchange.client_data(rest)
        if not exchange.over:
            exchange.start()

    def _refuse(self, status: int) -> None:
        self._edge.refused += 1
        self._transport.write(problem_answer(status, self._buffer, close=True))
        self._end(unread=True)

    # --- what an exchange asks of its client

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def hold(self) -> None:
        with suppress(RuntimeError):
            self._transport.pause_reading()

    def go_on(self) -> None:
        with suppress(RuntimeError):
            self._transport.resume_reading()

    def done(self, *, close: bool, unread: bool = False) -> None:
        self._exchange = None
        self._since = self._edge.now()
        self.go_on()
        if close or self._sends_no_more:
            self._end(unread=unread)

    def abort(self) -> None:
        self._exchange = None
        self._transport.abort()

    def _end(self, *, unread: bool) -> None:
        """Close; with bytes of the client unread a close would reset the answer away."""
        self._ending = True
        self._since = self._edge.now()
        if unread and self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    # --- time and flow

    def tick(self, now: float) -> None:
        limits = self._edge.limits
        if self._ending:
            if now - self._since > _LINGER_S and not self.paused:
                self._transport.close()
        elif self._exchange is not None:
            if self._exchange.replica is not None and not self.paused:
                if now - self._exchange.since > limits.answer_s:
                    self._exchange.timed_out()
        elif self._buffer and now - self._since > limits.head_s:
            self._refuse(408)
        elif now - self._since > limits.client_idle_s or self._edge.draining:
            self._transport.close()

    def pause_writing(self) -> None:
        self.paused = True
        if self._exchange is not None and self._exchange.link is not None:
            self._exchange.link.hold()

    def resume_writing(self) -> None:
        self.paused = False
        if self._exchange is not None:
            self._exchange.since = self._edge.now()
            if self._exchange.link is not None:
                self._exchange.link.go_on()


class ReplicaConnection(asyncio.Protocol):
    """A connection to a replica: in use by one exchange, or idle."""

    def __init__(self, edge: Edge, replica: Replica) -> None:
        self._edge = edge
        self._replica = replica
        self._transport: asyncio.Transport
        self._since = edge.now()
        self.exchange: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._edge.links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.links.discard(self)
        with suppress(ValueError):
            self._replica.idle.remove(self)
        if self.exchange is not None:
            exchange, self.exchange = self.exchange, None
            exchange.link_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.answer_data(data)
        else:
            self.abort()  # an answer to nothing

    def usable(self) -> bool:
        return not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def give_back(self, *, reusable: bool) -> None:
        """The exchange is over: keep the connection for the next one, or close it."""
        self.exchange = None
        self.go_on()
        if reusable and self._replica.state == "in" and self.usable() and not self._edge.draining:
            self._since = self._edge.now()
            self._replica.idle.append(self)
        else:
            self._transport.close()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def hold(self) -> None:
        with suppress(RuntimeError):
            self._transport.pause_reading()

    def go_on(self) -> None:
        with suppress(RuntimeError):
            self._transport.resume_reading()

    def tick(self, now: float) -> None:
        if self.exchange is None and now - self._since > self._edge.limits.replica_idle_s:
            self._transport.close()

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.hold()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.go_on()
