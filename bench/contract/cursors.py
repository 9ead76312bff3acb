"""The cursor of a page as the contract has it: the reference that golden vectors and cases use.

Base64url without padding of compact JSON, ASCII with `\\u` escapes: `[sort, last value, id]`.
"""

import json
from base64 import urlsafe_b64encode

LONGEST_CURSOR = 4_096  # characters
ORDERS_SORT = "-created_at"  # its value is RFC 3339 with six fractional digits and Z


def cursor_of(sort: str, last_value: str | int, last_id: str) -> str:
    """The cursor behind a row."""
    return cursor_from(json.dumps([sort, last_value, last_id], separators=(",", ":")))


def cursor_from(text: str) -> str:
    """Any text in a cursor's clothes."""
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()
