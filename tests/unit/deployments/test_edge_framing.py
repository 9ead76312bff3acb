"""Framing of HTTP/1.1: what is read, what is passed on, and what must be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.deployments.edge.framing import (
    BadMessage,
    Chunked,
    Sized,
    UntilClose,
    head_end,
    parse_answer,
    parse_request,
)


def request(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_request_passes_as_it_came() -> None:
    raw = request(
        "POST /api/v1/orders?x=%20 HTTP/1.1",
        "Host: shop",
        "Authorization: Bearer a.b.c",
        "Idempotency-Key: k-1",
        "X-Request-ID: r-1",
        "Content-Length: 12",
    )
    head = parse_request(raw)
    assert (head.method, head.raw, head.keep_alive) == (b"POST", raw, True)
    assert isinstance(head.body, Sized)
    assert not head.body.done


def test_what_is_about_one_connection_stays_behind() -> None:
    head = parse_request(
        request(
            "GET / HTTP/1.1",
            "Host: shop",
            "Connection: close, X-Private",
            "Keep-Alive: timeout=5",
            "X-Private: 1",
            "X-Public: 2",
            "TE: trailers",
        )
    )
    assert head.raw == request("GET / HTTP/1.1", "Host: shop", "X-Public: 2")
    assert not head.keep_alive


def test_http_1_0_closes() -> None:
    assert not parse_request(request("GET / HTTP/1.0")).keep_alive


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("GET / HTTP/1.1", "A: 1", " folded"), 400),
        (("GET / HTTP/1.1", "A : 1"), 400),
        (("GET / HTTP/1.1", "no colon"), 400),
        (("GET / HTTP/1.1", "A: 1\x00"), 400),
        (("GET / HTTP/1.1", "A: 1\n B: 2"), 400),
        (("GET / HTTP/1.1", "A: 1\rB: 2"), 400),
        (("GET  / HTTP/1.1",), 400),
        (("GET / HTTP/2.0",), 400),
        (("GET /",), 400),
        (("CONNECT a:1 HTTP/1.1",), 405),
        (("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1"), 400),
        (("POST / HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 1"), 400),
        (("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"), 501),
        (("POST / HTTP/1.1", "Content-Length: +1"), 400),
        (("POST / HTTP/1.1", "Content-Length: 1, 1"), 400),
        (("POST / HTTP/1.1", "Content-Length: -1"), 400),
        (("POST / HTTP/1.1", "Content-Length:"), 400),
        (("POST / HTTP/1.1", f"Content-Length: {'9' * 16}"), 400),
        (("POST / HTTP/1.0", "Transfer-Encoding: chunked"), 400),
        (("POST / HTTP/1.1", "Content-Length: 1", "Connection: content-length"), 400),
        (("GET / HTTP/1.1", f"A: {'x' * 8_190}"), 431),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(lines: tuple[str, ...], status: int) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_request(request(*lines))
    assert refused.value.status == status


def test_a_long_line_within_the_limit_passes() -> None:
    assert parse_request(request("GET / HTTP/1.1", f"A: {'x' * 8_187}")).method == b"GET"


def test_a_head_that_never_ends_is_refused() -> None:
    assert head_end(b"GET / HTTP/1.1\r\n", 100) == 0
    with pytest.raises(BadMessage):
        head_end(b"GET / HTTP/1.1\r\nA: " + b"x" * 100, 100)


@pytest.mark.parametrize(
    ("method", "lines", "kind", "done"),
    [
        (b"GET", ("HTTP/1.1 200 OK", "Content-Length: 3"), Sized, False),
        (b"HEAD", ("HTTP/1.1 200 OK", "Content-Length: 3"), Sized, True),
        (b"GET", ("HTTP/1.1 204 No Content",), Sized, True),
        (b"GET", ("HTTP/1.1 304 Not Modified", "Content-Length: 3"), Sized, True),
        (b"GET", ("HTTP/1.1 100 Continue",), Sized, True),
        (b"GET", ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), Chunked, False),
        (b"GET", ("HTTP/1.1 200 OK",), UntilClose, False),
        (b"GET", ("HTTP/1.1 200", "Content-Length: 0"), Sized, True),
    ],
)
def test_the_body_of_an_answer_is_framed_by_its_request(
    method: bytes, lines: tuple[str, ...], kind: type, done: bool
) -> None:
    head = parse_answer(request(*lines), method)
    assert isinstance(head.body, kind)
    assert head.body.done is done
    assert head.keep_alive is (kind is not UntilClose)


@pytest.mark.parametrize(
    "lines",
    [
        ("HTTP/9.9 200 OK",),
        ("HTTP/1.1 99 No",),
        ("HTTP/1.1 101 Switching Protocols",),
        ("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2"),
    ],
)
def test_an_answer_nobody_may_trust_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(BadMessage):
        parse_answer(request(*lines), b"GET")


def chunks(parts: list[bytes], trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return body + b"0\r\n" + trailer + b"\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    trailer=st.sampled_from([b"", b"X-Sum: 1\r\n"]),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    after=st.binary(max_size=10),
)
def test_chunks_end_where_they_end_however_they_are_cut(
    parts: list[bytes], trailer: bytes, cuts: list[int], after: bytes
) -> None:
    whole = chunks(parts, trailer)
    stream = whole + after
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    body, taken = Chunked(), 0
    for start, end in zip(edges, edges[1:], strict=False):
        taken += body.feed(stream[start:end])
        if body.done:
            break
    assert body.done
    assert taken == len(whole)


@pytest.mark.parametrize(
    "broken",
    [
        b"x\r\n",
        b"-1\r\n",
        b"\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"0\r\nno colon\r\n",
        b"1" * 16 + b"\r\n",
        b"1;" + b"e" * 5_000,
        b"0\r\n" + b"a: b\r\n" * 2_000,
    ],
)
def test_broken_chunks_are_refused(broken: bytes) -> None:
    with pytest.raises(BadMessage):
        Chunked().feed(broken)
