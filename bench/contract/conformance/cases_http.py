"""What no client would send: raw bytes on a socket. Never a 5xx, and the shop goes on serving."""

import socket
from functools import partial

from bench.contract.conformance.client import Answer, address_of, raw_exchange
from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.registry import Case, add_case, case
from bench.contract.conformance.world import World

AREA = "http"
LIST = b"GET /api/v1/products?limit=1 HTTP/1.1\r\n"
SIGN_IN = b"POST /api/v1/auth/tokens HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
HOST = b"Host: shop\r\n"
END = b"Connection: close\r\n\r\n"

#: Broken requests: any 4xx, or a connection closed without an answer.
REFUSED: dict[str, bytes] = {
    "a header line over 8,190 bytes": LIST + HOST + b"X-Long: " + b"x" * 8_300 + b"\r\n" + END,
    "a header line of 60,000 bytes": LIST + HOST + b"X-Long: " + b"x" * 60_000 + b"\r\n" + END,
    "no HTTP at all": b"hello\r\n\r\n",
    "binary": bytes(range(256)) + b"\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
    "a NUL in the path": b"GET /api/v1/prod\0ucts HTTP/1.1\r\n" + HOST + END,
    "a space in a header's name": LIST + HOST + b"X Y: 1\r\n" + END,
    "a header without a colon": LIST + HOST + b"nonsense\r\n" + END,
    "a NUL in a header": LIST + HOST + b"X-A: a\0b\r\n" + END,
    "an unknown method": b"SNAP /api/v1/products HTTP/1.1\r\n" + HOST + END,
    "two lengths": SIGN_IN + b"Content-Length: 2\r\nContent-Length: 3\r\n" + END + b"{}}",
    "a negative length": SIGN_IN + b"Content-Length: -1\r\n" + END,
    "a length that is no number": SIGN_IN + b"Content-Length: two\r\n" + END + b"{}",
    "a length with a plus": SIGN_IN + b"Content-Length: +2\r\n" + END + b"{}",
    "a bad chunk size": SIGN_IN
    + b"Transfer-Encoding: chunked\r\n"
    + END
    + b"zz\r\n{}\r\n0\r\n\r\n",
    "an unknown transfer coding": SIGN_IN + b"Transfer-Encoding: snappy\r\n" + END + b"{}",
}

#: A server may take these for old or new HTTP, as long as nothing breaks.
TOLERATED: dict[str, bytes] = {
    "no version": b"GET /api/v1/products\r\n" + HOST + END,
    "HTTP/1.9": b"GET /api/v1/products HTTP/1.9\r\n" + HOST + END,
    "HTTP/9.9": b"GET /api/v1/products HTTP/9.9\r\n" + HOST + END,
    "no Host": LIST + END,
    "two Hosts": LIST + HOST + HOST + END,
    "a folded header": LIST + HOST + b"X-A: a\r\n b\r\n" + END,
    "bare line feeds": LIST.replace(b"\r\n", b"\n") + b"Host: shop\n\n",
    "an upgrade": LIST + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n" + HOST + END,
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\n" + HOST + END,
    "a hundred and fifty headers": LIST
    + HOST
    + b"".join(b"X-%d: 1\r\n" % n for n in range(150))
    + END,
}

#: Odd but legal requests: the same answer as the plain one.
SERVED: dict[str, bytes] = {
    "an absolute target": b"GET http://shop/api/v1/products?limit=1 HTTP/1.1\r\n" + HOST + END,
    "HTTP/1.0": b"GET /api/v1/products?limit=1 HTTP/1.0\r\n\r\n",
    "another Host": LIST + b"Host: elsewhere.example:1\r\n" + END,
    "header names in odd case": LIST + b"hOsT: shop\r\naCCEPT: */*\r\n" + END,
    "a header of 8,000 bytes": LIST + HOST + b"X-Long: " + b"x" * 8_000 + b"\r\n" + END,
    "fifty headers": LIST + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(50)) + END,
    "forwarding headers": LIST
    + HOST
    + b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: x\r\n"
    + END,
    "method overrides": LIST + HOST + b"X-HTTP-Method-Override: DELETE\r\n" + END,
    "a path with an escaped letter": LIST.replace(b"products", b"%70roducts") + HOST + END,
}


def _refused(payload: bytes, world: World) -> None:
    answer = raw_exchange(world.base_url, payload)
    require(answer is None or 400 <= answer.status < 500, f"wanted a 4xx: {answer}")
    expect(world.call("GET", "/products", query={"limit": 1}), 200)


def _tolerated(payload: bytes, world: World) -> None:
    answer = raw_exchange(world.base_url, payload)
    require(answer is None or answer.status < 500, f"a 5xx: {answer}")
    expect(world.call("GET", "/products", query={"limit": 1}), 200)


