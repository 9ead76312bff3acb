"""A small synchronous HTTP client: it keeps its connection and sends exactly the bytes it is given.

No redirect, no cookie, no header that the caller did not ask for, so that the suite can say what it
must. `raw_exchange` goes below HTTP for what no client would send.
"""

import http.client
import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 15.0
MISSING: Any = object()


@dataclass(frozen=True)
class Answer:
    """One response, read whole."""

    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name, any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def media_type(self) -> str:
        return (self.header("Content-Type") or "").split(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON; MISSING if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return MISSING

    def __getitem__(self, member: str) -> Any:
        return self.json()[member]

    def __str__(self) -> str:
        shown = self.body[:300].decode("utf-8", "replace")
        return f"{self.method} {self.path} -> {self.status} {shown}"


class Client:
    """Requests over one kept connection; not for use by several threads."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.address = address_of(base_url)
        self._connection: HTTPConnection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str | bytes]] = (),
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer:
        """Send one request; an iterable body goes out chunked.

        A kept connection that the server closed meanwhile is opened again, once.
        """
        kept = self._connection is not None and self._connection.sock is not None
        try:
            return self._send(method, target, headers, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            if not kept:
                raise
            return self._send(method, target, headers, body)
        except (http.client.HTTPException, OSError):
            self.close()
            raise

    def _send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str | bytes]],
        body: bytes | Iterable[bytes] | None,
    ) -> Answer:
        if self._connection is None:
            self._connection = HTTPConnection(*self.address, timeout=TIMEOUT_S)
        connection = self._connection
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body is not None:
            connection.putheader("Content-Length", str(len(body)))  # type: ignore[arg-type]
        try:
            connection.endheaders(body, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a server may answer before it has read a body it refuses: the answer counts
        return _answer(method, target, connection.getresponse())


def raw_exchange(base_url: str, payload: bytes, *, method: str = "GET") -> Answer | None:
    """Send these bytes on a new connection; the first response, None if there was none."""
    with socket.create_connection(address_of(base_url), timeout=TIMEOUT_S) as connection:
        try:
            connection.sendall(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused early; there may be an answer all the same
        response = HTTPResponse(connection, method=method)
        try:
            response.begin()
            return _answer(method, "(raw)", response)
        except (http.client.HTTPException, ConnectionError):
            return None
        finally:
            response.close()


def address_of(base_url: str) -> tuple[str, int]:
    """Host and port of a base URL such as http://127.0.0.1:8000."""
    parts = urlsplit(base_url)
    return parts.hostname or "127.0.0.1", parts.port or 80


def _answer(method: str, target: str, response: HTTPResponse) -> Answer:
    body = response.read()
    return Answer(method, target, response.status, tuple(response.getheaders()), body)
