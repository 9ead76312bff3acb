"""`python -m bench.deployments.edge --listen HOST:PORT --replica HOST:PORT … [--admin …]`.

Without `--listen` it listens at SHOP_BIND, as every other process of a deployment.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from bench.deployments.edge.admin import Admin
from bench.deployments.edge.replicas import Address, parse_address
from bench.deployments.edge.server import ClientConnection, Edge, Limits

_RESOLVE_S = 1.0
_BACKLOG = 1_024


def main() -> int:
    options = _options(sys.argv[1:])
    try:
        import uvloop
    except ImportError:  # the standard loop serves as well, at more CPU
        runner = asyncio.Runner()
    else:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        try:
            runner.run(_serve(options))
        except OSError as error:
            print(f"edge: {options.listen}: {error.strerror or error}", file=sys.stderr)
            return 1
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    limits = Limits()
    parser = argparse.ArgumentParser("edge", description="Spread HTTP requests over replicas.")
    add = parser.add_argument
    bind = os.environ.get("SHOP_BIND")
    add("--listen", required=bind is None, default=bind, type=_address, metavar="HOST:PORT")
    add("--replica", action="append", default=[], type=_address, metavar="HOST:PORT")
    add("--resolve", type=_address, metavar="NAME:PORT",
        help="ask the name once a second; each of its addresses is a replica")  # fmt: skip
    add("--admin", default="", metavar="unix:PATH|HOST:PORT", help="counts and changes of the list")
    add("--at-once", type=int, default=limits.at_once, help="requests at once to one replica")
    add("--queue", type=int, default=limits.queue, help="requests that may wait for a replica")
    add("--queue-seconds", type=float, default=limits.queue_s)
    add("--answer-seconds", type=float, default=limits.answer_s)
    options = parser.parse_args(arguments)
    if options.at_once < 1 or options.queue < 0:
        parser.error("--at-once must be 1 or more, --queue 0 or more")
    return options


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    edge = Edge(
        loop,
        Limits(
            at_once=options.at_once,
            queue=options.queue,
            queue_s=options.queue_seconds,
            answer_s=options.answer_seconds,
        ),
    )
    edge.replicas.set_addresses(options.replica)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    admin = await Admin(edge).listen(options.admin) if options.admin else None
    listen = options.listen
    server = await loop.create_server(
        lambda: ClientConnection(edge), listen.host, listen.port, backlog=_BACKLOG
    )
    background = [asyncio.ensure_future(edge.tick_forever())]
    if options.resolve is not None:
        background.append(asyncio.ensure_future(_resolve_forever(edge, options.resolve)))
    await stop.wait()
    server.close()
    await _drain(edge)
    for task in background:
        task.cancel()
    if admin is not None:
        admin.close()


async def _drain(edge: Edge) -> None:
    """Let what is in flight end; connections at rest are closed by the next tick."""
    edge.draining = True
    deadline = edge.now() + edge.limits.drain_s
    while edge.clients and edge.now() < deadline:  # noqa: ASYNC110 - rare, and never missed
        await asyncio.sleep(0.02)


async def _resolve_forever(edge: Edge, name: Address) -> None:
    """Follow a name whose addresses come and go; what is known stays when it cannot be asked."""
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError):
            found = await loop.getaddrinfo(name.host, name.port, type=socket.SOCK_STREAM)
            addresses = sorted({Address(str(each[4][0]), name.port) for each in found})
            edge.replicas.set_addresses(addresses, proven=False)
        await asyncio.sleep(_RESOLVE_S)


if __name__ == "__main__":
    raise SystemExit(main())
