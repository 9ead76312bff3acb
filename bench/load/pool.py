"""Connected sessions to one server, bounded: a full pool refuses, it never makes anyone wait.

A session is one keep-alive connection with geventhttpclient's parser, the client underneath
Locust's FastHttpUser; the layers above it (cookies, redirects, header merging) cost more than
the exchange and are left out.
"""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import gevent
import msgspec
from gevent import get_hub, getcurrent, monkey, socket
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse

_BLOCK_SIZE = 65_536
_READ_EVENT = 1
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) [^\r\n]*\r\n(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_TIMING = re.compile(rb"\r\nserver-timing:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_SPECIAL = re.compile(rb"\r\n(?:transfer-encoding|connection):", re.IGNORECASE)
# locust patches select.poll to yield to the hub; a look with no wait must not
_poll = monkey.get_original("select", "poll") if hasattr(select, "poll") else None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer, or the reason why there is none (`status` 0). Times: perf_counter."""

    sent: float
    done: float
    status: int
    body: bytes
    server_timing: str
    error: str


class Session:
    """One connection, opened when first needed and again after it broke."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        """`host`: an address, so that no name is looked up while arrivals are due."""
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._hub = get_hub()
        # A timer that is stopped and started goes on with what was left of it; `again` takes the
        # second number, whole.
        self._timer = self._hub.loop.timer(timeout_s, timeout_s)
        self._readable: Any = None  # the hub's watcher of the connection
        self._poll: Callable[[int], list[Any]] | None = None
        self._broken: OSError | None = None  # what a send ahead of `exchange` ran into

    def send_now(self, wire: bytes) -> float:
        """Send a whole request on the open connection, at once; return when, or 0.0.

        0.0: there is no connection to send it on. `exchange` is told what this returned.
        """
        connection = self._socket
        if connection is None or self._went_away():
            return 0.0
        sent = perf_counter()
        try:
            done = connection.send(wire)
            if done < len(wire):
                connection.sendall(wire[done:])
        except OSError as exc:
            self._broken = exc
        return sent

    def exchange(self, wire: bytes, method: str, sent: float = 0.0) -> Answer:
        """Send a whole request and read the whole answer. Never raises for the network's sake.

        `sent`: what `send_now` returned, if that was called. Else it is taken before a connection
        is opened: a server that is slow to accept is the server's time, not the generator's.
        """
        ahead = sent > 0
        sent = sent or perf_counter()
        try:
            if not ahead:
                self._connected().sendall(wire)
            elif self._broken is not None:
                raise self._broken
            return self._receive(method, sent)
        except (OSError, HTTPParseError) as exc:
            self.close()
            return Answer(sent, perf_counter(), 0, b"", "", _reason(exc))

    def connect(self) -> None:
        """Open the connection ahead of its first use; a failure shows at that use."""
        try:
            self._connected()
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the connection; the session opens another when it is used again."""
        self._broken = None
        self._drop()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and not self._went_away():
            return self._socket
        self.close()
        connection = socket.socket(self._family)
        self._socket = connection
        connection.settimeout(self._timeout_s)
        connection.connect(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._readable = self._hub.loop.io(connection.fileno(), _READ_EVENT)
        if _poll is not None:
            poll = _poll()
            poll.register(connection.fileno(), select.POLLIN)
            self._poll = poll.poll
        return connection

    def _receive(self, method: str, sent: float) -> Answer:
        connection = self._socket
        assert connection is not None
        self._wait_readable()
        data = connection.recv(_BLOCK_SIZE)
        done = perf_counter()
        if not data:
            raise HTTPConnectionClosed("connection closed")
        plain = _read_plain(data) if method != "HEAD" else None
        if plain is not None:
            return Answer(sent, done, *plain, "")
        response = HTTPSocketResponse(connection, _BLOCK_SIZE, method, pre_buffered=data)
        body = bytes(response.read())
        done = perf_counter()
        if response.should_close():
            self._drop()
            self._socket = None
        timing = response.get("server-timing", "")
        text = timing.strip() if isinstance(timing, str) else ""
        return Answer(sent, done, response.get_code(), body, text, "")

    def _wait_readable(self) -> None:
        """Like `gevent.socket.wait_read`, without a timer and a waiter made for each answer."""
        me = getcurrent()
        self._timer.again(me.throw, TimeoutError)
        self._readable.start(me.switch)
        try:
            self._hub.switch()
        finally:
            self._readable.stop()
            self._timer.stop()

    def _went_away(self) -> bool:
        """An idle connection that is readable has been closed by the server (keep-alive over)."""
        return self._poll is not None and bool(self._poll(0))

    def _drop(self) -> None:
        """Forget what watches the connection."""
        self._poll = None
        if self._readable is not None:
            self._readable.close()
            self._readable = None


def _read_plain(data: bytes) -> tuple[int, bytes, str] | None:
    """(status, body, Server-Timing) of a whole, simple answer; None: the parser must look.

    Simple: HTTP/1.1, stays open, one Content-Length and all of the body there. The full parser
    calls Python for every header: 25 us, where a look costs 3.
    """
    head = _PLAIN_HEAD.match(data)
    if head is None:
        return None
    end = head.end()
    lengths = _LENGTH.findall(data, 0, end)
    if len(lengths) != 1 or len(data) - end != int(lengths[0]) or _SPECIAL.search(data, 0, end):
        return None
    timing = _TIMING.findall(data, 0, end)
    if len(timing) > 1:
        return None
    return int(head[1]), data[end:], timing[0].decode("latin-1") if timing else ""


class SessionPool:
    """At most `limit` sessions; the most recently used is handed out first."""

    def __init__(self, base_url: str, limit: int, timeout_s: float) -> None:
        parts = urlsplit(base_url)
        self.host_header = parts.netloc
        self._endpoint = (_address_of(parts.hostname or ""), parts.port or 80, timeout_s)
        self._limit = limit
        self._idle: list[Session] = []
        self._made = 0

    def take(self) -> Session | None:
        """A session, or None if all are in use."""
        if self._idle:
            return self._idle.pop()
        if self._made >= self._limit:
            return None
        self._made += 1
        return Session(*self._endpoint)

    def give_back(self, session: Session) -> None:
        self._idle.append(session)

    def warm(self, count: int) -> None:
        """Open `count` connections at once, before the first arrival."""
        sessions = [session for _ in range(count) if (session := self.take()) is not None]
        gevent.joinall([gevent.spawn(session.connect) for session in sessions])
        self._put_back(sessions)

    def close(self) -> None:
        for session in self._idle:
            session.close()
        self._idle.clear()

    def _put_back(self, sessions: Iterable[Session]) -> None:
        for session in sessions:
            self.give_back(session)


def _address_of(host: str) -> str:
    """The first address of a host; a name that has none fails at the first connection."""
    try:
        found = socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)
    except OSError:
        return host
    return str(found[0][4][0])


def _reason(exc: OSError | HTTPParseError) -> str:
    """A short name for a network failure, of a small vocabulary."""
    names: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (ConnectionResetError, "reset"),
        (BrokenPipeError, "reset"),
        (HTTPConnectionClosed, "closed"),
        (HTTPParseError, "parse"),
    )
    return next((name for kind, name in names if isinstance(exc, kind)), "network")
