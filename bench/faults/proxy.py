"""A TCP proxy between the processes of a deployment that adds delay and emulated loss.

`python -m bench.faults.proxy --control SOCKET --hop NAME=PORT:HOST:TARGET_PORT ...`. One listener
for each hop; what it does is set over the socket while it runs (`proxy_control`). Order is kept,
half-close, resets and back-pressure are passed on. It accepts before it has connected, so a
refused connection reaches the caller as a reset.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Literal, cast

from bench.faults.alarm import Alarm
from bench.faults.hop_state import Hop, HopSettings

HIGH_BYTES = 1 << 20  # held in one direction: more is not read until half of it has gone on
_CONNECT_SECONDS = 5.0
_MAX_TRACE = 20_000
_EARLY_S = 10e-6
_LINGER_RESET = struct.pack("ii", 1, 0)
_NEVER = float("inf")

Way = Literal["up", "down"]
End = Literal["eof", "reset"]


class Direction:
    """One way of a connection: a queue of chunks, each with the time at which it goes on."""

    def __init__(self, proxy: Proxy, hop: Hop, way: Way, on_end: Callable[[], None]) -> None:
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self.not_before = 0.0  # order is kept: nothing overtakes what was held longer
        self.wire_free = 0.0  # when the last byte will have gone onto the wire
        self.blocked = way == "up"  # until there is a connection to the target
        self.ended = False
        self._proxy = proxy
        self._hop = hop
        self._way = way
        self._on_end = on_end
        self._queue: deque[tuple[float, bytes | End]] = deque()
        self._size = 0
        self._paused = False

    def take(self, chunk: bytes | End) -> None:
        """Accept a chunk or the end; pass it on now or when its time has come."""
        now = time.monotonic()
        due = self._due(now, len(chunk) if isinstance(chunk, bytes) else 0)
        if self._proxy.trace is not None and isinstance(chunk, bytes):
            self._proxy.record(now, due, self._hop.name, self._way)
        if due <= now and not self._queue and not self.blocked:
            self._deliver(chunk)
            return
        self._queue.append((due, chunk))
        if isinstance(chunk, bytes):
            self._size += len(chunk)
            if self._size > HIGH_BYTES:
                self._pause_source()
        if len(self._queue) == 1 and not self.blocked:
            self._proxy.wake(due, self)

    def flush(self, now: float) -> None:
        """Pass on what is due."""
        while self._queue and not self.blocked and self._queue[0][0] <= now + _EARLY_S:
            _, chunk = self._queue.popleft()
            if isinstance(chunk, bytes):
                self._size -= len(chunk)
            self._deliver(chunk)
        if self._paused and self._size <= HIGH_BYTES // 2:
            self._paused = False
            if self.source is not None and not self.source.is_closing():
                self.source.resume_reading()
        if self._queue and not self.blocked:
            self._proxy.wake(self._queue[0][0], self)

    def unblock(self) -> None:
        """The sink takes bytes again."""
        self.blocked = False
        self.flush(time.monotonic())

    def release(self) -> None:
        """A partition or a narrow link has ended: what it held goes on as if it came now."""
        now = time.monotonic()
        due = now + self._hop.settings.one_way_s
        self._queue = deque((min(when, due), chunk) for when, chunk in self._queue)
        self.not_before = min(self.not_before, due)
        self.wire_free = min(self.wire_free, now)
        self.flush(now)

    def _pause_source(self) -> None:
        if not self._paused and self.source is not None and not self.source.is_closing():
            self._paused = True
            self.source.pause_reading()

    def _due(self, now: float, size: int) -> float:
        """When `size` bytes go on; the ends of a connection have none and are never lost."""
        settings = self._hop.settings
        if settings.mode == "hold":
            self.not_before = _NEVER
            return _NEVER
        held = settings.retransmission_s(self._proxy.rng) if size else 0.0
        if held:
            self._hop.counts.lost += 1
        self.wire_free = max(now, self.wire_free) + settings.transmission_s(size)
        arrival = self.wire_free + settings.one_way_s + settings.jitter_s(self._proxy.rng) + held
        self.not_before = max(self.not_before, arrival)
        return self.not_before

    def _deliver(self, chunk: bytes | End) -> None:
        sink = self.sink
        if sink is None or sink.is_closing():
            return
        if chunk == "reset":
            reset(sink)
        elif chunk == "eof":
            self.ended = True
            with suppress(OSError, RuntimeError):
                sink.write_eof()
            self._on_end()
        elif isinstance(chunk, bytes):
            sink.write(chunk)


class Connection:
    """A caller's connection and ours to the target."""

    def __init__(self, proxy: Proxy, hop: Hop) -> None:
        self.hop = hop
        self.up = Direction(proxy, hop, "up", self._close_if_ended)
        self.down = Direction(proxy, hop, "down", self._close_if_ended)
        self._proxy = proxy
        self._asking = False
        self._sides = 0

    def opened(self, side: Side, transport: asyncio.Transport) -> None:
        """One side is connected: the caller's first, then ours to the target."""
        self._sides += 1
        no_delay(transport)
        if side.way == "up":
            self.up.source = self.down.sink = transport
            self._start()
        else:
            self.down.source = self.up.sink = transport
            self.up.unblock()

    def received(self, way: Way, data: bytes) -> None:
        """Count a chunk and send it on its way."""
        counts = self.hop.counts
        if way == "up":
            counts.chunks_up += 1
            counts.bytes_up += len(data)
            counts.exchanges += not self._asking
        else:
            counts.chunks_down += 1
            counts.bytes_down += len(data)
        self._asking = way == "up"
        (self.up if way == "up" else self.down).take(data)

    def lost(self, way: Way, error: Exception | None) -> None:
        """One side is gone. A reset goes the same way as the bytes before it."""
        self._sides -= 1
        direction = self.up if way == "up" else self.down
        if error is not None:
            direction.take("reset")
        if self._sides <= 0:
            self._proxy.connections.discard(self)

    def _close_if_ended(self) -> None:
        """Close both sides once both directions have ended."""
        if self.up.ended and self.down.ended:
            for transport in (self.up.sink, self.down.sink):
                if transport is not None:
                    transport.close()

    def abort(self) -> None:
        """Reset both sides at once."""
        for transport in (self.up.sink, self.down.sink):
            if transport is not None:
                reset(transport)

    def _start(self) -> None:
        """Set-up costs one round trip before the first byte can travel."""
        settings = self.hop.settings
        self.hop.counts.connections += 1
        self._proxy.connections.add(self)
        if settings.mode == "reset":
            self.abort()
            return
        now = time.monotonic()
        if settings.one_way_s:
            self.up.not_before = now + 3 * settings.one_way_s
            self.down.not_before = now + 4 * settings.one_way_s
        self._proxy.spawn(self._connect())

    async def _connect(self) -> None:
        hop, loop = self.hop, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await loop.create_connection(lambda: Side(self, "down"), hop.host, hop.target_port)
        except (OSError, TimeoutError):
            self.abort()


