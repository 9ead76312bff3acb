"""Free TCP ports on loopback, claimed so that two drivers starting at once get different ones.

Chosen below the kernel's ephemeral range: a killed component must find its port free when it is
started again, and a load generator's outgoing connections take ephemeral ports by the thousand.
`SHOPBENCH_PORTS` (`first-last`, default 21000-28999) says where to look.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import psutil

from bench.deployments.local.home import StateHome
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError

PORTS_VARIABLE = "SHOPBENCH_PORTS"
_DEFAULT_RANGE = "21000-28999"
LOOPBACK = "127.0.0.1"


def port_range() -> range:
    """Read the range from the environment. Raises ShopbenchError when malformed."""
    text = os.environ.get(PORTS_VARIABLE) or _DEFAULT_RANGE
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise ShopbenchError(f"{PORTS_VARIABLE} must be like {_DEFAULT_RANGE}, not {text!r}")
    return range(int(match[1]), int(match[2]) + 1)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def claim_ports(home: StateHome, count: int, owner: ProcessId) -> list[int]:
    """Claim `count` free ports until `owner` ends or releases them."""
    register = home.root / "ports.json"
    with home.lock("ports"):
        claims = _living_claims(register)
        found: list[int] = []
        for port in _from_anywhere(port_range()):
            if len(found) == count:
                break
            if str(port) not in claims and is_free(port):
                found.append(port)
        if len(found) < count:
            raise ShopbenchError(f"no {count} free ports left in {PORTS_VARIABLE}")
        claims.update({str(port): [owner.pid, owner.started] for port in found})
        _write(register, claims)
    return found


def _from_anywhere(ports: range) -> list[int]:
    """Drivers with different state homes see no claims of each other: they start apart."""
    start = secrets.randbelow(len(ports))
    return [*ports[start:], *ports[:start]]


class Reserve:
    """Ports that nobody else can take: bound, but not listening, so callers are refused."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, socket.socket]] = {}

    def hold(self, name: str, port: int) -> None:
        """Keep a port under a name.

        Without SO_REUSEADDR, or another could share it: so it is only remembered, not bound, while
        connections of its last server linger.
        """
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with suppress(OSError):
            endpoint.bind((LOOPBACK, port))
        self._held[name] = (port, endpoint)

    def take(self, name: str) -> int:
        """Let the port go, for a process that is started now."""
        port, endpoint = self._held.pop(name)
        endpoint.close()
        return port

    def ports(self) -> dict[str, int]:
        return {name: port for name, (port, _) in self._held.items()}


def release_ports(home: StateHome, ports: list[int]) -> None:
    """Give claimed ports back."""
    register = home.root / "ports.json"
    with home.lock("ports"):
        claims = _living_claims(register)
        _write(register, {p: who for p, who in claims.items() if int(p) not in ports})


def owner_of(port: int) -> str:
    """Describe who listens on a port, as far as this user may see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr and connection.laddr.port == port:
                return _describe(connection.pid)
    except (psutil.AccessDenied, PermissionError):
        return "a process this user may not see"
    return "an unknown process"


def _describe(pid: int | None) -> str:
    if pid is None:
        return "a process this user may not see"
    try:
        command = " ".join(psutil.Process(pid).cmdline())[:80]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        command = "?"
    return f"pid {pid} ({command})"


def _living_claims(register: Path) -> dict[str, list[float]]:
    try:
        claims: dict[str, list[float]] = json.loads(register.read_text(encoding="ascii"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {
        port: who for port, who in claims.items() if ProcessId(int(who[0]), float(who[1])).alive()
    }


def _write(register: Path, claims: dict[str, list[float]]) -> None:
    temporary = register.with_suffix(".new")
    temporary.write_text(json.dumps(claims), encoding="ascii")
    temporary.replace(register)
