"""The edge's own door: counts by replica, and a new list. HTTP on a unix socket or loopback port.

`GET /` answers the counts as JSON. `PUT /replicas` with `["host:port", …]` replaces the list;
who is taken out ends its work first. Whoever reaches the door may use it: keep it private.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import Any

from bench.deployments.edge.replicas import parse_address
from bench.deployments.edge.server import Edge

UNIX = "unix:"
_MAX_BODY = 65_536
_REQUEST_S = 5.0


class Admin:
    """Answers one request for each connection."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def listen(self, address: str) -> asyncio.AbstractServer:
        """Serve at `unix:PATH` or `host:port`. Raises OSError, ValueError."""
        if address.startswith(UNIX):
            path = address.removeprefix(UNIX)
            _make_way(path)
            server = await asyncio.start_unix_server(self._serve, path)
            os.chmod(path, 0o600)
            return server
        where = parse_address(address)
        return await asyncio.start_server(self._serve, where.host, where.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, document = await asyncio.wait_for(self._answer(reader), _REQUEST_S)
            body = json.dumps(document).encode() + b"\n"
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # whoever asked is gone, or asked nothing
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, Any]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.split("\r\n")
        method, path, _ = (first + "  ").split(" ", 2)
        if (method, path) == ("GET", "/"):
            return "200 OK", self._edge.report()
        if (method, path) != ("PUT", "/replicas"):
            return "404 Not Found", {"error": "there are GET / and PUT /replicas"}
        named = dict(field.lower().split(":", 1) for field in fields if ":" in field)
        length = named.get("content-length", "").strip()
        if not length.isdecimal() or int(length) > _MAX_BODY:
            return "411 Length Required", {"error": "content-length is missing or too large"}
        try:
            texts = json.loads(await reader.readexactly(int(length)))
            addresses = [parse_address(text) for text in texts]
        except (ValueError, TypeError, AttributeError) as error:
            return "422 Unprocessable Content", {"error": str(error)}
        self._edge.replicas.set_addresses(addresses)
        return "200 OK", self._edge.report()


def _make_way(path: str) -> None:
    """Remove the socket of an edge that was killed."""
    with suppress(FileNotFoundError):
        os.unlink(path)
