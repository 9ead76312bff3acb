"""What I9 must not take for a violation."""

from dataclasses import replace

from bench.audit.history import Answer, Operation
from tests.unit.audit.sound_shop import BUYER, Shop, sound_shop
from tests.unit.audit.test_planted_violations import deposited, read


def look_at_wallet(cents: int) -> Operation:
    answers = (Answer(200, {"balance_cents": cents}),)
    return Operation(20, "payments.read", BUYER, None, {}, "ok", answers, 8.0, 9.0)


def paid_in(shop: Shop) -> Shop:
    deposit = deposited(10, "k", "ok", 201)
    answers = (Answer(201, {"balance_cents": 50}),)
    return shop.heard(replace(deposit, answers=answers, invoked_s=4.0, completed_s=5.0))


def test_a_read_that_began_before_the_write_was_answered_may_see_what_was() -> None:
    shop = sound_shop().heard(read(9, "undone", 200, "confirmed", at_s=0.5))
    assert shop.audit()["I9"].outcome == "valid"


def test_a_read_without_an_answer_says_nothing() -> None:
    lost = replace(read(9, "bought", 0, ""), outcome="info", answers=(Answer(0, None, "timeout"),))
    checked = sound_shop().audit()["I9"].checked
    verdict = sound_shop().heard(lost).audit()["I9"]
    assert (verdict.outcome, verdict.checked) == ("valid", checked)


def test_a_balance_is_judged_only_while_no_other_money_can_move() -> None:
    shop = paid_in(sound_shop())
    assert shop.heard(look_at_wallet(49)).audit()["I9"].outcome == "violated"
    unclear = replace(deposited(8, "earlier", "info", 503), invoked_s=2.0, completed_s=3.0)
    assert shop.heard(unclear, look_at_wallet(49)).audit()["I9"].outcome == "valid"


def test_an_order_accepted_with_202_may_be_charged_later() -> None:
    accepted = Answer(202, {"id": "late", "status": "pending"})
    order = Operation(8, "orders.place", BUYER, "k8", {"items": []}, "ok", (accepted,), 2.0, 3.0)
    shop = paid_in(sound_shop().heard(order)).heard(look_at_wallet(1))
    messages = [each.message for each in shop.audit()["I9"].evidence]
    assert messages == []
