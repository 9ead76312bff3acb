"""The two passes of JSON: what is malformed (400), what is invalid (422), what passes."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from microservices.chassis.errors import MalformedJson, ValidationFailed
from microservices.chassis.strict_json import MAX_DEPTH, parse, validate


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=3)]
    lines: list[Line] = []


class Named(Struct, frozen=True, forbid_unknown_fields=True):
    thing_id: str
    name: str


MALFORMED = {
    "empty": b"",
    "white space": b"  ",
    "truncated": b'{"name": "a"',
    "trailing comma": b'{"name": "a",}',
    "two documents": b"{} {}",
    "single quotes": b"{'name': 'a'}",
    "byte-order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": Infinity}',
    "minus Infinity": b'{"name": -Infinity}',
    "not UTF-8": b'{"name": "\xff"}',
    "surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "lone high surrogate": b'{"name": "\\ud800"}',
    "lone low surrogate": b'{"name": "\\udc00"}',
    "lone surrogate as key": b'{"\\ud800": 1}',
    "surrogates in the wrong order": b'{"name": "\\udc00\\ud800"}',
    "control character": b'{"name": "a\nb"}',
    "leading zero": b'{"name": 01}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "far too deep": b"[" * 30_000 + b"]" * 30_000,
    "too deep in a member that is given again": (
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b',"a":1}'
    ),
    "too deep after a huge number": b"[1e999," + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]",
    "syntax error after a huge number": b'{"name": 1e999, }',
    "NaN after a huge number": b"[1e999, NaN]",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_document_is_refused_before_its_types_are_looked_at(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(raw)


def test_the_deepest_allowed_nesting_passes() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_many_brackets_that_do_not_nest_pass() -> None:
    assert len(parse(b"[" + b"[]," * 200 + b"[]]")) == 201


def test_the_last_of_duplicate_keys_wins() -> None:
    assert parse(b'{"name": "a", "name": "b"}') == {"name": "b"}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5000, b"1." + b"1" * 5000])
def test_a_huge_number_is_invalid_but_not_malformed(number: bytes) -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(parse(b'{"name": "a", "lines": [{"quantity": ' + number + b"}]}"), Request)
    assert caught.value.errors[0][0] == "lines[0].quantity"


INVALID = {
    "missing": ({}, "name"),
    "null": ({"name": None}, "name"),
    "wrong type": ({"name": 1}, "name"),
    "unknown": ({"name": "a", "staff": True}, "staff"),
    "NUL": ({"name": "a\x00"}, "name"),
    "white space only": ({"name": " \t"}, "name"),
    "wide white space only": ({"name": "\u2003\u00a0"}, "name"),
    "empty": ({"name": ""}, "name"),
    "too long": ({"name": "abcd"}, "name"),
    "integer as float": ({"name": "a", "lines": [{"quantity": 35.0}]}, "lines[0].quantity"),
    "integer with exponent": ({"name": "a", "lines": [{"quantity": 100.0}]}, "lines[0].quantity"),
    "integer as string": ({"name": "a", "lines": [{"quantity": "35"}]}, "lines[0].quantity"),
    "integer as boolean": ({"name": "a", "lines": [{"quantity": True}]}, "lines[0].quantity"),
    "out of bounds": ({"name": "a", "lines": [{"quantity": 0}]}, "lines[0].quantity"),
    "huge": ({"name": "a", "lines": [{"quantity": 10**40}]}, "lines[0].quantity"),
    "unknown in a line": ({"name": "a", "lines": [{"quantity": 1, "x": 1}]}, "lines[0].x"),
    "missing in a line": ({"name": "a", "lines": [{}]}, "lines[0].quantity"),
}


@pytest.mark.parametrize(("document", "field"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_document_names_its_first_offending_field(
    document: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(document, Request)
    assert [name for name, _ in caught.value.errors] == [field]


@pytest.mark.parametrize("document", [[], "a", 1, None, True])
def test_a_document_that_is_no_object_is_refused_as_a_whole(document: object) -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(document, Request)
    assert caught.value.errors[0][0] == "body"


def test_an_id_of_the_path_is_no_member_of_the_body() -> None:
    assert validate({"name": "a"}, Named, {"thing_id": "1"}) == Named("1", "a")
    with pytest.raises(ValidationFailed) as caught:
        validate({"name": 1, "thing_id": "2"}, Named, {"thing_id": "1"})
    assert caught.value.errors[0][0] == "thing_id"


def test_lengths_count_code_points() -> None:
    assert validate({"name": "\N{GRINNING FACE}" * 3}, Request).name == "\N{GRINNING FACE}" * 3


def test_strings_are_not_trimmed() -> None:
    assert validate({"name": " a "}, Request).name == " a "
