"""Strict JSON, untyped: what the parser makes of a body, whatever the operation."""

import json
import re
from typing import Any, NoReturn

from monolith.common.errors import MalformedJson

MAX_DEPTH = 64

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_PAIR_OR_LONE_OR_OTHER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\."
)


def parse_json(body: bytes) -> Any:
    """Decode a body. Raises MalformedJson for all that the contract does not take for JSON."""
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise MalformedJson("The body is not JSON in UTF-8") from None
    # Both checks read the text again, so they run only where it could matter.
    if "\\u" in text and _has_lone_surrogate(text):
        raise MalformedJson("A surrogate without its other half")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise MalformedJson(f"Nested deeper than {MAX_DEPTH}")
    return value


def _number(digits: str) -> int | float:
    # Thousands of digits are JSON, yet Python refuses to convert them; a float does for the fields.
    return int(digits) if len(digits) < 1000 else float(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_number)


def _has_lone_surrogate(text: str) -> bool:
    return any(match.group(1) for match in _PAIR_OR_LONE_OR_OTHER.finditer(text))


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
