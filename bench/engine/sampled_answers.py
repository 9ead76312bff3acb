"""Holds sampled answers (1 % of the visits) against the contract's schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

import jsonschema

from bench.contract.openapi import response_of, standalone_schema
from bench.load.operations import OPERATIONS
from bench.load.plan import Sample


def schema_violations(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that break the contract. An answer the contract has not is a violation."""
    return [sample for sample in samples if not _conforms(sample)]


def _conforms(sample: Sample) -> bool:
    validator = _validator(sample.operation, sample.status)
    if validator is None:
        return False
    try:
        return bool(validator.is_valid(json.loads(sample.body)))
    except ValueError:
        return False


@cache
def _validator(operation: str, status: int) -> jsonschema.Draft202012Validator | None:
    wanted = OPERATIONS[operation]
    response = response_of(wanted.method, wanted.route, status)
    if response is None:
        return None
    content = response.get("content", {})
    media = content.get("application/json") or content.get("application/problem+json")
    return jsonschema.Draft202012Validator(standalone_schema(media["schema"])) if media else None
