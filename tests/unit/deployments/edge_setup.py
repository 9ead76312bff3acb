"""An edge with replicas as real processes, and raw sockets to speak to it byte by byte."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.deployments.local.scaling import ask_edge
from bench.errors import ShopbenchError

REPLICA = Path(__file__).with_name("edge_replica.py")
ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(met: Any, what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@dataclass
class Running:
    """The edge's port and door, and the replicas by name."""

    port: int
    door: Path
    edge: subprocess.Popen[bytes]
    replicas: dict[str, tuple[int, subprocess.Popen[bytes]]] = field(default_factory=dict)

    def get(self, path: str, method: str = "GET", **more: Any) -> tuple[int, bytes, Any]:
        """One request on a connection of its own: status, body, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            connection.request(method, path, **more)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes, return all that comes until the edge closes."""
        with socket.create_connection(("127.0.0.1", self.port), LIMIT_S) as connection:
            connection.sendall(data)
            got = b""
            while piece := connection.recv(65_536):
                got += piece
            return got

    def report(self) -> dict[str, Any]:
        return ask_edge(self.door, "GET", "/")

    def counts(self, what: str = "requests") -> dict[str, Any]:
        ports = {port: name for name, (port, _) in self.replicas.items()}
        return {
            ports[int(each["address"].split(":")[1])]: each[what]
            for each in self.report()["replicas"]
        }

    def tell(self, *names: str) -> None:
        ask_edge(self.door, "PUT", "/replicas", [f"127.0.0.1:{self.replicas[n][0]}" for n in names])

    def start_replica(self, name: str) -> None:
        port = self.replicas[name][0] if name in self.replicas else free_port()
        process = subprocess.Popen([sys.executable, str(REPLICA), str(port), name])
        self.replicas[name] = (port, process)
        wait_until(lambda: answers(port), f"replica {name} does not listen")

    def kill(self, name: str) -> None:
        process = self.replicas[name][1]
        process.kill()
        process.wait()


@contextmanager
def running_edge(count: int, *options: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        port, door = free_port(), Path(folder) / "door.sock"
        command = [sys.executable, "-m", "bench.deployments.edge"]
        command += ["--listen", f"127.0.0.1:{port}", "--admin", f"unix:{door}", *options]
        edge = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        found = Running(port, door, edge)
        try:
            for number in range(count):
                found.start_replica(f"r{number}")
            wait_until(lambda: door.exists() and answers(port), "the edge does not listen")
            found.tell(*found.replicas)
            yield found
        finally:
            for process in (edge, *(process for _, process in found.replicas.values())):
                process.kill()
                process.wait()
            assert edge.stderr is not None
            complaints = edge.stderr.read().decode()
            edge.stderr.close()
            assert "Traceback" not in complaints, complaints


def door_is_shut(found: Running) -> bool:
    try:
        found.report()
    except ShopbenchError:
        return True
    return False
