"""DRF pagination by the contract's cursor: base64url of compact JSON `[sort, last value, id]`.

The same bytes in every deployment: ASCII, without padding.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monolith.common.fields import StrictCharField, WholeNumberField, is_uuid

LONGEST_CURSOR = 4096
LARGEST_INTEGER = 2**63 - 1
Value = str | int | datetime
_nul_or_surrogate = re.compile(r"[\0\ud800-\udfff]").search


def limit_field() -> WholeNumberField:
    return WholeNumberField(min_value=1, max_value=100, default=20)


def cursor_field() -> StrictCharField:
    return StrictCharField(max_length=LONGEST_CURSOR, default=None)


@dataclass(frozen=True)
class Sort:
    """By a field whose values are of this kind, ties by id; `name` is what cursors call it."""

    name: str
    field: str
    kind: type[str] | type[int] | type[datetime]
    descending: bool = False
    ids_descending: bool = False

    @property
    def ordering(self) -> tuple[str, str]:
        return (
            f"-{self.field}" if self.descending else self.field,
            "-id" if self.ids_descending else "id",
        )

    def after(self, last: Value, identifier: str) -> Q:
        """What lies behind a row; the first condition makes it a range scan of the index."""
        beyond = "lt" if self.descending else "gt"
        later_id = "lt" if self.ids_descending else "gt"
        reached = Q(**{f"{self.field}__{beyond}e": last})
        return reached & (
            Q(**{f"{self.field}__{beyond}": last}) | Q(**{f"id__{later_id}": identifier})
        )


class CursorPagination(pagination.BasePagination):
    """One page of a queryset in the order of `sort`, and the cursor of the next."""

    def __init__(self, sort: Sort, limit: int, cursor: str | None) -> None:
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
        self.next_cursor: str | None = None

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Raises ValidationError for a cursor that is broken or of another list."""
        queryset = queryset.order_by(*self.sort.ordering)
        if self.cursor is not None:
            queryset = queryset.filter(self.sort.after(*decode_cursor(self.cursor, self.sort)))
        rows = list(queryset[: self.limit + 1])
        if len(rows) > self.limit:
            rows = rows[: self.limit]
            last = getattr(rows[-1], self.sort.field)
            self.next_cursor = encode_cursor(self.sort.name, last, str(rows[-1].id))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor})


def encode_cursor(sort: str, last: Value, identifier: str) -> str:
    if isinstance(last, datetime):
        last = last.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    compact = json.dumps([sort, last, identifier], separators=(",", ":"))
    return urlsafe_b64encode(compact.encode("ascii")).rstrip(b"=").decode()


def decode_cursor(raw: str, sort: Sort) -> tuple[Value, str]:
    """The last value and id. Raises ValidationError for all but what `encode_cursor` writes."""
    try:
        _, last, identifier = json.loads(urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        if sort.kind is datetime:
            last = datetime.fromisoformat(last)
        if type(last) is sort.kind and _is_storable(last) and is_uuid(identifier):
            if encode_cursor(sort.name, last, identifier) == raw:
                return last, identifier
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise ValidationError({"cursor": ["This is no cursor of this list."]})


def _is_storable(value: Value) -> bool:
    """No lone surrogate or NUL in a text, no integer of more than 64 bits."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_INTEGER
    return not (isinstance(value, str) and _nul_or_surrogate(value))
