"""The suite's own judge must refuse what the contract refuses: mutants of good answers fail."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench.contract.conformance.client import Answer
from bench.contract.conformance.expect import check_answer, equal, expect_problem
from bench.contract.conformance.registry import Case, run_case
from bench.contract.conformance.violations import CaseSkipped, ContractViolation
from bench.contract.conformance.world import World
from bench.contract.openapi import load_problems

HEADERS = {
    "X-Request-ID": "abc",
    "Server-Timing": "app;dur=1.5, db;dur=0.25",
    "Content-Type": "application/json",
}
WALLET = {"balance_cents": 5}


def answer(
    body: object = WALLET,
    *,
    status: int = 200,
    method: str = "GET",
    path: str = "/api/v1/wallet",
    headers: Mapping[str, str | None] | None = None,
) -> Answer:
    merged = {**HEADERS, **(headers or {})}
    kept = tuple((name, value) for name, value in merged.items() if value is not None)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(method, path, status, kept, raw)


def problem(code: str, **changes: Any) -> dict[str, Any]:
    return {**load_problems()[code], "code": code, "detail": "x", **changes}


PROBLEM_HEADERS = {"Content-Type": "application/problem+json"}


def refused(code: str, body: object = None, **more: Any) -> Answer:
    headers = {**PROBLEM_HEADERS, **more.pop("headers", {})}
    status = load_problems()[code]["status"]
    return answer(body or problem(code), status=status, headers=headers, **more)


@pytest.mark.parametrize(
    "good",
    [
        answer(),
        answer(headers={"Content-Type": "application/json; charset=utf-8"}),
        answer(b"", method="HEAD"),
        refused("unauthenticated"),
        refused("overloaded", headers={"Retry-After": "1"}),
        refused("not_found", path="/api/v1/nothing"),
        refused("method_not_allowed", method="POST", headers={"Allow": "GET, HEAD"}),
        answer({"status": "draining"}, status=503, path="/ready"),
    ],
)
def test_an_answer_of_the_contract_passes(good: Answer) -> None:
    assert check_answer(good) is good


@pytest.mark.parametrize(
    "bad",
    [
        answer(status=201),
        answer({"balance_cents": "5"}),
        answer({"balance_cents": 5, "more": 1}),
        answer({"balance_cents": -1}),
        answer({"balance_cents": 5.5}),
        answer(b"balance"),
        answer(headers={"X-Request-ID": None}),
        answer(headers={"X-Request-ID": "a b"}),
        answer(headers={"Server-Timing": None}),
        answer(headers={"Server-Timing": "app;dur=1"}),
        answer(headers={"Server-Timing": "app;dur=x, db;dur=1"}),
        answer(headers={"Content-Type": "text/html"}),
        answer(b"{}", method="HEAD"),
        refused("unauthenticated", headers={"Content-Type": "application/json"}),
        refused("unauthenticated", problem("unauthenticated", title="No")),
        refused("unauthenticated", problem("unauthenticated", status=400)),
        refused("unauthenticated", problem("forbidden")),
        refused("unauthenticated", problem("unauthenticated", trace="x")),
        refused("validation_failed"),
        refused("overloaded"),
        refused("forbidden"),
        refused("not_found"),
        refused("method_not_allowed", method="POST"),
        refused("method_not_allowed", method="POST", headers={"Allow": "GET, POST"}),
        answer(path="/api/v1/nothing"),
        answer(method="POST", status=201),
    ],
)
def test_an_answer_beside_the_contract_fails(bad: Answer) -> None:
    with pytest.raises(ContractViolation):
        check_answer(bad)


def test_a_problem_is_wanted_by_code_and_by_field() -> None:
    body = problem("validation_failed", errors=[{"field": "q", "message": "m"}])
    found = refused("validation_failed", body)
    expect_problem(found, "validation_failed", field="q")
    with pytest.raises(ContractViolation):
        expect_problem(found, "validation_failed", field="limit")
    with pytest.raises(ContractViolation):
        expect_problem(found, "unknown_product")


def test_true_is_not_one() -> None:
    with pytest.raises(ContractViolation):
        equal(True, 1, "x")


def run(function: Any) -> tuple[str, str]:
    result = run_case(Case("c", "a", "shop", function), World("http://127.0.0.1:1"))
    return result.outcome, result.detail


def violated(world: World) -> None:
    raise ContractViolation("seen")


def skipped(world: World) -> None:
    raise CaseSkipped("why")


def test_a_case_that_raises_has_failed_and_says_how() -> None:
    assert run(lambda world: None) == ("passed", "")
    assert run(violated) == ("failed", "seen")
    assert run(skipped) == ("skipped", "why")
    outcome, detail = run(lambda world: world.call("GET", "/wallet"))
    assert outcome == "failed"
    assert "ConnectionRefusedError" in detail
