"""Cursors: opaque, of one sort, and refused unless they are what a shop writes."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from rest_framework.exceptions import ValidationError

from monolith.common.pagination import Sort, decode_cursor, encode_cursor
from monolith.inventory.serializers import SORTS
from monolith.orders.serializers import NEWEST_FIRST

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"
NAME, PRICE = SORTS["name"], SORTS["price"]


def raw(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_cursor_is_compact_ascii_without_padding() -> None:
    cursor = encode_cursor("name", "Thé 茶", ID)
    assert cursor == raw(f'["name","Th\\u00e9 \\u8336","{ID}"]')
    assert decode_cursor(cursor, NAME) == ("Thé 茶", ID)


def test_a_cursor_of_times_has_six_digits() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    cursor = encode_cursor("-created_at", moment, ID)
    assert cursor == raw(f'["-created_at","2026-01-02T03:04:05.000000Z","{ID}"]')
    assert decode_cursor(cursor, NEWEST_FIRST) == (moment, ID)


@pytest.mark.parametrize("number", [450, 2**63 - 1, -(2**63) + 1])
def test_integers_of_64_bits_pass(number: int) -> None:
    assert decode_cursor(encode_cursor("price", number, ID), PRICE) == (number, ID)


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        (NAME, ""),
        (NAME, "!"),
        (NAME, "abc"),
        (NAME, "é"),
        (NAME, raw("{}")),
        (NAME, raw("[]")),
        (NAME, raw('["name","a"]')),
        (NAME, raw(f'["name","a","{ID}"]') + "="),
        (NAME, raw(f'["name", "a","{ID}"]')),
        (NAME, raw(f'["name","é","{ID}"]')),
        (NAME, raw(f'["price","a","{ID}"]')),
        (NAME, raw(f'["name",5,"{ID}"]')),
        (NAME, raw('["name","a","b"]')),
        (NAME, raw(f'["name","a","{ID.upper()}"]')),
        (NAME, raw(f'["name","a\\u0000","{ID}"]')),
        (NAME, raw(f'["name","\\ud800","{ID}"]')),
        (NAME, raw("[" * 1500)),
        (PRICE, raw(f'["price",true,"{ID}"]')),
        (PRICE, raw(f'["price",1.5,"{ID}"]')),
        (PRICE, raw(f'["price","1","{ID}"]')),
        (PRICE, raw(f'["price",{2**63},"{ID}"]')),
        (NEWEST_FIRST, raw(f'["-created_at","yesterday","{ID}"]')),
        (NEWEST_FIRST, raw(f'["-created_at","2026-01-02T03:04:05Z","{ID}"]')),
        (NEWEST_FIRST, raw(f'["-created_at","2026-01-02T03:04:05.000000+00:00","{ID}"]')),
        (NEWEST_FIRST, raw(f'["-created_at","2026-02-30T03:04:05.000000Z","{ID}"]')),
        (NEWEST_FIRST, raw(f'["-created_at",5,"{ID}"]')),
    ],
)
def test_anything_else_is_refused(sort: Sort, cursor: str) -> None:
    with pytest.raises(ValidationError):
        decode_cursor(cursor, sort)
