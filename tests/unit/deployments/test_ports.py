"""Ports: claimed once, found again after their owner's end, refused when malformed."""

import json
import os
import socket
import subprocess
import sys

import pytest

from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import (
    LOOPBACK,
    Reserve,
    claim_ports,
    is_free,
    keep_port,
    let_go,
    owner_of,
    port_range,
    release_ports,
)
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError
from tests.unit.deployments.namespaces import python


def me() -> ProcessId:
    return ProcessId.of(os.getpid())


def test_two_claims_never_share_a_port(home: StateHome) -> None:
    first, second = claim_ports(home, 20, me()), claim_ports(home, 20, me())
    assert not set(first) & set(second)


def test_a_reserved_port_is_nobody_elses_and_refuses_callers(home: StateHome) -> None:
    reserve = Reserve()
    (port,) = claim_ports(home, 1, me())
    reserve.hold("orders", port)
    assert reserve.ports() == {"orders": port}
    assert not is_free(port)
    with pytest.raises(ConnectionRefusedError), socket.create_connection((LOOPBACK, port)):
        pass
    assert reserve.take("orders") == port
    assert is_free(port)


def test_a_port_is_free_again_when_its_owner_has_ended(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = next(port for port in range(29100, 29900) if is_free(port) and is_free(port + 1))
    monkeypatch.setenv("SHOPBENCH_PORTS", f"{start}-{start + 1}")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claim_ports(home, 2, ProcessId.of(child.pid))
    with pytest.raises(ShopbenchError, match="no 1 free ports"):
        claim_ports(home, 1, me())
    child.communicate(b"\n")
    assert len(claim_ports(home, 1, me())) == 1


def test_released_ports_can_be_claimed_again(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = next(port for port in range(29100, 29900) if is_free(port) and is_free(port + 1))
    monkeypatch.setenv("SHOPBENCH_PORTS", f"{start}-{start + 1}")
    release_ports(home, claim_ports(home, 2, me()))
    assert len(claim_ports(home, 2, me())) == 2


NETWORK = [
    *("unshare", "--user", "--map-root-user", "--net", "sh", "-c"),
    'ip link set lo up && echo 29100 29109 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"',
    "sh",
]
TAKE_ALL = """
import json, os, socket, sys
from pathlib import Path
from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import claim_ports, release_ports
from bench.deployments.local.processes import ProcessId
home = StateHome(Path(sys.argv[1]))
released, *claimed = claim_ports(home, 4, ProcessId.of(os.getpid()))
release_ports(home, [released])
callers, taken = [], []
with socket.create_server(("127.0.0.1", 1500)):
    try:
        while len(callers) < 20:
            callers.append(socket.create_connection(("127.0.0.1", 1500)))
    except OSError:
        taken = [each.getsockname()[1] for each in callers]
servers = [socket.create_server(("127.0.0.1", port)) for port in claimed]
print(json.dumps([released, claimed, taken]))
"""


def test_connections_never_get_a_claimed_port(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's range is ours too here, in a network of its own: it has ten ports in all."""
    monkeypatch.setenv("SHOPBENCH_PORTS", "29100-29109")
    released, claimed, taken = json.loads(python(NETWORK, TAKE_ALL, str(home.root)))
    assert len(claimed) == 3
    assert sorted(taken) == sorted(set(range(29100, 29110)) - set(claimed))
    assert released in taken


def test_a_kept_port_is_for_our_server_until_it_is_let_go() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    keep_port(port)
    with socket.create_server((LOOPBACK, port)):
        pass
    stranger = socket.socket()
    with stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((LOOPBACK, port))
    let_go(port)
    with socket.socket() as stranger:
        stranger.bind((LOOPBACK, port))


def test_a_port_in_use_is_passed_over_and_its_owner_named(home: StateHome) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert f"pid {os.getpid()}" in owner_of(port)


@pytest.mark.parametrize("text", ["9000", "a-b", "9000-8000", "80-90", "60000-70000"])
def test_a_malformed_range_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPBENCH_PORTS", text)
    with pytest.raises(ShopbenchError, match="SHOPBENCH_PORTS must be like"):
        port_range()
