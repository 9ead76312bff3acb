"""The proxy of a deployment: which connections it takes, and its process.

It runs outside the deployment's CPU budget, on the load generator's CPUs, and is counted under a
name of its own: it stands for the network, not for the shop.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.child_python import child_python
from bench.deployments.base import Hops
from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.processes import ProcessId, kill_tree
from bench.deployments.local.server_processes import inherited_settings, start_logged
from bench.deployments.local.topology import Topology
from bench.errors import ShopbenchError

PROXY = "bench:proxy"
HOPS_SOCKET = "hops.sock"
_READY_SECONDS = 15.0
_CONTROL_SECONDS = 5.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Route:
    """What goes in at `port` comes out at `target` on loopback; `name`: the process behind."""

    name: str
    port: int
    target: int


def proxied_names(topology: Topology, hops: Hops) -> tuple[str, ...]:
    """Name the processes and servers that are called through the proxy; the edge never is."""
    if hops == "direct":
        return ()
    called = topology.processes[1:]
    return called if hops == "services" else (*called, *topology.servers)


def redirected(dsn: str, port: int) -> str:
    """The same DSN with another port."""
    parts = urlsplit(dsn)
    account, _, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{account}@{LOOPBACK}:{port}"))


def proxied_dsns(
    topology: Topology, dsns: Mapping[str, str], routes: Iterable[Route]
) -> dict[str, str]:
    """The DSNs as the serving processes get them: through the proxy where there is a route."""
    ports = {route.name: route.port for route in routes}
    found = dict(dsns)
    for server, owners in topology.servers.items():
        if server in ports:
            found |= {owner: redirected(dsns[owner], ports[server]) for owner in owners}
    return found


def proxy_cpus(budget: tuple[int, ...]) -> tuple[int, ...]:
    """The last CPU outside a deployment's budget (the load generator's); () if there is none."""
    if not budget or not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0) - set(budget))[-1:])


def retarget(folder: Path, name: str, port: int) -> None:
    """Send new connections of a hop to another port. Raises ShopbenchError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(_CONTROL_SECONDS)
            control.connect(str(folder / HOPS_SOCKET))
            control.sendall(json.dumps({"target": {name: port}}).encode() + b"\n")
            with control.makefile("rb") as replies:
                reply = json.loads(replies.readline() or b'{"error": "it has ended"}')
    except OSError as error:
        raise ShopbenchError(f"the proxy does not answer: {error}") from error
    if "error" in reply:
        raise ShopbenchError(f"the proxy refused: {reply['error']}")


class ProxyProcess:
    """`python -m bench.faults.proxy`, as a component that can be paused and killed."""

    def __init__(self, routes: tuple[Route, ...], folder: Path, log: Path, ledger: Ledger) -> None:
        self.routes = routes
        self.socket = folder / HOPS_SOCKET
        self.process: ProcessId | None = None
        self._log = log
        self._ledger = ledger

    @property
    def port(self) -> int:
        return self.routes[0].port

    def spawn(self) -> None:
        self.socket.unlink(missing_ok=True)
        command = [*child_python("-m", "bench.faults.proxy"), "--control", str(self.socket)]
        for route in self.routes:
            command += ["--hop", f"{route.name}={route.port}:{LOOPBACK}:{route.target}"]
        self._child = start_logged(tuple(command), inherited_settings(), self._log)
        self.process = ProcessId.of(self._child.pid)
        self._ledger.process(self.process)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise ShopbenchError(f"the proxy did not start: {last_lines(self._log)}")
            time.sleep(_POLL_SECONDS)

    def wait_ended(self) -> None:
        self._child.wait()

    def drain(self) -> None:
        self.kill()

    def kill(self) -> None:
        if self.process is not None:
            kill_tree(self.process)
            with suppress(ChildProcessError):
                self._child.wait(1.0)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True
