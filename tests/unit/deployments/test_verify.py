"""Verification must notice what differs, and a deployment that does not start is no pass."""

import pytest

from bench.contract.conformance import CaseResult
from bench.contract.journey import Entry
from bench.contract.seed import SeedSpec
from bench.deployments import verify
from bench.deployments.verify import Verdict, Verification, explain, verify_deployments
from bench.errors import ShopbenchError


def entry(number: int, status: int) -> Entry:
    return Entry(number, "place_order", "POST /orders", status, {"status": "confirmed"})


def result(outcome: str) -> CaseResult:
    return CaseResult("pays once", "money", "payments", outcome, "why", 0.1)


@pytest.fixture
def shops(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Entry]]:
    """Transcripts by address; every suite passes unless a test says otherwise."""
    transcripts: dict[str, list[Entry]] = {}
    monkeypatch.setattr(verify, "run_conformance", lambda *_, **__: [result("passed")])
    monkeypatch.setattr(verify, "run_journey", lambda url, **_: transcripts[url])
    return transcripts


def judge(*addresses: str) -> list[Verdict]:
    verification = Verification(SeedSpec(), lambda _: None)
    for address in addresses:
        verdict = Verdict(address)
        verification.judge(verdict, address, None)
        verification.verdicts.append(verdict)
    return verification.verdicts


def test_the_same_answers_are_a_pass(shops: dict[str, list[Entry]]) -> None:
    shops |= {"one": [entry(1, 201)], "two": [entry(1, 201)]}
    assert [verdict.ok for verdict in judge("one", "two")] == [True, True]


def test_a_different_answer_fails_the_later_one(shops: dict[str, list[Entry]]) -> None:
    shops |= {"one": [entry(1, 201)], "two": [entry(1, 202)]}
    first, second = judge("one", "two")
    assert (first.ok, second.ok, second.compared_with) == (True, False, "one")
    assert "step 1" in explain(second)[0]


def test_a_shorter_journey_fails(shops: dict[str, list[Entry]]) -> None:
    shops |= {"one": [entry(1, 201), entry(2, 200)], "two": [entry(1, 201)]}
    assert not judge("one", "two")[1].ok


def test_a_failed_case_fails(
    shops: dict[str, list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shops["one"] = []
    monkeypatch.setattr(verify, "run_conformance", lambda *_, **__: [result("failed")])
    (verdict,) = judge("one")
    assert not verdict.ok
    assert explain(verdict) == ["money: pays once: why"]


def test_a_deployment_that_does_not_start_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_, **__):
        raise ShopbenchError("no free ports")

    monkeypatch.setattr(verify, "open_at", refuse)
    (verdict,) = verify_deployments(["modular"], SeedSpec(), lambda _: None)
    assert (verdict.ok, verdict.error) == (False, "no free ports")


def test_two_names_of_one_topology_are_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(Verification, "check", lambda self, name: checked.append(name))
    verify_deployments(
        ["microservices", "orders|payments|users|inventory"], SeedSpec(), lambda _: None
    )
    assert checked == ["microservices"]
