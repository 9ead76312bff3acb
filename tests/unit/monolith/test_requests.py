"""The query string: as strict as a body, and decoded as one."""

from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from monolith.common.fields import first_fault
from monolith.common.requests import query_of

KNOWN = ("q", "limit", "sort")


def request(query: str) -> Any:
    # WSGI hands bytes over as ISO-8859-1 characters.
    return SimpleNamespace(META={"QUERY_STRING": query.encode().decode("iso-8859-1")})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("x=1", "x"),
        ("limit=0&surprise=1", "surprise"),
        ("b=1&a=1", "b"),
        ("q=&limit=1&limit=1", "limit"),
        ("q=%FF", "query"),
        ("surprise=1&q=%FF", "query"),
        ("%FF=x", "query"),
        ("x" * 70 + "=1", "x" * 64),
    ],
)
def test_what_is_unknown_repeated_or_undecodable_is_refused(query: str, field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        query_of(request(query), KNOWN)
    assert first_fault(refusal.value.detail)[0] == field


def test_a_query_is_decoded() -> None:
    assert query_of(request("q=caf%C3%A9+a&&limit=20"), KNOWN) == {"q": "café a", "limit": "20"}
