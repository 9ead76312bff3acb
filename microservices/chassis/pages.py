"""Opaque cursors: base64url without padding of compact ASCII JSON `[sort, last value, id]`.

One format byte for byte, so that a cursor of one deployment is valid in every other.
"""

import base64
import binascii
import json
import re
from typing import Any

import msgspec

from microservices.chassis.errors import ValidationFailed, invalid
from microservices.chassis.operations import UUID_PATTERN

MAX_CURSOR = 4096
MAX_INTEGER = 2**63 - 1
_is_id = re.compile(UUID_PATTERN).fullmatch


def encode_cursor(sort: str, last_value: Any, last_id: str) -> str:
    """The cursor after a row."""
    # Not msgspec, which writes UTF-8 where the format has `\u` escapes.
    text = json.dumps([sort, last_value, last_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("ascii")).decode().rstrip("=")


def decode_cursor(cursor: str, sort: str, kind: type[str] | type[int]) -> tuple[Any, str]:
    """The last value and id of a cursor of this sort, whose values are of this kind.

    Raises:
        ValidationFailed: it is broken, of another sort, or not written as `encode_cursor` does.
    """
    value, last_id = _parts(cursor, sort)
    right = type(value) is kind and (
        "\0" not in value if isinstance(value, str) else abs(value) <= MAX_INTEGER
    )
    if not right or not _is_id(last_id) or encode_cursor(sort, value, last_id) != cursor:
        raise broken_cursor()
    return value, last_id


def _parts(cursor: str, sort: str) -> tuple[Any, str]:
    if len(cursor) > MAX_CURSOR or not cursor.isascii():
        raise broken_cursor()
    try:
        parts = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise broken_cursor() from None
    match parts:
        case [str(of_sort), value, str(last_id)] if of_sort == sort:
            return value, last_id
        case _:
            raise broken_cursor()


def broken_cursor() -> ValidationFailed:
    return invalid("cursor", "is broken or belongs to another sort")
