"""The same bodies to both arms: the same status, code and first field, nothing done in secret."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from bench.contract.conformance.client import Answer, Client
from bench.contract.conformance.operations import operation
from bench.contract.first_fault import first_fault
from tests.system.both_arms.bodies import Sent, generated
from tests.system.both_arms.pair import Arm, Effects, new_key

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

SEED, FEW, MANY = 13, 400, 10_000
MAX_BODY_BYTES = 65_536
SHOWN = 20


@dataclass(frozen=True)
class Told:
    """What an arm answered: what has to be the same in both."""

    status: int
    code: str
    field: str

    @classmethod
    def of(cls, answer: Answer) -> Told:
        body = answer.json() if answer.body else {}
        errors = body.get("errors") or [{"field": "-"}] if isinstance(body, dict) else []
        code = body.get("code", "") if isinstance(body, dict) else ""
        return cls(answer.status, code, errors[0]["field"] if answer.status == 422 else "")


def send(arm: Arm, client: Client, sent: Sent, number: int) -> Told:
    op = operation(sent.operation)
    path = op.path(arm.products[number % len(arm.products)])
    headers = [("Content-Type", "application/json")]
    if op.auth != "none":
        token = arm.staff if op.auth == "staff" else arm.customer
        headers.append(("Authorization", f"Bearer {token}"))
    if op.keyed:
        headers.append(("Idempotency-Key", new_key()))
    half = len(sent.body) // 2
    chunks = [part for part in (sent.body[:half], sent.body[half:]) if part]
    return Told.of(client.send(op.method, path, headers, chunks if sent.chunked else sent.body))


def told_by(arm: Arm, bodies: list[Sent]) -> list[Told]:
    client = arm.client()
    try:
        return [send(arm, client, sent, number) for number, sent in enumerate(bodies)]
    finally:
        client.close()


def expected_effects(bodies: list[Sent], told: list[Told]) -> Effects:
    """What the answers say was done."""
    done = Counter[str]()
    restocked = 0
    for sent, each in zip(bodies, told, strict=True):
        done[f"{sent.operation} {each.status}"] += 1
        if sent.operation == "restock_product" and each.status == 201:
            restocked += json.loads(sent.body)["quantity"]
    confirmed = done["create_order 201"] + done["create_order 202"]
    rejected = done["create_order 402"] + done["create_order 409"]
    return Effects(
        orders=confirmed + rejected,
        confirmed=confirmed,
        payments=confirmed,
        entries=2 * (confirmed + done["create_deposit 201"]),
        products=done["create_product 201"],
        restocked=restocked,
    )


def compare(pair: tuple[Arm, Arm], count: int) -> None:
    bodies = list(generated(SEED, count, pair[0].products))
    before = [arm.effects() for arm in pair]
    with ThreadPoolExecutor(len(pair)) as pool:
        first, second = pool.map(lambda arm: told_by(arm, bodies), pair)
    both = list(zip(bodies, first, second, strict=True))
    different = [f"{sent}: {a} {b}" for sent, a, b in both if a != b]
    assert not different, f"{len(different)} of {count}:\n" + "\n".join(different[:SHOWN])
    broken = [f"{sent}: {a}" for sent, a, _ in both if a.status >= 500]
    assert not broken, "\n".join(broken[:SHOWN])
    wrong = [f"{sent}: {told}" for sent, told, _ in both if not keeps_the_contract(sent, told)]
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:SHOWN])
    assert len({told.code for told in first}) > 4, "the bodies reach too little"
    for arm, then, told in zip(pair, before, (first, second), strict=True):
        assert arm.effects().since(then) == expected_effects(bodies, told), arm.name


def keeps_the_contract(sent: Sent, told: Told) -> bool:
    """Whether the schemas, too, say what both arms have answered."""
    if len(sent.body) > MAX_BODY_BYTES:
        return told.status == 413
    if sent.parsed is None:
        return True
    field = first_fault(sent.operation, sent.parsed)
    refused = told.code == "validation_failed"
    return not refused if field is None else refused and told.field == field


def test_some_hundred_bodies_are_answered_alike(pair: tuple[Arm, Arm]) -> None:
    compare(pair, FEW)


@pytest.mark.slow
def test_ten_thousand_bodies_are_answered_alike(pair: tuple[Arm, Arm]) -> None:
    compare(pair, MANY)


def test_the_bodies_are_the_same_for_the_same_seed(pair: tuple[Arm, Arm]) -> None:
    first, again = (list(generated(SEED, 50, pair[0].products)) for _ in range(2))
    assert first == again
    assert first != list(generated(SEED + 1, 50, pair[0].products))