class Side(asyncio.Protocol):
    """One socket of a connection; `way` is the direction its bytes travel in."""

    def __init__(self, connection: Connection, way: Way) -> None:
        self.way: Way = way
        self._connection = connection
        self._into = connection.down if way == "up" else connection.up  # what is written here
        self._from = connection.up if way == "up" else connection.down

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's
        self._connection.opened(self, cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._connection.received(self.way, data)

    def eof_received(self) -> bool:
        self._from.take("eof")
        return True  # half-closed: the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.lost(self.way, exc)

    def pause_writing(self) -> None:
        self._into.blocked = True

    def resume_writing(self) -> None:
        self._into.unblock()


class Proxy:
    """All hops of a deployment in one event loop."""

    def __init__(self, hops: list[Hop], seed: int) -> None:
        self.hops = {hop.name: hop for hop in hops}
        self.rng = random.Random(seed)
        self.connections: set[Connection] = set()
        self.trace: list[tuple[float, float, str, Way]] | None = None
        self._alarm: Alarm | None = None
        self._waiting: list[tuple[float, int, Direction]] = []
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.AbstractServer] = []  # a server nobody holds is closed

    async def serve(self, control: Path) -> None:
        """Listen on every hop and on the control socket until SIGTERM."""
        loop = asyncio.get_running_loop()
        self._alarm = Alarm(loop, self._ring)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        for hop in self.hops.values():
            server = await loop.create_server(
                lambda hop=hop: Side(Connection(self, hop), "up"),  # type: ignore[misc]
                "127.0.0.1",
                hop.port,
                backlog=512,
            )
            self._servers.append(server)
        self._servers.append(await asyncio.start_unix_server(self._answer, control))
        os.chmod(control, 0o600)  # at start, before any connection
        await ended.wait()

    def wake(self, when: float, direction: Direction) -> None:
        """Flush a direction at `when`."""
        if when == _NEVER:
            return
        self._number += 1
        heappush(self._waiting, (when, self._number, direction))
        if self._alarm is not None:
            self._alarm.set_for(when)

    def spawn(self, work: Any) -> None:
        """Run a coroutine and keep hold of it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def record(self, now: float, due: float, hop: str, way: Way) -> None:
        """Note one message for the trace, up to its limit."""
        if self.trace is not None and len(self.trace) < _MAX_TRACE:
            self.trace.append((now, due, hop, way))

    def change(self, changes: dict[str, dict[str, Any]]) -> None:
        """Change hops by name, `*` for all. Raises ValueError and changes nothing then."""
        wanted: dict[str, HopSettings] = {}
        for name, change in changes.items():
            if name != "*" and name not in self.hops:
                raise ValueError(f"no hop {name!r}; there are {sorted(self.hops)}")
            for each in self.hops if name == "*" else (name,):
                before = wanted.get(each, self.hops[each].settings)
                wanted[each] = before.changed(change)
        for name, settings in wanted.items():
            self._apply(self.hops[name], settings)

    def _apply(self, hop: Hop, settings: HopSettings) -> None:
        before, hop.settings = hop.settings, settings
        for connection in [c for c in self.connections if c.hop is hop]:
            if settings.mode == "reset":
                connection.abort()
            elif (before.mode == "hold" and settings.mode == "pass") or (
                before.bandwidth and not settings.bandwidth
            ):
                connection.up.release()
                connection.down.release()

    def _ring(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now + _EARLY_S:
            heappop(self._waiting)[2].flush(now)
        if self._waiting and self._alarm is not None:
            self._alarm.set_for(self._waiting[0][0])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                try:
                    reply = self._reply(json.loads(line))
                except (ValueError, TypeError, KeyError) as error:
                    reply = {"error": str(error)}
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        writer.close()

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        self.change(request.get("set", {}))
        for name, port in request.get("target", {}).items():
            self.hops[name].target_port = int(port)  # of the connections to come
        taken = self.trace or []
        if "trace" in request:
            self.trace = [] if request["trace"] else None
        return {
            "pid": os.getpid(),
            "cpu_s": time.process_time(),
            "hops": {name: _described(hop) for name, hop in self.hops.items()},
            "trace": taken if "trace" in request else [],
        }


def _described(hop: Hop) -> dict[str, Any]:
    return {"port": hop.port, "settings": asdict(hop.settings), "counts": asdict(hop.counts)}


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that the other end sees a reset."""
    endpoint = transport.get_extra_info("socket")
    with suppress(OSError):
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    transport.abort()


def no_delay(transport: asyncio.Transport) -> None:
    """Send small chunks at once."""
    with suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main(arguments: list[str] | None = None) -> None:
    """Run the proxy until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults.proxy", description=__doc__)
    parser.add_argument("--control", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--hop", type=Hop.parse, action="append", required=True)
    parser.add_argument("--seed", type=int, default=1, help="which chunks are lost")
    wanted = parser.parse_args(arguments)
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    run(Proxy(wanted.hop, wanted.seed).serve(wanted.control))


if __name__ == "__main__":
    main()
