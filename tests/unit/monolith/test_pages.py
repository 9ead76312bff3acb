"""Cursors: opaque, of one sort, and refused when broken."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from monolith.common.errors import ValidationFailed
from monolith.common.pages import Cursor, decode_cursor, encode_cursor, page

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


def raw(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = encode_cursor("name", "Grüner Tee", ID)
    assert decode_cursor(cursor, "name", str) == Cursor("Grüner Tee", ID)


def test_a_cursor_of_times_is_a_time() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    cursor = encode_cursor("newest", "2026-01-02T03:04:05.678901Z", ID)
    assert decode_cursor(cursor, "newest", datetime).last == moment


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "abc",
        raw("{}"),
        raw("[]"),
        raw('["name", "a"]'),
        raw(f'["price", "a", "{ID}"]'),
        raw(f'["name", 5, "{ID}"]'),
        raw('["name", "a", "b"]'),
        raw(f'["name", "a\\u0000", "{ID}"]'),
        raw(f'["name", "\\ud800", "{ID}"]'),
        raw("[" * 1500),
    ],
)
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor(cursor, "name", str)


@pytest.mark.parametrize("last", ["true", "1.5", '"1"', str(2**63)])
def test_a_price_in_a_cursor_is_a_number_the_database_knows(last: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor(raw(f'["price", {last}, "{ID}"]'), "price", int)


@pytest.mark.parametrize("last", ['"yesterday"', '"2026-01-02T03:04:05"', "5"])
def test_a_time_in_a_cursor_is_a_moment(last: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor(raw(f'["newest", {last}, "{ID}"]'), "newest", datetime)


def test_a_page_has_a_cursor_only_if_there_is_more() -> None:
    items = [{"n": 1}, {"n": 2}, {"n": 3}]
    assert page(items, 2, lambda last: last["n"]) == {"items": items[:2], "next_cursor": 2}
    assert page(items, 3, lambda last: last["n"]) == {"items": items, "next_cursor": None}
