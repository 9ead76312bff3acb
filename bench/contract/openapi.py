"""Reads openapi.yaml and problems.yaml once; schemas come out with their references resolvable."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

OPENAPI_PATH = Path(__file__).with_name("openapi.yaml")
PROBLEMS_PATH = Path(__file__).with_name("problems.yaml")


@cache
def load_openapi() -> Mapping[str, Any]:
    """Read the contract."""
    document: Mapping[str, Any] = yaml.safe_load(OPENAPI_PATH.read_text(encoding="utf-8"))
    return document


@cache
def load_problems() -> Mapping[str, Mapping[str, Any]]:
    """Read the problem codes: code -> status, title, type."""
    problems: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
        PROBLEMS_PATH.read_text(encoding="utf-8")
    )
    return problems


def resolve(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference, one level; anything else is returned as it is."""
    if "$ref" not in node:
        return node
    target: Any = load_openapi()
    for part in str(node["$ref"]).removeprefix("#/").split("/"):
        target = target[part]
    found: Mapping[str, Any] = target
    return found


def response_of(method: str, path: str, status: int) -> Mapping[str, Any] | None:
    """The response object of one operation and status; None if the contract has none."""
    operation = load_openapi()["paths"][path][method.lower()]
    if status == 405:
        return resolve({"$ref": "#/components/responses/MethodNotAllowed"})
    node = operation["responses"].get(str(status))
    return None if node is None else resolve(node)


def standalone_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with the contract's components beside it, so that a validator finds `$ref`s."""
    return {"allOf": [schema], "components": load_openapi()["components"]}
