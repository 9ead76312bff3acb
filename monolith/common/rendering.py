"""Values as the contract writes them: compact JSON, RFC 3339 times. Pure, no framework."""

import json
from datetime import datetime

# A prepared encoder: `json.dumps` with options builds one for every call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


def to_json(value: object) -> str:
    return _encode(value)


def to_canonical_json(value: object) -> str:
    """JSON with sorted keys, the same for equal values."""
    return _encode_sorted(value)


def to_time(moment: datetime) -> str:
    """An aware UTC time such as 2026-01-02T03:04:05.678901Z."""
    return moment.isoformat()[:-6] + "Z"
