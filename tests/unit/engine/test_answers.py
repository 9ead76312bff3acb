"""Sampled answers against the contract's schemas."""

from __future__ import annotations

import json

import pytest

from bench.contract.openapi import response_of
from bench.engine.sampled_answers import schema_violations
from bench.load.operations import OPERATIONS
from bench.load.plan import Sample


def example(name: str) -> tuple[int, dict[str, object]]:
    operation = OPERATIONS[name]
    status = min(operation.statuses)
    response = response_of(operation.method, operation.route, status)
    assert response is not None
    return status, response["content"]["application/json"]["example"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_contracts_own_examples_conform(name: str) -> None:
    status, body = example(name)
    assert not schema_violations([Sample(name, status, json.dumps(body).encode())])


def test_a_missing_member_an_extra_one_and_a_wrong_type_are_violations() -> None:
    status, body = example("product_read")
    samples = [
        {key: value for key, value in body.items() if key != "version"},
        {**body, "on_hand": 3},
        {**body, "price_cents": "450"},
    ]
    encoded = [Sample("product_read", status, json.dumps(each).encode()) for each in samples]
    assert len(schema_violations(encoded)) == 3


def test_what_is_no_json_or_has_a_status_the_contract_does_not_know_is_a_violation() -> None:
    assert schema_violations([Sample("wallet_read", 200, b"<html>")])
    assert schema_violations([Sample("wallet_read", 302, b"{}")])
