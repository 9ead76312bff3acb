"""Ports: claimed once, found again after their owner's end, refused when malformed."""

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
    owner_of,
    port_range,
    release_ports,
)
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError


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
