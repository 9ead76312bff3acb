"""The operations of openapi.yaml as a table: what a check over all of them needs."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from bench.contract.openapi import load_openapi

Auth = Literal["none", "user", "staff"]
METHODS = ("get", "post", "put", "patch", "delete")
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Operation:
    """One operation. `has_body` and `needs_body` differ only where the body may be left out."""

    id: str
    method: str
    template: str
    component: str
    auth: Auth
    keyed: bool
    has_body: bool
    needs_body: bool
    query: tuple[str, ...]

    @property
    def has_path_id(self) -> bool:
        return "{" in self.template

    def path(self, resource_id: str) -> str:
        """The concrete path, with `resource_id` where the template has its parameter."""
        return re.sub(r"\{\w+\}", resource_id, self.template)


@cache
def all_operations() -> tuple[Operation, ...]:
    """Every operation, in the contract's order."""
    return tuple(
        _operation(template, method, node, item.get("parameters", []))
        for template, item in load_openapi()["paths"].items()
        for method, node in item.items()
        if method in METHODS
    )


def operation(operation_id: str) -> Operation:
    """The operation with this operationId."""
    return next(item for item in all_operations() if item.id == operation_id)


@cache
def methods_by_template() -> dict[str, frozenset[str]]:
    """Path template -> the methods it has, in capitals."""
    return {
        template: frozenset(method.upper() for method in item if method in METHODS)
        for template, item in load_openapi()["paths"].items()
    }


def template_of(path: str) -> str | None:
    """The template that a concrete path (without query) matches; None if it is no route."""
    return next((template for template, form in _forms() if form.fullmatch(path)), None)


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (template, re.compile(re.sub(r"\{\w+\}", UUID_PATTERN, template)))
        for template in sorted(load_openapi()["paths"], key=lambda text: "{" in text)
    )


def _operation(template: str, method: str, node: Any, shared: list[Any]) -> Operation:
    names = [ref["$ref"].rsplit("/", 1)[1] for ref in [*shared, *node.get("parameters", [])]]
    parameters = load_openapi()["components"]["parameters"]
    body = node.get("requestBody")
    return Operation(
        id=node["operationId"],
        method=method.upper(),
        template=template,
        component=node["tags"][0],
        auth=_auth(node["security"]),
        keyed="IdempotencyKey" in names,
        has_body=body is not None,
        needs_body=body is not None and body["required"],
        query=tuple(parameters[n]["name"] for n in names if parameters[n]["in"] == "query"),
    )


def _auth(security: list[dict[str, list[str]]]) -> Auth:
    if not security:
        return "none"
    return "staff" if "staff" in security[0]["userToken"] else "user"
