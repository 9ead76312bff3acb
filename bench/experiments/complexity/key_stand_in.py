"""What a service needs of the issuer of user tokens: its public keys, and nothing else.

A service on a fresh database has never heard of them. Whatever else is asked is not answered: the
connection is closed, as if nobody were there.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.contract.conformance.tokens import load_signing_key
from bench.deployments.local.keys import public_jwk
from bench.deployments.local.ports import LOOPBACK

_PATH = b"/api/v1/auth/jwks"


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    document = b""


class _Handler(socketserver.StreamRequestHandler):
    timeout = 5.0

    def handle(self) -> None:
        asked = self.rfile.readline(4096).split()
        while self.rfile.readline(8192).strip():
            continue
        if asked[:2] != [b"GET", _PATH]:
            return
        assert isinstance(self.server, _Server)
        body = self.server.document
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.wfile.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)


@contextmanager
def published_keys(signing_key: Path) -> Iterator[int]:
    """Publish the public half of the key for as long as the block lasts; the port."""
    with _Server((LOOPBACK, 0), _Handler) as server:
        jwk = public_jwk(load_signing_key(signing_key))
        server.document = json.dumps({"keys": [jwk]}).encode()
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
