"""Query strings, as strict as bodies: unknown, repeated and undecodable parameters are refused."""

import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web
from msgspec import inspect
from msgspec.structs import FieldInfo

from microservices.chassis.errors import ValidationFailed, invalid
from microservices.chassis.offences import LONGEST_NAME

_is_integer = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
Query = list[tuple[str, str]]


def query_of(request: web.Request) -> Query:
    """The query parameters; a query that is not percent-encoded UTF-8 is a 422."""
    raw = request.rel_url.raw_query_string
    if not raw:
        return []
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def query_values(query: Query, known: Collection[str], integers: Collection[str]) -> dict[str, Any]:
    """The values by name. What is no integer where one is needed stays text, for validation."""
    for name, _ in query:
        if name not in known:
            raise unknown_parameter(name)
    values: dict[str, Any] = {}
    for name, text in query:
        if name in values:
            raise invalid(name, "is repeated")
        values[name] = int(text) if name in integers and _is_integer(text) else text
    return values


def unknown_parameter(name: str) -> ValidationFailed:
    return invalid(name[:LONGEST_NAME], "is no parameter of this operation")


def _decoded(raw: str) -> str:
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeError:
        raise invalid("query", "is not percent-encoded UTF-8") from None


def integers_of(fields: Iterable[FieldInfo]) -> set[str]:
    """The names of the fields that take an integer."""
    return {
        field.encode_name
        for field in fields
        if isinstance(inspect.type_info(field.type), inspect.IntType)
    }
