"""Who never finishes a head or a body is given up after 5 s, and keeps nobody else waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from bench.contract.conformance.client import address_of
from tests.system.both_arms.pair import Arm, new_key

# alone: seconds are judged
pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(300)]

CROWD = 100
PROMISED_S = 12.0  # after so long the others are served again
GIVEN_UP_S, SPARE_S = 5.0, 2.5
READS = 20

START = (
    "POST /api/v1/wallet/deposits HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n"
    "Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
)
HEADS = {
    "a part of the first line": "POST /api/v1/wall",
    "a head without its end": START,
    "a body by length": START + 'Content-Length: 19\r\n\r\n{{"am',
    "a chunked body": START + 'Transfer-Encoding: chunked\r\n\r\n13\r\n{{"am',
}


def unfinished(arm: Arm, what: str) -> bytes:
    return HEADS[what].format(token=arm.customer, key=new_key()).encode()


@contextmanager
def crowd(arm: Arm, payload: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this and no more."""
    with ExitStack() as stack:
        found = []
        for _ in range(CROWD):
            one = socket.create_connection(address_of(arm.url), timeout=5)
            found.append(stack.enter_context(one))
            one.sendall(payload)
        yield found


def served(arm: Arm, reads: int) -> int:
    """How many of so many reads, each with a second's patience, were answered."""
    right = 0
    for _ in range(reads):
        arm.world.client.close()
        begun = time.monotonic()
        try:
            right += arm.get("/products?limit=1").status == 200 and time.monotonic() - begun < 1.0
        except OSError:
            continue
    return right


@pytest.mark.parametrize("what", ["a head without its end", "a body by length"])
def test_a_crowd_of_unfinished_requests_keeps_nobody_waiting(arm: Arm, what: str) -> None:
    with crowd(arm, unfinished(arm, what)):
        time.sleep(PROMISED_S)
        assert served(arm, READS) == READS
    assert arm.deployment.ready()


@pytest.mark.parametrize("what", HEADS)
def test_what_is_not_whole_is_given_up_after_five_seconds(arm: Arm, what: str) -> None:
    before = arm.effects()
    begun = time.monotonic()
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        connection.sendall(unfinished(arm, what))
        received = connection.recv(65_536)
    waited = time.monotonic() - begun
    assert received[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400"), received[:100]
    assert GIVEN_UP_S - SPARE_S <= waited <= GIVEN_UP_S + SPARE_S
    assert arm.effects().since(before).entries == 0


def test_a_body_that_trickles_is_given_up_all_the_same(arm: Arm) -> None:
    """Head and body have five seconds in all, not for each byte."""
    begun = time.monotonic()
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        connection.sendall(unfinished(arm, "a body by length"))
        try:
            for _ in range(12):
                time.sleep(1.0)
                connection.sendall(b" ")
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert time.monotonic() - begun < GIVEN_UP_S + 2 * SPARE_S


def test_a_slow_but_whole_request_is_served(arm: Arm) -> None:
    body = b'{"amount_cents": 1}'
    head, rest = unfinished(arm, "a body by length"), body[len(b'{"am') :]
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        for part in (head[:40], head[40:], rest):
            time.sleep(0.8)
            connection.sendall(part)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201")
