"""A small server that an edge can stand before, with the misbehaviours a proxy must bear.

`python -m tests.unit.deployments.edge_replica PORT NAME`. Every answer has `X-Replica: NAME`.
"""

from __future__ import annotations

import asyncio
import sys

PORT, NAME = int(sys.argv[1]), sys.argv[2]
BIG = 3_000_000


def sized(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nX-Replica: {NAME}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


CHUNKED = (
    f"HTTP/1.1 200 OK\r\nX-Replica: {NAME}\r\nTransfer-Encoding: chunked\r\n"
    "Server-Timing: app;dur=1.5\r\n\r\n"
)
FIXED = {
    "/ready": sized(b"ok"),
    "/who": sized(NAME.encode()),
    "/none": f"HTTP/1.1 204 No Content\r\nX-Replica: {NAME}\r\n\r\n".encode(),
    "/same": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 7\r\n\r\n',
    "/big": sized(b"x" * BIG),
    "/interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + sized(b"final"),
    "/broken-head": b"HTTP/9.9 what\r\n\r\n",
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "/extra": sized(b"ok") + b"HTTP/1.1 200 OK\r\n\r\n",
}


async def body_of(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        while await reader.readline() != b"\r\n":
            pass
        return body
    return await reader.readexactly(int(fields.get("content-length", "0")))


async def answer(path: str, head: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
    """Write one answer; whether the connection goes on."""
    if path == "/echo":
        writer.write(sized(head.encode() + b"\n--\n" + body))
    elif path == "/slow":
        await asyncio.sleep(0.5)
        writer.write(sized(NAME.encode()))
    elif path == "/never":
        await asyncio.sleep(60)
    elif path == "/pieces":
        for piece in (
            CHUNKED,
            "3\r",
            "\nabc",
            "\r\n4;x=y\r\ndefg\r\n",
            "0\r\nX-Sum: 7\r\n",
            "\r\n",
        ):
            writer.write(piece.encode())
            await writer.drain()
            await asyncio.sleep(0.01)
    elif path == "/until-close":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        return False
    elif path == "/reset":
        writer.transport.abort()
        return False
    elif path == "/half":
        writer.write(sized(b"x" * 100)[:-50])
        await writer.drain()
        return False
    else:
        writer.write(FIXED.get(path, sized(b"no", "404 Not Found")))
    return True


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        going = True
        while going:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target, _ = head.split("\r\n")[0].split(" ")
            lines = [line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line]
            fields = {name.lower(): value.strip() for name, value in lines}
            path = target.split("?")[0]
            if path == "/early":
                writer.write(sized(b"too large", "413 Content Too Large", "Connection: close\r\n"))
                break
            if fields.get("expect") == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await body_of(reader, fields)
            if method == "HEAD":
                writer.write(FIXED[path].split(b"\r\n\r\n")[0] + b"\r\n\r\n")
            else:
                going = await answer(path, head, body, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", PORT, limit=2**20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
