"""Free TCP ports on loopback, claimed so that two drivers starting at once get different ones.

A killed component must find its port free when it is started again, and a load generator's
outgoing connections take ports by the thousand, out of the kernel's ephemeral range. So ports are
chosen below that range, and are bound by the supervisor for as long as it lives (Linux): where the
ranges overlap, no connection gets them. `SHOPBENCH_PORTS` (`first-last`, default 21000-28999) says
where to look.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
from pathlib import Path

import psutil

from bench.deployments.local.home import StateHome
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError

PORTS_VARIABLE = "SHOPBENCH_PORTS"
_DEFAULT_RANGE = "21000-28999"
LOOPBACK = "127.0.0.1"
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_CAN_SHARE = sys.platform == "linux"  # a server may listen where another socket is only bound
_BOUND: dict[int, socket.socket] = {}  # what this process keeps, by port


def port_range() -> range:
    """Read the range from the environment. Raises ShopbenchError when malformed."""
    text = os.environ.get(PORTS_VARIABLE) or _DEFAULT_RANGE
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise ShopbenchError(f"{PORTS_VARIABLE} must be like {_DEFAULT_RANGE}, not {text!r}")
    return range(int(match[1]), int(match[2]) + 1)


def ephemeral_ports() -> range:
    """Ports that the kernel gives to outgoing connections; none where it does not say."""
    try:
        first, last = map(int, _EPHEMERAL.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return range(0)
    return range(first, last + 1)


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


def claim_ports(home: StateHome, count: int, owner: ProcessId, *, bound: bool = True) -> list[int]:
    """Claim `count` free ports until `owner` ends or releases them.

    `bound`: this process binds them meanwhile, for servers of its own.
    """
    take = _take if bound and _CAN_SHARE else is_free
    register = home.root / "ports.json"
    with home.lock("ports"):
        claims = _living_claims(register)
        found: list[int] = []
        for port in _from_anywhere(port_range()):
            if len(found) == count:
                break
            if str(port) not in claims and take(port):
                found.append(port)
        if len(found) < count:
            for port in found:
                let_go(port)
            raise ShopbenchError(f"no {count} free ports left in {PORTS_VARIABLE}")
        claims.update({str(port): [owner.pid, owner.started] for port in found})
        _write(register, claims)
    return found


def _take(port: int) -> bool:
    """Bind a port that is free, or that this process still has from an owner that has ended."""
    return port in _BOUND or (is_free(port) and _bind(port, alone=True))


def _from_anywhere(ports: range) -> list[int]:
    """Drivers with different state homes see no claims of each other: they start apart."""
    start = secrets.randbelow(len(ports))
    return [*ports[start:], *ports[:start]]


class Reserve:
    """Claimed ports that no other server can take, and on which callers are refused."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def hold(self, name: str, port: int) -> None:
        """Keep a port under a name."""
        if port not in _BOUND:
            _bind(port, alone=True)
        _share(port, False)
        self._held[name] = port

    def take(self, name: str) -> int:
        """Let the port go, for a process that is started now."""
        port = self._held.pop(name)
        _share(port, True)
        if not _CAN_SHARE:
            let_go(port)
        return port

    def ports(self) -> dict[str, int]:
        return dict(self._held)


def keep_port(port: int) -> None:
    """Keep a port that our server listens on, or will, from being given to a connection."""
    if _CAN_SHARE and port not in _BOUND:
        _bind(port, alone=False)


def let_go(port: int) -> None:
    """End `keep_port`: another program may have the port."""
    if port in _BOUND:
        _BOUND.pop(port).close()


def _bind(port: int, *, alone: bool) -> bool:
    """Bind a port and do not listen: our server may, beside us, and the kernel gives it to nobody.

    `alone`: only if nobody else has bound it, also if they do not listen or share it.
    """
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, not alone)
        endpoint.bind((LOOPBACK, port))
    except OSError:
        endpoint.close()
        return False
    _BOUND[port] = endpoint
    _share(port, True)
    return True


def _share(port: int, shared: bool) -> None:
    """Let another socket of SO_REUSEADDR, as all servers are, have a port that we have bound."""
    if port in _BOUND:
        _BOUND[port].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shared)


def release_ports(home: StateHome, ports: list[int]) -> None:
    """Give claimed ports back."""
    register = home.root / "ports.json"
    for port in ports:
        let_go(port)
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
