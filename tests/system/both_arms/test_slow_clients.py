"""Who never finishes a head or a body is given up after 5 s, and keeps nobody else waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

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


Pair = tuple[Arm, Arm]


def test_a_crowd_of_unfinished_requests_keeps_nobody_waiting(pair: Pair) -> None:
    with ExitStack() as stack:
        for arm in pair:
            for what in ("a head without its end", "a body by length"):
                stack.enter_context(crowd(arm, unfinished(arm, what)))
        time.sleep(PROMISED_S)
        assert [served(arm, READS) for arm in pair] == [READS, READS]
    assert all(arm.deployment.ready() for arm in pair)


def until_given_up(arm: Arm, what: str) -> tuple[bytes, float]:
    """The first bytes of the answer, if there is one, and how many seconds it took."""
    begun = time.monotonic()
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        connection.sendall(unfinished(arm, what))
        received = connection.recv(65_536)
    return received, time.monotonic() - begun


def test_what_is_not_whole_is_given_up_after_five_seconds(pair: Pair) -> None:
    """Everything at the same time: one waits as long as all."""
    before = [arm.effects() for arm in pair]
    sent = [(arm, what) for arm in pair for what in HEADS]
    with ThreadPoolExecutor(len(sent)) as pool:
        ends = list(pool.map(lambda each: until_given_up(*each), sent))
    for (arm, what), (received, waited) in zip(sent, ends, strict=True):
        told = f"{arm.name}, {what}: {received[:100]!r} after {waited:.1f} s"
        assert received[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400"), told
        assert GIVEN_UP_S - SPARE_S <= waited <= GIVEN_UP_S + SPARE_S, told
    assert [arm.effects().since(then).entries for arm, then in zip(pair, before, strict=True)] == [
        0,
        0,
    ]


def seconds_of_trickling(arm: Arm) -> float:
    """How long a body that never ends may go on, a byte a second."""
    begun = time.monotonic()
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        connection.sendall(unfinished(arm, "a body by length"))
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(12):
                time.sleep(1.0)
                connection.sendall(b" ")
    return time.monotonic() - begun


def test_a_body_that_trickles_is_given_up_all_the_same(pair: Pair) -> None:
    """Head and body have five seconds in all, not for each byte."""
    with ThreadPoolExecutor(len(pair)) as pool:
        lasted = list(pool.map(seconds_of_trickling, pair))
    assert max(lasted) < GIVEN_UP_S + 2 * SPARE_S, lasted


def test_a_slow_but_whole_request_is_served(arm: Arm) -> None:
    body = b'{"amount_cents": 1}'
    head, rest = unfinished(arm, "a body by length"), body[len(b'{"am') :]
    with socket.create_connection(address_of(arm.url), timeout=20) as connection:
        for part in (head[:40], head[40:], rest):
            time.sleep(0.8)
            connection.sendall(part)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201")
