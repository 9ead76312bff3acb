"""The monolith as it is deployed: gunicorn in a process of its own, on a database it owns."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.contract.seed import PASSWORD

READY_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a module of this project to its end."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class LiveServer:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """One request on a connection of its own."""
        raw = json.dumps(body) if body is not None else None
        sent = {"Content-Type": "application/json", **(headers or {})}
        connection = self.connection()
        try:
            connection.request(method, path, raw, sent)
            response = connection.getresponse()
            answer = response.read()
            return response.status, json.loads(answer) if answer else None, response.headers
        finally:
            connection.close()

    def sign_in(self, email: str) -> dict[str, str]:
        credentials = {"email": email, "password": PASSWORD}
        status, token, _ = self.call("POST", "/api/v1/auth/tokens", credentials)
        assert status == 200, token
        return {"Authorization": f"Bearer {token['access_token']}"}

    def buy(self, who: Mapping[str, str], product_id: str, key: str = "") -> int:
        items = [{"product_id": product_id, "quantity": 1}]
        headers = {**who, "Idempotency-Key": key or str(uuid.uuid4())}
        return self.call("POST", "/api/v1/orders", {"items": items}, headers)[0]

    def raw(self, request: bytes) -> bytes:
        """Send bytes, read until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as peer:
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: peer.recv(65_536), b""))

    def status_of(self, path: str) -> int:
        connection = self.connection()
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def wait_ready(self, path: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self.status_of(path) < 500:
                    return
            except (OSError, http.client.HTTPException):
                pass
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)


@contextmanager
def serving(
    application: str, env: Mapping[str, str], log: Path, ready: str = "/ready"
) -> Iterator[LiveServer]:
    """Gunicorn with the project's own configuration; it ends with the block."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*(sys.executable, "-m", "gunicorn", "-c"), "python:monolith.config.gunicorn"]
            + [application],
            env={**os.environ, "GUNICORN_WORKERS": "3", **env, "SHOP_BIND": f"127.0.0.1:{port}"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = LiveServer(process, port, log)
    try:
        server.wait_ready(ready)
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
