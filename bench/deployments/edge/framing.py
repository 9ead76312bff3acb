"""HTTP/1.1 framing (RFC 9112): heads, and where a body ends. Pure, no I/O.

Strict where leniency would let two parties see different messages (request smuggling): one
framing header only, no folded lines, no bare line feed, no blank before a colon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

MAX_LINE = 8_190  # the contract's limit of a header line; a longer one is refused with 431
MAX_HEAD = 32_768
MAX_ANSWER_HEAD = 65_536
_MAX_CHUNK_LINE = 4_096
_MAX_TRAILERS = 8_192
_MAX_LENGTH_DIGITS = 15

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_FIELDS = rb"((?:" + _TOKEN + rb":[^\r\n\x00]*\r\n)*)\r\n"
_REQUEST = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\r\n" + _FIELDS)
_ANSWER = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n\x00]*)?\r\n" + _FIELDS)
_FRAMING = re.compile(rb"(?:^|\n)(content-length|transfer-encoding|connection):[ \t]*([^\r]*)\r")
_HOP = re.compile(rb"(?im)^(?:connection|keep-alive|proxy-connection|upgrade|te):[^\r\n]*\r\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\x00]*)?\r\n")
_TRAILER = re.compile(_TOKEN + rb":[^\r\n\x00]*\r\n")

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


class BadMessage(Exception):
    """A message that must not be passed on. `status`: what a client is told."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Body(Protocol):
    """Follows a body through the bytes that come."""

    done: bool

    def feed(self, data: bytes) -> int:
        """Take in bytes; return how many of them belong to the body. Raises BadMessage."""


class Sized:
    """A body of known length; 0 for none."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> int:
        taken = min(self._left, len(data))
        self._left -= taken
        self.done = self._left == 0
        return taken


class UntilClose:
    """An answer's body that only the end of the connection ends."""

    done = False

    def feed(self, data: bytes) -> int:
        return len(data)


class Chunked:
    """A body in chunks, passed on as it is."""

    def __init__(self) -> None:
        self.done = False
        self._state = "size"
        self._left = 0
        self._line = b""
        self._trailers = 0

    def feed(self, data: bytes) -> int:
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._state == "data":
                step = min(self._left, end - at)
                self._left -= step
                at += step
                if not self._left:
                    self._state = "after"
            else:
                at = self._feed_line(data, at)
        return at

    def _feed_line(self, data: bytes, at: int) -> int:
        stop = data.find(b"\n", at) + 1
        self._line += data[at : stop or len(data)]
        if len(self._line) > _MAX_CHUNK_LINE:
            raise BadMessage("a line between chunks is too long")
        if not stop:
            return len(data)
        line, self._line = self._line, b""
        self._take(line)
        return stop

    def _take(self, line: bytes) -> None:
        if self._state == "size":
            size = _CHUNK.fullmatch(line)
            if size is None:
                raise BadMessage("broken chunk size")
            self._left = int(size[1], 16)
            self._state = "data" if self._left else "trailers"
        elif line == b"\r\n":
            self.done = self._state == "trailers"
            self._state = "size"
        elif self._state == "after" or _TRAILER.fullmatch(line) is None:
            raise BadMessage("broken end of a chunk")
        else:
            self._trailers += len(line)
            if self._trailers > _MAX_TRAILERS:
                raise BadMessage("too many trailers")


@dataclass(frozen=True, slots=True)
class RequestHead:
    """`raw`: the head to send on, without what belongs to one connection only."""

    method: bytes
    raw: bytes
    body: Body
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """`raw` ends before the blank line. `interim`: a 1xx, the answer proper is still to come."""

    status: int
    raw: bytes
    body: Body
    keep_alive: bool
    interim: bool


def head_end(data: bytes | bytearray, limit: int) -> int:
    """Where the head ends in what has come so far, 0 if it is not complete. Raises BadMessage."""
    end = data.find(b"\r\n\r\n") + 4
    if end == 3:
        if len(data) > limit:
            raise BadMessage("the head is too long", 431)
        return 0
    if end > limit:
        raise BadMessage("the head is too long", 431)
    return end


def parse_request(head: bytes) -> RequestHead:
    """Read a request's head. Raises BadMessage."""
    if len(head) > MAX_LINE and max(map(len, head.split(b"\r\n"))) > MAX_LINE:
        raise BadMessage("a line of the head is too long", 431)
    match = _REQUEST.fullmatch(head)
    if match is None:
        raise BadMessage("broken request head")
    method, _, minor, fields = match.groups()
    length, chunked, options = _framing(fields)
    if method == b"CONNECT":
        raise BadMessage("no tunnels", 405)
    if chunked and minor == b"0":
        raise BadMessage("no chunks in HTTP/1.0")
    body: Body = Chunked() if chunked else Sized(length or 0)
    raw = _without_hop(head, match.start(4), fields, options)
    return RequestHead(method, raw, body, minor == b"1" and b"close" not in options)


def parse_answer(head: bytes, method: bytes) -> AnswerHead:
    """Read the head of an answer to a request with this method. Raises BadMessage."""
    match = _ANSWER.fullmatch(head)
    if match is None:
        raise BadMessage("broken answer head", 503)
    minor, code, fields = match.groups()
    status = int(code)
    length, chunked, options = _framing(fields)
    interim = status < 200
    if status == 101:
        raise BadMessage("no upgrades", 503)
    body: Body
    if interim or method == b"HEAD" or status in {204, 304}:
        body = Sized(0)
    elif chunked:
        body = Chunked()
    else:
        body = UntilClose() if length is None else Sized(length)
    kept = minor == b"1" and b"close" not in options and not isinstance(body, UntilClose)
    raw = _without_hop(head, match.start(3), fields, options)[:-2]
    return AnswerHead(status, raw, body, kept, interim)


def _framing(fields: bytes) -> tuple[int | None, bool, frozenset[bytes]]:
    """(length, chunked, connection options). Raises BadMessage on more than one framing."""
    length: int | None = None
    chunked = False
    options: frozenset[bytes] = frozenset()
    for name, value in _FRAMING.findall(fields.lower()):
        text = value.strip(b" \t")
        if name == b"connection":
            options |= {option.strip(b" \t") for option in text.split(b",")}
        elif length is not None or chunked:
            raise BadMessage("two framing headers")
        elif name == b"content-length":
            if not text.isdigit() or len(text) > _MAX_LENGTH_DIGITS:
                raise BadMessage("broken content-length")
            length = int(text)
        elif text != b"chunked":
            raise BadMessage("unknown transfer-encoding", 501)
        else:
            chunked = True
    return length, chunked, options


def _without_hop(head: bytes, start: int, fields: bytes, options: frozenset[bytes]) -> bytes:
    """The head without the fields that are about one connection (RFC 9110, 7.6.1)."""
    kept = _HOP.sub(b"", fields) if options else fields
    for option in options - {b"close", b"keep-alive", b"", b"te", b"upgrade"}:
        if option in {b"content-length", b"transfer-encoding", b"host"}:
            raise BadMessage("connection names a header that must stay")
        kept = re.sub(rb"(?im)^" + re.escape(option) + rb":[^\r\n]*\r\n", b"", kept)
    return head[:start] + kept + b"\r\n" if kept is not fields else head
