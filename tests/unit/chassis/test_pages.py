"""Cursors go round; broken ones, and those of another sort, are refused."""

import base64

import pytest

from microservices.chassis.errors import ValidationFailed
from microservices.chassis.pages import decode_cursor, encode_cursor

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


@pytest.mark.parametrize("value", ["Green tea", "\N{GRINNING FACE}", 450, ""])
def test_a_cursor_goes_round(value: object) -> None:
    assert decode_cursor(encode_cursor("name", value, ID), "name") == (value, ID)


def _raw(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


BROKEN = {
    "no base64": "%%%",
    "no JSON": _raw(b"{"),
    "not UTF-8": _raw(b'["name","\xff","' + ID.encode() + b'"]'),
    "no array": _raw(b'{"a":1}'),
    "too short": _raw(b'["name"]'),
    "too long": _raw(b'["name","a","' + ID.encode() + b'",1]'),
    "id in capitals": _raw(b'["name","a","' + ID.upper().encode() + b'"]'),
    "id no string": _raw(b'["name","a",1]'),
    "another sort": encode_cursor("price", 1, ID),
    "one character": "A",
    "plus": "A+B/",
    "huge": "A" * 10_000,
    "deep": _raw(b"[" * 3000 + b"]" * 3000),
}


@pytest.mark.parametrize("cursor", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor(cursor, "name")
