"""A TCP relay before a database: it can lose the reply to one statement, or hold the statement up.

Real bytes to a real server; what a killed or hanging server does to them happens at one statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

What = Literal["lose the reply", "hold"]
_SIZE = 65_536


class Relay:
    """Stands before the server of `dsn`; `self.dsn` goes through it. Use `opened`."""

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._target = str(parts["host"]), int(str(parts["port"]))
        self._at, self._what = b"", ""
        self._mended = asyncio.Event()
        self._mended.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._parts = parts
        self.dsn = ""

    @classmethod
    @asynccontextmanager
    async def opened(cls, dsn: str) -> AsyncIterator[Relay]:
        """Listen on a free port of loopback."""
        relay = cls(dsn)
        server = await asyncio.start_server(relay._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        relay.dsn = make_conninfo(**{**relay._parts, "host": "127.0.0.1", "port": port})
        try:
            yield relay
        finally:
            relay.mend()
            relay._cut()
            server.close()

    def fail(self, what: What, at: bytes) -> None:
        """From the statement on that holds `at`: nothing comes back, or nothing gets there."""
        self._what, self._at = what, at
        self._mended.clear()

    def mend(self) -> None:
        """Let everything through again, what was held up first."""
        self._at = b""
        self._mended.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._mended.is_set() and not self._at:  # it has happened: nobody gets in
            if self._what == "lose the reply":
                writer.close()
                return
            await self._mended.wait()
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, server_writer]
        lost = asyncio.Event()
        back = asyncio.create_task(self._back(server_reader, writer, lost))
        while data := await _read(reader):
            if self._at and self._at in data:
                self._at = b""
                if self._what == "lose the reply":
                    lost.set()
            if self._what == "hold" and not self._at:
                await self._mended.wait()
            server_writer.write(data)
        server_writer.close()
        await back

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while data := await _read(reader):
            if lost.is_set():  # it is committed, and nobody hears of it
                self._cut()
                return
            writer.write(data)
        writer.close()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_SIZE)
    except ConnectionError:
        return b""
