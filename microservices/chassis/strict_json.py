"""JSON in two passes: parse untyped (400), then validate (422): a syntax error always wins.

The rules are the contract's: nesting of at most 64, no lone surrogates, no NUL, no string of white
space only, no floats, unknown members refused.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

import msgspec

from microservices.chassis.errors import MalformedJson, invalid
from microservices.chassis.offences import first_offence, refused_everywhere

MAX_DEPTH = 64
MAX_DIGITS = 100
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
T = TypeVar("T")
_untyped = msgspec.json.Decoder()


def parse(raw: bytes) -> Any:
    """The document as plain objects.

    Raises:
        MalformedJson: a syntax error, an empty document, bytes that are not UTF-8, a lone
            surrogate, NaN, Infinity, or nesting deeper than 64.
    """
    try:
        document = _untyped.decode(raw)
    except msgspec.ValidationError:
        document = _with_huge_numbers(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(raw) > MAX_DEPTH:
        raise MalformedJson(f"The body is nested deeper than {MAX_DEPTH}.")
    return document


def _with_huge_numbers(raw: bytes) -> Any:
    """msgspec stops at a number like 1e400, behind which a syntax error may still follow. Here it
    is infinite, so that validation refuses it with the name of its field.
    """
    try:
        document = json.loads(
            raw.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_integer
        )
        json.dumps(document, ensure_ascii=False).encode("utf-8")  # fails on a lone surrogate
    except (ValueError, RecursionError):
        raise MalformedJson("The body is not valid JSON.") from None
    return document


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf  # int() itself has a limit


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(raw: bytes) -> int:
    """Nesting of arrays and objects as written, so also in a member that a later one replaces."""
    deepest = depth = 0
    for byte in _STRING.sub(b"", raw):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def validate(body: Any, kind: type[T], ids: Mapping[str, str] | None = None) -> T:
    """The second pass: plain objects become a `kind`; `ids` are its members from the path.

    Raises:
        ValidationFailed: it names the field that the contract names first.
    """
    ids = ids or {}
    if type(body) is dict and ids.keys().isdisjoint(body) and _acceptable(body):
        try:
            return msgspec.convert({**body, **ids}, kind)
        except msgspec.ValidationError as error:
            unnamed = str(error)
            raise invalid(*first_offence(body, kind, ids) or ("body", unnamed)) from None
    raise invalid(*first_offence(body, kind, ids) or ("body", "is not acceptable"))


def _acceptable(value: Any) -> bool:
    """Whether it holds nothing that no field of any request may hold."""
    if type(value) is dict:
        return all(_acceptable(each) for each in value.values())
    if type(value) is list:
        return all(_acceptable(each) for each in value)
    return refused_everywhere(value) is None
