"""Requests as bytes, by a seed: HTTP as it should be, as it may be, and as it may not be.

`row` names the line of the contract's table that says what each server may answer; without one
both arms answer alike.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.contract.conformance.client import address_of

BODY = b'{"amount_cents": 1}'
PATIENCE_S = 9.0  # a head or a body that is not whole is given up after 5 s
SILENT = -1  # no answer, and the connection still open


@dataclass(frozen=True)
class Head:
    """The parts of a deposit's head, each of which an oddity may change."""

    method: bytes = b"POST"
    target: bytes = b"/api/v1/wallet/deposits"
    version: bytes = b"HTTP/1.1"
    headers: tuple[bytes, ...] = ()
    end: bytes = b"\r\n"
    host: tuple[bytes, ...] = (b"Host: shop",)

    def written(self, signed: tuple[bytes, ...]) -> bytes:
        line = b" ".join(part for part in (self.method, self.target, self.version) if part)
        lines = (line, *self.host, *signed, b"Connection: close", *self.headers)
        return self.end.join(lines) + 2 * self.end


@dataclass(frozen=True)
class Framing:
    """One deposit of a cent as bytes. `row`: of the table of what servers may answer."""

    name: str
    head: Head
    body: bytes
    row: str = ""
    shut: bool = False

    def written(self, token: str, key: str) -> bytes:
        signed = (f"Authorization: Bearer {token}".encode(), f"Idempotency-Key: {key}".encode())
        return self.head.written((*signed, b"Content-Type: application/json")) + self.body


Make = Callable[[random.Random], Framing]
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"


