"""The first pass over a body: what is JSON to the contract, and what is not."""

import pytest

from monolith.common.errors import MalformedJson
from monolith.common.json_body import parse_json


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="white space"),
        pytest.param(b"{", id="truncated"),
        pytest.param(b'{"a": 1,}', id="comma at the end"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order mark"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="encoded surrogate"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"a": -Infinity}', id="Infinity"),
        pytest.param(b'"\\ud800"', id="high surrogate alone"),
        pytest.param(b'"\\udc00\\ud800"', id="surrogates the wrong way round"),
        pytest.param(b'{"a": "\\uD83D", "a": 1}', id="surrogate in a value that loses"),
        pytest.param(b'"\x01"', id="control character"),
        pytest.param(b"[" * 65 + b"]" * 65, id="65 deep"),
        pytest.param(b"[" * 60_000, id="so deep that the parser gives up"),
        pytest.param(b'{"a": 1e}', id="half a number"),
        pytest.param(b"9" * 5000 + b"x", id="syntax error behind a very long number"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'["[[[["]', ["[[[["]),
        (b" [1.5, true, null] ", [1.5, True, None]),
    ],
)
def test_what_is_json_is_decoded(body: bytes, value: object) -> None:
    assert parse_json(body) == value


def test_64_levels_are_not_too_deep() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64)


def test_brackets_in_strings_are_no_levels() -> None:
    assert parse_json(b'{"a": "' + b"[" * 100 + b'\\"{"}') == {"a": "[" * 100 + '"{'}


def test_an_integer_too_long_for_python_is_json_and_no_integer() -> None:
    assert isinstance(parse_json(b"9" * 5000), float)
