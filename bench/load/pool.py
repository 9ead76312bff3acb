"""Connected sessions to one server, bounded: a full pool refuses, it never makes anyone wait.

A session is one keep-alive connection with geventhttpclient's parser, the client underneath
Locust's FastHttpUser; the layers above it (cookies, redirects, header merging) cost more than
the exchange and are left out.
"""

from __future__ import annotations

import select
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

import gevent
from gevent import monkey, socket
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketResponse

_BLOCK_SIZE = 65_536
# locust patches select.poll to yield to the hub; a look with no wait must not
_poll = monkey.get_original("select", "poll") if hasattr(select, "poll") else None


@dataclass(frozen=True, slots=True)
class Answer:
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

    def exchange(self, wire: bytes, method: str) -> Answer:
        """Send a whole request and read the whole answer. Never raises for the network's sake.

        `sent` is taken before a connection is opened: a server that is slow to accept is the
        server's time, not the generator's.
        """
        sent = perf_counter()
        try:
            connection = self._connected()
            connection.sendall(wire)
            response = HTTPSocketResponse(connection, _BLOCK_SIZE, method)
            body = bytes(response.read())
        except (OSError, HTTPParseError) as exc:
            self.close()
            return Answer(sent, perf_counter(), 0, b"", "", _reason(exc))
        done = perf_counter()
        if response.should_close():
            self._socket = None
        timing = response.get("server-timing", "")
        return Answer(
            sent, done, response.get_code(), body, timing if isinstance(timing, str) else "", ""
        )

    def connect(self) -> None:
        """Open the connection ahead of its first use; a failure shows at that use."""
        try:
            self._connected()
        except OSError:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None and not self._went_away(self._socket):
            return self._socket
        self.close()
        connection = socket.socket(self._family)
        self._socket = connection
        connection.settimeout(self._timeout_s)
        connection.connect(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @staticmethod
    def _went_away(connection: socket.socket) -> bool:
        """An idle connection that is readable has been closed by the server (keep-alive over)."""
        if _poll is None:
            return False
        poll = _poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))


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
