"""Opaque cursors: base64url of compact JSON `[sort, last value, id]`."""

import base64
import binascii
import re
from typing import Any

import msgspec

from microservices.chassis.errors import ValidationFailed, invalid
from microservices.chassis.operations import UUID_PATTERN

MAX_CURSOR = 4096
_is_id = re.compile(UUID_PATTERN).fullmatch
_is_base64url = re.compile(r"[A-Za-z0-9_-]+={0,2}").fullmatch


def encode_cursor(sort: str, last_value: Any, last_id: str) -> str:
    """The cursor after a row."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, last_value, last_id])).decode()


def decode_cursor(cursor: str, sort: str) -> tuple[Any, str]:
    """The last value and id of a cursor of this sort; the caller checks the value's type.

    Raises:
        ValidationFailed: it is broken, or of another sort.
    """
    if len(cursor) > MAX_CURSOR or not _is_base64url(cursor):
        raise _broken()
    try:
        parts = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _broken() from None
    match parts:
        case [str(of_sort), value, str(last_id)] if of_sort == sort and _is_id(last_id):
            return value, last_id
        case _:
            raise _broken()


def _broken() -> ValidationFailed:
    return invalid("cursor", "is broken or belongs to another sort")
