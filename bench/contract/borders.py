"""Loads the golden vectors of the borders (borders.yaml, whose head describes them)."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

BORDERS_PATH = Path(__file__).with_name("borders.yaml")


@dataclass(frozen=True)
class CursorVector:
    """A cursor that every shop writes and takes."""

    name: str
    sort: str
    value: str | int
    id: str
    cursor: str


@dataclass(frozen=True)
class RefusedCursor:
    """A cursor that no shop takes for a list in this sort."""

    name: str
    sort: str
    cursor: str


@dataclass(frozen=True)
class FirstFault:
    """A body, as JSON text, and the field that its refusal names first."""

    operation: str
    body: str
    field: str


@dataclass(frozen=True)
class QueryFault:
    """A query string, and the field that its refusal names first."""

    path: str
    query: str
    field: str


def load_cursors() -> tuple[CursorVector, ...]:
    return tuple(CursorVector(**raw) for raw in _document()["cursors"])


def load_refused_cursors() -> tuple[RefusedCursor, ...]:
    return tuple(RefusedCursor(**raw) for raw in _document()["refused_cursors"])


def load_first_faults() -> tuple[FirstFault, ...]:
    return tuple(FirstFault(**raw) for raw in _document()["first_faults"])


def load_query_faults() -> tuple[QueryFault, ...]:
    return tuple(QueryFault(**raw) for raw in _document()["query_faults"])


@cache
def _document() -> Any:
    return yaml.safe_load(BORDERS_PATH.read_text(encoding="utf-8"))
