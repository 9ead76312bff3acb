"""The audit against real databases: it believes rows and history, and nothing it cannot read."""

import uuid
from pathlib import Path

from bench.audit.history import Answer, HistoryRecorder
from bench.audit.judge import audit
from bench.experiments.consistency.client import item
from tests.integration.reliability.lab import Lab, RunningShop


def test_a_day_of_trade_is_valid_and_something_was_checked(shop: RunningShop) -> None:
    product = shop.client(shop.staff).create_product(quantity=10, price_cents=100)
    person = shop.newcomer()
    buyer = shop.client(person)
    buyer.deposit(900)
    kept = buyer.place([item(product, 2)])
    undone = buyer.place([item(product)])
    buyer.cancel(undone.body["id"])
    assert buyer.place([item(product, 9)]).body["code"] == "out_of_stock"
    assert buyer.place([item(product, 8)]).body["code"] == "insufficient_funds"
    shop.client(shop.staff).restock(product, 3)
    shop.assert_sound()
    assert all(verdict.checked for verdict in shop.audit().verdicts)
    assert kept.final.status == 201
    assert buyer.look_at_order(kept.body["id"]).body["status"] == "confirmed"
    assert shop.ledger_wallets()[person.user_id] == 700
    assert buyer.read("/wallet").body == {"balance_cents": 700}


def test_an_acknowledged_order_that_was_never_stored_is_a_violation(
    shop: RunningShop, tmp_path: Path
) -> None:
    order_id, key = str(uuid.uuid4()), str(uuid.uuid4())
    with HistoryRecorder(tmp_path / "history.jsonl") as recorder:
        number = recorder.invoke(
            "orders.place", user_id=shop.staff.user_id, key=key, arguments={"items": []}
        )
        recorder.complete(number, [Answer(202, {"id": order_id})], keyed=True)
    report = audit(shop.dsns, recorder.path)
    assert {v.invariant for v in report.verdicts if v.outcome == "violated"} == {"I1"}
    assert order_id in str(report)


def test_what_a_dead_database_held_is_unknown_not_valid(lab: Lab) -> None:
    shop = lab.shop("microservices")
    with lab.distrusted_on_failure("microservices"):
        shop.deployment.hold("db:payments")
        shop.deployment.kill("db:payments")
        verdicts = {verdict.invariant: verdict.outcome for verdict in shop.audit().verdicts}
        shop.deployment.release("db:payments")
        assert verdicts.pop("I5") == "valid"
        assert verdicts.pop("I10") == "valid"
        assert verdicts.pop("I3") == "valid"
        assert verdicts.pop("I9") == "valid"
        assert set(verdicts.values()) == {"unknown"}
        shop.assert_sound()
