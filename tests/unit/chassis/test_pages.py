"""Cursors go round; broken ones, and those of another sort, are refused."""

import base64

import pytest

from microservices.chassis.errors import ValidationFailed
from microservices.chassis.pages import decode_cursor, encode_cursor

ID = "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b"


@pytest.mark.parametrize(
    "value", ["Green tea", "\N{GRINNING FACE}" * 200, '"\\\n\x7f', "", 450, -1, 2**63 - 1]
)
def test_a_cursor_goes_round(value: str | int) -> None:
    assert decode_cursor(encode_cursor("name", value, ID), "name", type(value)) == (value, ID)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (450, f'["name",450,"{ID}"]'),
        ("T\u00e9", f'["name","T\\u00e9","{ID}"]'),
        ("\N{GRINNING FACE}", f'["name","\\ud83d\\ude00","{ID}"]'),
    ],
)
def test_a_cursor_is_compact_ascii_without_padding(value: object, text: str) -> None:
    cursor = encode_cursor("name", value, ID)
    assert cursor == _raw(text.encode("ascii"))
    assert "=" not in cursor


def _raw(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


BROKEN = {
    "no base64": "%%%",
    "no JSON": _raw(b"{"),
    "not UTF-8": _raw(b'["name","\xff","' + ID.encode() + b'"]'),
    "no array": _raw(b'{"a":1}'),
    "too short": _raw(b'["name"]'),
    "too long": _raw(b'["name","a","' + ID.encode() + b'",1]'),
    "id in capitals": _raw(b'["name","a","' + ID.upper().encode() + b'"]'),
    "id no string": _raw(b'["name","a",1]'),
    "another sort": encode_cursor("price", "a", ID),
    "padding": encode_cursor("name", "a", ID) + "=",
    "spaces": _raw(f'["name", "a", "{ID}"]'.encode()),
    "characters beyond ASCII": _raw(f'["name","T\u00e9","{ID}"]'.encode()),
    "another escape": _raw(f'["name","\\u0061","{ID}"]'.encode()),
    "stray bits": encode_cursor("name", "ab", ID)[:-1] + "R",
    "lone surrogate": _raw(f'["name","\\ud800","{ID}"]'.encode()),
    "NUL": encode_cursor("name", "a\0", ID),
    "number for a text": encode_cursor("name", 1, ID),
    "null": encode_cursor("name", None, ID),
    "one character": "A",
    "plus": "A+B/",
    "huge": "A" * 10_000,
    "deep": _raw(b"[" * 3000 + b"]" * 3000),
}


@pytest.mark.parametrize("cursor", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        decode_cursor(cursor, "name", str)
    assert caught.value.errors[0][0] == "cursor"


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30, "1", True, None, 1.0])
def test_a_cursor_of_prices_holds_an_integer_that_a_database_has(value: object) -> None:
    with pytest.raises(ValidationFailed):
        decode_cursor(encode_cursor("price", value, ID), "price", int)
