"""Who does not finish a request in five seconds is given up, and keeps nobody else waiting."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.deployments.local.postgres import PostgresServer
from monolith.config.worker import REQUEST_SECONDS, ClockedSocket
from tests.integration.monolith.live import LiveServer, command, serving

HEAD = b"GET /live HTTP/1.1\r\nHost: shop\r\n"
BODY = b"POST /api/v1/users HTTP/1.1\r\nHost: shop\r\nContent-Length: 50\r\n\r\n{"


@pytest.fixture(scope="module")
def shop(
    postgres: PostgresServer, signing_key_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    env = {
        "DATABASE_URL": postgres.create_database("shop_slow"),
        "SIGNING_KEY_FILE": str(signing_key_file),
        "GUNICORN_WORKERS": "1",
        "GUNICORN_THREADS": "2",
    }
    assert command("monolith.manage", "migrate", env=env).returncode == 0
    log = tmp_path_factory.mktemp("slow") / "shop.log"
    with serving("monolith.config.wsgi:application", env, log) as server:
        yield server


def connected(shop: LiveServer, sent: bytes) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", shop.port), 20)
    peer.sendall(sent)
    return peer


@pytest.mark.alone
@pytest.mark.parametrize("sent", [HEAD, BODY], ids=["head", "body"])
def test_more_unfinished_requests_than_threads_are_all_given_up_together(
    shop: LiveServer, sent: bytes
) -> None:
    begun = time.monotonic()
    crowd = [connected(shop, sent) for _ in range(10)]
    for peer in crowd:
        # 503: who has waited for a thread for so long is shed before its body is read.
        assert peer.recv(100)[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 408", b"HTTP/1.1 503")
        peer.close()
    assert time.monotonic() - begun < REQUEST_SECONDS + 2
    assert shop.status_of("/live") == 200


@pytest.mark.alone
def test_connections_that_say_nothing_hold_no_thread(shop: LiveServer) -> None:
    crowd = [connected(shop, b"") for _ in range(10)]
    begun = time.monotonic()
    assert shop.status_of("/live") == 200
    assert time.monotonic() - begun < 1
    for peer in crowd:
        peer.close()


def test_a_trickle_does_not_stop_the_clock() -> None:
    here, there = socket.socketpair()
    clocked = ClockedSocket(here.family, here.type, here.proto, fileno=here.detach())
    clocked.request_ends = time.monotonic() + 0.3
    there.sendall(b"a")
    assert clocked.recv(1) == b"a"
    assert clocked.recv(1) == b""
    there.settimeout(1)
    assert there.recv(1) == b""  # the other side sees the connection end
    assert clocked.gettimeout() is None
