"""JSON in two passes: parse untyped (400), then validate (422): a syntax error always wins.

The rules are the contract's: nesting of at most 64, no lone surrogates, no NUL, no string of white
space only, no floats, unknown members refused.
"""

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from microservices.chassis.errors import MalformedJson, ValidationFailed, invalid

MAX_DEPTH = 64
T = TypeVar("T")
_untyped = msgspec.json.Decoder()


def parse(raw: bytes) -> Any:
    """The document as plain objects.

    Raises:
        MalformedJson: a syntax error, an empty document, bytes that are not UTF-8, a lone
            surrogate, NaN, Infinity, or nesting deeper than 64.
        ValidationFailed: a number too large for any type.
    """
    try:
        document = _untyped.decode(raw)
    except msgspec.ValidationError:
        # The decoder stops at a number like 1e400; a syntax error may still follow it.
        _check_syntax(raw)
        raise invalid("body", "a number is out of range") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH}.")
    return document


def _check_syntax(raw: bytes) -> None:
    try:
        # Numbers stay text: int() refuses more than 4,300 digits, which is no syntax error.
        document = json.loads(
            raw.decode("utf-8"), parse_constant=_refuse_constant, parse_int=str, parse_float=str
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # fails on a lone surrogate
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None
    if _depth(document) > MAX_DEPTH:
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH}.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(value: Any) -> int:
    """Nesting of arrays and objects, without recursion: the parser goes deeper than we could."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, dict):
            children = list(item.values())
        elif isinstance(item, list):
            children = item
        else:
            continue
        deepest = max(deepest, level)
        stack.extend((child, level + 1) for child in children)
    return deepest


def check_values(value: Any, field: str) -> None:
    """Refuses what no field of any request may hold.

    Raises:
        ValidationFailed: a float (integers are JSON integers only), a NUL, white space only.
    """
    kind = type(value)
    if kind is str:
        if "\x00" in value:
            raise invalid(field, "holds a NUL character")
        if value.isspace():
            raise invalid(field, "is white space only")
    elif kind is dict:
        for name, each in value.items():
            check_values(each, f"{field}.{name}" if field else name)
    elif kind is list:
        for index, each in enumerate(value):
            check_values(each, f"{field}[{index}]")
    elif kind is float:
        raise invalid(field or "body", "Expected an integer without fraction or exponent")


def validate(value: Any, kind: type[T]) -> T:
    """Converts plain objects to `kind`; a refusal becomes a 422 that names the field."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise ValidationFailed(message, errors=[(_field(message, place), message)]) from None


def _field(message: str, place: str) -> str:
    """The field a msgspec message is about: its path, or the name it quotes, under that path."""
    path = place.strip("`").removeprefix("$").removeprefix(".")
    if message.startswith("Object ") and "field `" in message:
        name = message.split("`")[1]
        return f"{path}.{name}" if path else name
    return path or "body"