def chunks(rng: random.Random, *, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """The body cut anywhere, in chunks whose sizes are written in one of the legal ways."""
    parts, at = [], 0
    while at < len(BODY):
        size = rng.randrange(1, len(BODY) + 1 - at)
        form = rng.choice((b"%x", b"%X", b"0%x", b"000%x"))
        parts.append(form % size + extension + b"\r\n" + BODY[at : at + size] + b"\r\n")
        at += size
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


def _plain(rng: random.Random) -> Framing:
    return Framing("plain", Head(headers=(LENGTH,)), BODY)


def _chunked(rng: random.Random) -> Framing:
    return Framing("chunked", Head(headers=(CHUNKED,)), chunks(rng))


def _trailer(rng: random.Random) -> Framing:
    name = rng.choice((b"X-T", b"Idempotency-Key", b"X-Request-ID"))
    return Framing("a trailer", Head(headers=(CHUNKED,)), chunks(rng, trailer=name + b": 1\r\n"))


def _forbidden_trailer(rng: random.Random) -> Framing:
    row = "a header that RFC 9110 forbids as a trailer"
    name = rng.choice((b"Content-Length", b"Authorization", b"Host", b"Transfer-Encoding"))
    return Framing(row, Head(headers=(CHUNKED,)), chunks(rng, trailer=name + b": 1\r\n"), row)


def _extension(rng: random.Random) -> Framing:
    extension = rng.choice((b";a=b", b";a", b';a="b c"', b";a=b;c=d"))
    return Framing("an extension", Head(headers=(CHUNKED,)), chunks(rng, extension=extension))


def _long_extension(rng: random.Random) -> Framing:
    extension = b";" + b"x" * rng.choice((9_000, 70_000, 1_000_000))
    head = Head(headers=(CHUNKED,))
    row = "a long chunk extension"
    return Framing(row, head, chunks(rng, extension=extension), row)


def _harmless_headers(rng: random.Random) -> Framing:
    extra = rng.sample(
        (
            b"SCRIPT_NAME: /x",
            b"Script-Name: /x",
            b"X-Forwarded-For: 1.2.3.4",
            b"Forwarded: for=1",
            b"X-Forwarded-Proto: https",
            b"X-HTTP-Method-Override: DELETE",
            b"Accept: text/html",
            b"Expect: 100-continue",
            b"Upgrade: h2c",
            b"TE: trailers",
            b"X-Long: " + b"x" * rng.randrange(1, 8_000),
            b"Cookie: sessionid=1",
            b"Range: bytes=0-1",
            b"If-None-Match: *",
            b"Accept-Encoding: gzip",
        ),
        rng.randrange(1, 4),
    )
    if b"Upgrade: h2c" in extra and b"Expect: 100-continue" in extra:
        extra.remove(b"Upgrade: h2c")
    return Framing("harmless headers", Head(headers=(LENGTH, *extra)), BODY)


def _odd_header(rng: random.Random) -> Framing:
    line = rng.choice((b"X Y: 1", b"nonsense", b"X-A: a\0b", b": 1", b"X-A : 1", b"X\x7f: 1"))
    return Framing("a header that is none", Head(headers=(LENGTH, line)), BODY)


def _odd_length(rng: random.Random) -> Framing:
    value = rng.choice((b"-1", b"two", b"+19", b"1_9", b"0x13", b"19,19", b"", b"19 19"))
    return Framing("a length that is none", Head(headers=(b"Content-Length: " + value,)), BODY)


def _huge_length(rng: random.Random) -> Framing:
    row = "a length beyond 64 bits"
    value = b"9" * rng.choice((20, 40, 300))
    return Framing(row, Head(headers=(b"Content-Length: " + value,)), BODY, row)


def _two_lengths(rng: random.Random) -> Framing:
    other = b"Content-Length: %d" % rng.choice((0, 1, 5, 500))
    return Framing("two lengths", Head(headers=(LENGTH, other)), BODY)


def _both_framings(rng: random.Random) -> Framing:
    row = "a length beside chunked coding"
    headers = rng.choice(((LENGTH, CHUNKED), (CHUNKED, LENGTH)))
    return Framing(row, Head(headers=headers), chunks(rng), row)


def _coding(rng: random.Random) -> Framing:
    row = "a transfer coding that is no single chunked"
    value = rng.choice(
        (b"snappy", b"gzip, chunked", b"chunked, chunked", b"chunked, gzip", b"xchunked")
    )
    return Framing(row, Head(headers=(b"Transfer-Encoding: " + value,)), chunks(rng), row)


def _broken_chunk(rng: random.Random) -> Framing:
    row = "a broken chunk"
    body = rng.choice(
        (
            b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"-13\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"0x13\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"5\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"f" * 20 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
        )
    )
    return Framing(row, Head(headers=(CHUNKED,)), body, row)


def _method(rng: random.Random) -> Framing:
    method = rng.choice((b"SNAP", b"PURGE", b"MKCOL", b"PROPFIND", b"BREW", b"X" * 30))
    row = "an unknown method"
    return Framing(row, Head(method=method, headers=(LENGTH,)), BODY, row)


def _known_method(rng: random.Random) -> Framing:
    method = rng.choice((b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"GET"))
    return Framing("another method", Head(method=method, headers=(LENGTH,)), BODY)


def _small_method(rng: random.Random) -> Framing:
    row = "a method in lower case"
    method = rng.choice((b"post", b"Post", b"pOST"))
    return Framing(row, Head(method=method, headers=(LENGTH,)), BODY, row)


def _version(rng: random.Random) -> Framing:
    row = "an unknown HTTP version"
    version = rng.choice((b"HTTP/9.9", b"HTTP/2.0", b"HTTP/1.11", b"HTTP/x", b"ICY/1.1"))
    return Framing(row, Head(version=version, headers=(LENGTH,)), BODY, row)


def _no_version(rng: random.Random) -> Framing:
    return Framing("no version", Head(version=b"", headers=(LENGTH,)), BODY, "no version")


def _hosts(rng: random.Random) -> Framing:
    row, host = rng.choice((("no Host", ()), ("two Hosts", (b"Host: a", b"Host: b"))))
    return Framing(row, Head(host=host, headers=(LENGTH,)), BODY, row)


def _target(rng: random.Random) -> Framing:
    path = b"/api/v1/wallet/deposits"
    target = rng.choice(
        (b"http://shop" + path, b"http://other:1" + path, path + b"#x", b"/" + path)
    )
    return Framing("another form of the target", Head(target=target, headers=(LENGTH,)), BODY)


def _scheme(rng: random.Random) -> Framing:
    row = "an absolute URI of another scheme"
    target = rng.choice((b"ftp", b"gopher", b"x")) + b"://shop/api/v1/wallet/deposits"
    return Framing(row, Head(target=target, headers=(LENGTH,)), BODY, row)


def _many_headers(rng: random.Random) -> Framing:
    row = "more than 100 headers"
    extra = tuple(b"X-%d: 1" % number for number in range(rng.randrange(101, 300)))
    return Framing(row, Head(headers=(LENGTH, *extra)), BODY, row)


def _long_header(rng: random.Random) -> Framing:
    row = "a header line over 8190 bytes"
    line = b"X-Long: " + b"x" * rng.choice((8_300, 20_000, 60_000))
    return Framing(row, Head(headers=(LENGTH, line)), BODY, row)


def _long_target(rng: random.Random) -> Framing:
    row = "a target over 8190 bytes"
    target = b"/api/v1/wallet/deposits?x=" + b"x" * rng.choice((8_300, 20_000))
    return Framing(row, Head(target=target, headers=(LENGTH,)), BODY, row)


def _folded(rng: random.Random) -> Framing:
    row = "a folded header"
    return Framing(row, Head(headers=(LENGTH, b"X-A: a\r\n b")), BODY, row)


def _line_feeds(rng: random.Random) -> Framing:
    row = "bare line feeds"
    return Framing(row, Head(end=b"\n", headers=(LENGTH,)), BODY, row)


def _rest(rng: random.Random) -> Framing:
    row = "bytes after the body"
    rest = rng.choice((b"x", b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100))
    return Framing(row, Head(headers=(LENGTH,)), BODY + rest, row)


def _early_end(rng: random.Random) -> Framing:
    row = "a body that ends early"
    if rng.random() < 0.5:
        return Framing(row, Head(headers=(LENGTH,)), BODY[: rng.randrange(len(BODY))], row, True)
    whole = chunks(rng)
    return Framing(row, Head(headers=(CHUNKED,)), whole[: rng.randrange(len(whole) - 5)], row, True)


def _shut(rng: random.Random) -> Framing:
    row = "a client that shuts down its sending side"
    return Framing(row, Head(headers=(LENGTH,)), BODY, row, True)


ODDITIES: tuple[Make, ...] = (
    *(
        _plain,
        _chunked,
        _trailer,
        _forbidden_trailer,
        _extension,
        _long_extension,
        _harmless_headers,
        _odd_header,
    ),
    *(
        _odd_length,
        _huge_length,
        _two_lengths,
        _both_framings,
        _coding,
        _broken_chunk,
        _method,
        _known_method,
    ),
    *(_small_method, _version, _no_version, _hosts, _target, _scheme, _many_headers, _long_header),
    *(_long_target, _folded, _line_feeds, _rest, _early_end, _shut),
)


def generated(seed: int, count: int) -> Iterator[Framing]:
    """`count` framings, every oddity in turn, the same for the same seed."""
    rng = random.Random(f"framings/{seed}")
    for number in range(count):
        yield ODDITIES[number % len(ODDITIES)](rng)


def status_of(url: str, payload: bytes, *, shut: bool = False) -> int:
    """The first final status; 0 if the connection is closed without one, -1 if nothing comes."""
    deadline = time.monotonic() + PATIENCE_S
    received = b""
    with socket.create_connection(address_of(url), timeout=PATIENCE_S) as connection:
        try:
            connection.sendall(payload)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused early; there may be an answer all the same
        while time.monotonic() < deadline:
            received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            if received.startswith(b"HTTP/") and len(received) >= 12:
                return int(received[9:12])
            try:
                connection.settimeout(max(0.1, deadline - time.monotonic()))
                more = connection.recv(65_536)
            except TimeoutError:
                return SILENT
            except ConnectionError:
                return 0
            if not more:
                return 0
            received += more
    return SILENT
