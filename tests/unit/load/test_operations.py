"""Every answer is judged: status, then shape."""

from __future__ import annotations

import json

import pytest

from bench.contract.openapi import response_of
from bench.load.operations import OPERATIONS, Order, check_answer


def example_of(name: str) -> tuple[int, bytes]:
    """The contract's own example of an operation's first accepted answer."""
    operation = OPERATIONS[name]
    status = min(operation.statuses)
    response = response_of(operation.method, operation.route, status)
    assert response is not None
    return status, json.dumps(response["content"]["application/json"]["example"]).encode()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_contract_has_the_operation_and_each_accepted_status(name: str) -> None:
    operation = OPERATIONS[name]
    for status in operation.statuses:
        assert response_of(operation.method, operation.route, status) is not None


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_contracts_own_examples_have_the_right_shape(name: str) -> None:
    status, body = example_of(name)
    assert check_answer(OPERATIONS[name], status, body)[0] == ""


def test_an_order_is_handed_back_for_the_next_step() -> None:
    status, body = example_of("order")
    assert isinstance(check_answer(OPERATIONS["order"], status, body)[1], Order)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, b'{"code": "not_found"}', "status 404 not_found"),
        (503, b'{"code": "overloaded"}', "status 503 overloaded"),
        (500, b"<html>", "status 500"),
        (201, b'{"balance_cents": 1}', "status 201"),
        (200, b"", "shape"),
        (200, b"{}", "shape"),
        (200, b'{"balance_cents": "1"}', "shape"),
        (200, b'{"balance_cents": 1.5}', "shape"),
        (200, b'{"balance_cents": 1', "shape"),
        (200, b"\xff", "shape"),
    ],
)
def test_anything_else_is_a_failure_with_a_short_reason(
    status: int, body: bytes, reason: str
) -> None:
    assert check_answer(OPERATIONS["wallet_read"], status, body) == (reason, None)


def test_a_degraded_overview_is_a_failure_in_a_healthy_shop() -> None:
    status, body = example_of("overview")
    overview = {**json.loads(body), "degraded": ["orders"]}
    answer = check_answer(OPERATIONS["overview"], status, json.dumps(overview).encode())
    assert answer == ("degraded", None)
