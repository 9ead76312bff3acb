"""Keyset pages: the opaque cursor is base64url of compact JSON `[sort, last value, id]`."""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monolith.common import fields
from monolith.common.errors import ValidationFailed
from monolith.common.rendering import to_json

DEFAULT_LIMIT = 20
LIMIT = fields.digits(1, 100)

_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,2000}")
_BIGINT = 2**63


@dataclass(frozen=True)
class Cursor:
    """Where the page before ended: a value of the sort, and the id that breaks ties."""

    last: Any
    id: str


def encode_cursor(sort: str, last: str | int, identifier: str) -> str:
    return urlsafe_b64encode(to_json([sort, last, identifier]).encode()).rstrip(b"=").decode()


def decode_cursor(raw: str, sort: str, kind: type) -> Cursor:
    """Read a cursor of this sort; `kind` is str, int or datetime. Raises ValidationFailed."""
    try:
        if not _BASE64URL.fullmatch(raw):
            raise ValueError("alphabet")
        decoded = urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode("utf-8")
        found_sort, last, identifier = json.loads(decoded)
        if found_sort != sort or not fields.is_uuid(identifier):
            raise ValueError("sort or id")
        return Cursor(_last_value(last, kind), identifier)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValidationFailed("cursor", "is not a cursor of this list") from None


def _last_value(last: object, kind: type) -> object:
    if kind is int:
        if type(last) is not int or not -_BIGINT <= last < _BIGINT:
            raise ValueError("number")
        return last
    if type(last) is not str or "\0" in last:
        raise ValueError("text")
    last.encode("utf-8")  # a lone surrogate is no text for the database
    if kind is not datetime:
        return last
    moment = datetime.fromisoformat(last)
    if moment.tzinfo is None:
        raise ValueError("time zone")
    return moment


def page(items: list[dict[str, Any]], limit: int, next_cursor: Any) -> dict[str, Any]:
    """Cut the one item read too many; `next_cursor` makes a cursor of the last one kept."""
    more = len(items) > limit
    kept = items[:limit]
    return {"items": kept, "next_cursor": next_cursor(kept[-1]) if more else None}