def _served(payload: bytes, world: World) -> None:
    answer = raw_exchange(world.base_url, payload)
    if answer is None:
        raise AssertionError("the connection was closed without an answer")
    expect(answer, 200)
    plain = world.call("GET", "/products", query={"limit": 1})
    equal(answer.json(), plain.json(), "the page")


for _name, _payload in REFUSED.items():
    add_case(Case(f"refused: {_name}", AREA, "shop", partial(_refused, _payload)))
for _name, _payload in TOLERATED.items():
    add_case(Case(f"no 5xx: {_name}", AREA, "inventory", partial(_tolerated, _payload)))
for _name, _payload in SERVED.items():
    add_case(Case(f"served: {_name}", AREA, "inventory", partial(_served, _payload)))


def _send_sign_in(world: World, framing: bytes, body: bytes) -> Answer | None:
    return raw_exchange(world.base_url, SIGN_IN + framing + END + body, method="POST")


@case("a length beside chunked coding is refused or read as chunked", AREA, "users")
def both_framings(world: World) -> None:
    framing = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    answer = _send_sign_in(world, framing, b"2\r\n{}\r\n0\r\n\r\n")
    require(answer is None or 400 <= answer.status < 500, f"wanted a 4xx: {answer}")


@case("chunks may be of any size, with extensions and trailers", AREA, "users")
def legal_chunks(world: World) -> None:
    body = b'{"email": "nobody@shop.example", "password": "wrong-password"}'
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in body)
    answer = _send_sign_in(
        world, b"Transfer-Encoding: chunked\r\n", chunks + b"0\r\nX-T: 1\r\n\r\n"
    )
    if answer is None:
        raise AssertionError("the connection was closed without an answer")
    expect_problem(answer, "invalid_credentials")


@case("a client that waits for 100-continue gets its answer", AREA, "users")
def expect_continue(world: World) -> None:
    body = b'{"email": "nobody@shop.example", "password": "wrong-password"}'
    framing = b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(body)
    answer = _send_sign_in(world, framing, body)
    if answer is None:
        raise AssertionError("the connection was closed without an answer")
    expect_problem(answer, "invalid_credentials")


@case("a body that never ends as promised changes nothing", AREA, "shop")
def truncated_body(world: World) -> None:
    buyer, product = world.buyer(), world.new_product()
    body = b'{"items": [{"product_id": "%s", "quantity": 1}]}' % product["id"].encode()
    head = (
        f"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {buyer.token}\r\n"
        f"Idempotency-Key: {world.new_key()}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 10}\r\n\r\n"
    )
    with socket.create_connection(address_of(world.base_url), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        received = connection.recv(65_536)
    require(not received.startswith(b"HTTP/1.1 5"), f"a 5xx: {received[:200]!r}")
    equal(world.available(product["id"]), 10, "available")
    equal(world.balance(buyer), 100_000, "balance_cents")


@case("a connection is kept, also after a refusal", AREA, "users")
def keep_alive(world: World) -> None:
    get = b"GET /api/v1/users/me HTTP/1.1\r\nHost: shop\r\n\r\n"
    with socket.create_connection(address_of(world.base_url), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(get)
            received = connection.recv(65_536)
            require(received.startswith(b"HTTP/1.1 401"), f"not 401: {received[:200]!r}")
            while b"unauthenticated" not in received:
                more = connection.recv(65_536)
                require(more, f"closed in the middle: {received[:300]!r}")
                received += more


@case("a GET with a body is served or refused, never an error", AREA, "payments")
def get_with_body(world: World) -> None:
    token = world.person().token
    for body in (b"{}", b"nonsense", b"x" * 70_000):
        answer = world.call("GET", "/wallet", token=token, body=body, checked=False)
        require(answer.status in (200, 400, 413, 415), f"{answer}")


@case("paths that climb or hide are 404", AREA, "shop")
def odd_paths(world: World) -> None:
    paths = (
        *("/api/v1/../../etc/passwd", "/api/v1/%2e%2e/openapi.json", "/api/v1/products%00"),
        *("/api/v1/products%2F", "/api/v1/products;x=1", "/api/v1/%FF", "/api/v1/.", "/static/x"),
        *("/%0A", "/api/v1/products/%0A", "/api/v1/orders/x%0Ay", "/api/v1/products%0D%0A"),
        *("/api/v1/%C3%A9", "/api/v1/%E2%80%A8", "/%", "/%zz", "/api/v1/wallet%23", "/~"),
        "/" + "x" * 3_000,
    )
    for path in paths:
        expect_problem(world.call("GET", path, prefix=""), "not_found")


@case("two Authorization headers are 401", AREA, "payments")
def two_tokens(world: World) -> None:
    values = (f"Bearer {world.person().token}", f"Bearer {world.person('bob').token}")
    headers = [("Authorization", value) for value in values]
    expect_problem(world.call("GET", "/wallet", headers=headers), "unauthenticated")
