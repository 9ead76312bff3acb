"""Which field the refusal of a body names first, worked out from the contract's schemas alone.

What the deployments do is compared with this: neither reads it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from bench.contract.openapi import load_openapi, resolve

WHOLE = "body"
LONGEST_NAME = 64
Schema = Mapping[str, Any]
_TYPES: Mapping[str, type] = {"string": str, "integer": int, "array": list, "object": dict}


def first_fault(operation_id: str, body: object) -> str | None:
    """The field that a 422 names first; None if the body keeps the schema.

    `body`: parsed JSON, floats as float. An operation without body takes an empty object.
    """
    return next(_faults(_schema_of(operation_id), body, ""), None)


@cache
def _schema_of(operation_id: str) -> Schema:
    for item in load_openapi()["paths"].values():
        for node in item.values():
            if isinstance(node, dict) and node.get("operationId") == operation_id:
                content = resolve(node["requestBody"])["content"]
                schema: Schema = content["application/json"]["schema"]
                return schema
    raise KeyError(operation_id)


def _faults(schema: Schema, value: object, path: str) -> Iterator[str]:
    """The faults of a value and of what is in it, in the contract's order."""
    schema = resolve(schema)
    if not _fits(schema, value):
        yield path or WHOLE
    elif isinstance(value, dict):
        yield from _faults_of_object(schema, value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(schema["items"], item, f"{path}[{index}]")
        yield from _repeated(value, path)


def _faults_of_object(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[str]:
    known: Mapping[str, Schema] = schema.get("properties", {})
    prefix = f"{path}." if path else ""
    yield from (prefix + name[:LONGEST_NAME] for name in value if name not in known)
    yield from (prefix + name for name in schema.get("required", ()) if name not in value)
    given = [(name, resolve(of), value[name]) for name, of in known.items() if name in value]
    yield from (prefix + name for name, of, each in given if not _fits(of, each))
    for name, of, each in given:
        yield from _faults(of, each, prefix + name)


def _repeated(lines: list[Any], path: str) -> Iterator[str]:
    """Each product once: nothing but the lines of an order is a list here."""
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line["product_id"] in seen:
            yield f"{path}[{index}].product_id"
        seen.add(line["product_id"])


def _fits(schema: Schema, value: object) -> bool:
    """Whether a value keeps its own schema, whatever is in it."""
    schema = resolve(schema)
    if "allOf" in schema:
        return all(_fits(part, value) for part in schema["allOf"])
    if "type" in schema and type(value) is not _TYPES[schema["type"]]:
        return False
    if type(value) is str:
        return _fits_text(schema, value)
    if type(value) is int:
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    if type(value) is list:
        return bool(schema.get("minItems", 0) <= len(value) <= schema["maxItems"])
    return not isinstance(value, dict) or len(value) >= schema.get("minProperties", 0)


def _fits_text(schema: Schema, value: str) -> bool:
    longest = schema.get("maxLength", len(value))
    if not schema.get("minLength", 0) <= len(value) <= longest or "\0" in value:
        return False
    return "pattern" not in schema or _pattern(schema["pattern"]).search(value) is not None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """JSON Schema's `$` is the very end; Python's also stands before a line feed there."""
    return re.compile(re.sub(r"\$$", r"\\Z", text))
