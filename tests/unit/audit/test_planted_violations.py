"""Every invariant's checker must fail on each violation that is planted in a sound shop."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.audit.history import Answer, Operation, Outcome
from bench.audit.rows import IdempotencyRow, OutboxRow, ReservationRow
from tests.unit.audit.sound_shop import (
    BUYER,
    NOW,
    PLACED,
    Shop,
    confirmed_body,
    line,
    order,
    payment,
    placed,
    sound_shop,
    transfer,
)

Plant = Callable[[Shop], Shop]
BOUGHT, UNDONE, REFUSED = range(3)


def deposited(number: int, key: str, outcome: Outcome, status: int) -> Operation:
    answers = (Answer(status, {"code": "x"}),)
    return Operation(
        number, "payments.deposit", BUYER, key, {"amount_cents": 50}, outcome, answers, 0.0, 1.0
    )  # fmt: skip


def cancelled(number: int, order_id: str, outcome: Outcome) -> Operation:
    arguments = {"order_id": order_id}
    return Operation(number, "orders.cancel", BUYER, "k", arguments, outcome, (), 0.0, 1.0)


def read(number: int, order_id: str, status: int, seen: str, at_s: float = 2.0) -> Operation:
    """A look at an order, after everything the sound shop's client did."""
    answers = (Answer(status, {"id": order_id, "status": seen, "code": seen}),)
    outcome: Outcome = "ok" if status == 200 else "fail"
    arguments = {"order_id": order_id}
    return Operation(
        number, "orders.read", BUYER, None, arguments, outcome, answers, at_s, at_s + 1.0
    )


PLANTED: dict[str, list[tuple[str, Plant]]] = {
    "I1": [
        ("acknowledge before commit", lambda shop: shop.without("orders", BOUGHT)),
        ("order of another user", lambda shop: shop.changed("orders", BOUGHT, user_id="thief")),
        ("order lost its line", lambda shop: shop.without("order_lines", BOUGHT)),
        ("line twice", lambda shop: shop.plus("order_lines", line("bought"))),
        ("other quantity", lambda shop: shop.changed("order_lines", BOUGHT, quantity=1)),
        ("other price", lambda shop: shop.changed("order_lines", BOUGHT, unit_price_cents=149)),
        ("other name", lambda shop: shop.changed("order_lines", BOUGHT, name="Black tea")),
        ("other total", lambda shop: shop.changed("orders", BOUGHT, total_cents=299)),
        ("other payment", lambda shop: shop.changed("orders", BOUGHT, payment_id="pay-other")),
        ("201 but rejected", lambda shop: shop.changed("orders", BOUGHT, status="rejected")),
        ("201 but pending", lambda shop: shop.changed("orders", BOUGHT, status="pending")),
        ("cancellation lost", lambda shop: shop.changed("orders", UNDONE, status="confirmed")),
        ("202 lost", lambda shop: shop.heard(placed(9, "x", Answer(202, {"id": "x"})))),
        ("answer without a body", lambda shop: shop.heard(placed(9, "x", Answer(201, None)))),
        ("deposit lost", lambda shop: shop.heard(deposited(9, "new", "ok", 201))),
        ("restock lost", lambda shop: shop.changed("stock", 0, restocked=4)),
        ("restocked product lost", lambda shop: shop.without("stock", 0)),
    ],
    "I2": [
        (
            "refused order is confirmed",
            lambda shop: shop.changed("orders", REFUSED, status="confirmed"),
        ),
        (
            "refused order is pending",
            lambda shop: shop.changed("orders", REFUSED, status="pending"),
        ),
        ("money kept", lambda shop: shop.plus("payments", payment("refused", "captured"))),
        (
            "ledger moved",
            lambda shop: shop.plus(
                "ledger", *transfer("refused", "capture", "merchant", f"wallet:{BUYER}", 300)
            ),
        ),
        ("stock kept", lambda shop: shop.changed("reservations", REFUSED, state="reserved")),
        (
            "refused deposit was booked",
            lambda shop: shop.heard(deposited(9, "new", "fail", 422)).plus(
                "ledger", *transfer("n", "deposit", f"wallet:{BUYER}", "external", 50)
            ),
        ),
        (
            "deposit was booked twice",
            lambda shop: shop.plus(
                "ledger", *transfer("again", "deposit", f"wallet:{BUYER}", "external", 700)
            ),
        ),
        ("restocked twice", lambda shop: shop.changed("stock", 0, restocked=10)),
        (
            "refused cancellation took effect",
            lambda shop: shop.heard(cancelled(9, "bought", "fail")).changed(
                "orders", BOUGHT, status="cancelled"
            ),
        ),
    ],
    "I3": [
        (
            "retry without idempotency",
            lambda shop: shop.plus(
                "orders", order("twice", "confirmed", idempotency_key="key-bought")
            ),
        ),
        (
            "replay names another order",
            lambda shop: shop.heard(placed(9, "bought", Answer(201, confirmed_body("other")))),
        ),
        (
            "replay with another status",
            lambda shop: shop.heard(
                placed(9, "bought", Answer(402, {"code": "x"}), outcome="fail")
            ),
        ),
        (
            "replay inside one operation differs",
            lambda shop: shop.heard_instead(
                2, answers=(Answer(201, confirmed_body("bought")), Answer(201, {"id": "other"}))
            ),
        ),
    ],
    "I4": [
        (
            "charged twice",
            lambda shop: shop.plus(
                "payments", replace(payment("bought", "captured"), payment_id="2")
            ),
        ),
        (
            "money moved twice for one payment",
            lambda shop: shop.plus(
                "ledger",
                *(
                    replace(entry, transfer_id="again", entry_id=entry.entry_id + "again")
                    for entry in shop.rows.ledger[2:4]
                ),
            ),
        ),
        (
            "refund twice",
            lambda shop: shop.plus(
                "ledger",
                *(replace(entry, transfer_id="again") for entry in shop.rows.ledger[6:8]),
            ),
        ),
        (
            "part of the money moved",
            lambda shop: shop.changed("ledger", 2, amount_cents=200).changed(
                "ledger", 3, amount_cents=-200
            ),
        ),
    ],
    "I5": [
        ("read-modify-write of stock", lambda shop: shop.changed("stock", 0, on_hand=14)),
        ("oversold", lambda shop: shop.changed("stock", 0, on_hand=-1, sold=16)),
        ("promised more than there is", lambda shop: shop.changed("stock", 0, reserved=14)),
        ("reserved forgotten", lambda shop: shop.changed("reservations", UNDONE, state="reserved")),
        ("sold without an order", lambda shop: shop.changed("stock", 0, on_hand=12, sold=3)),
        ("negative restock", lambda shop: shop.changed("stock", 0, restocked=-5, on_hand=3)),
        ("reservation lost", lambda shop: shop.without("reservations", BOUGHT)),
    ],
    "I6": [
        ("one-sided entry", lambda shop: shop.without("ledger", 0)),
        ("entries do not cancel out", lambda shop: shop.changed("ledger", 0, amount_cents=701)),
        (
            "wallet overdrawn",
            lambda shop: shop.plus(
                "ledger", *transfer("big", "capture", "merchant", f"wallet:{BUYER}", 1000)
            ),
        ),
        (
            "money from nowhere",
            lambda shop: shop.plus("ledger", *transfer("x", "gift", "merchant", "external", 5)),
        ),
        (
            "three entries in a transfer",
            lambda shop: shop.plus(
                "ledger", replace(shop.rows.ledger[0], entry_id="3", amount_cents=0)
            ),
        ),
    ],
    "I7": [
        ("confirmed, never paid", lambda shop: shop.without("payments", BOUGHT)),
        ("confirmed, refunded", lambda shop: shop.changed("payments", BOUGHT, status="refunded")),
        (
            "confirmed for another sum",
            lambda shop: shop.changed("payments", BOUGHT, amount_cents=1),
        ),
        ("paid by another user", lambda shop: shop.changed("payments", BOUGHT, user_id="thief")),
        (
            "confirmed, not sold",
            lambda shop: shop.changed("reservations", BOUGHT, state="released"),
        ),
        ("confirmed, no stock taken", lambda shop: shop.without("reservations", BOUGHT)),
        ("cancelled, money kept", lambda shop: shop.changed("payments", UNDONE, status="captured")),
        ("cancelled, stock kept", lambda shop: shop.changed("reservations", UNDONE, state="sold")),
        ("rejected, paid", lambda shop: shop.plus("payments", payment("refused", "captured"))),
        ("rejected, sold", lambda shop: shop.changed("reservations", REFUSED, state="sold")),
        ("paid for nothing", lambda shop: shop.plus("payments", payment("ghost", "captured"))),
        (
            "stock for nothing",
            lambda shop: shop.plus("reservations", ReservationRow("ghost", "tea", 1, "reserved")),
        ),
    ],
    "I8": [
        ("pending for ever", lambda shop: shop.changed("orders", BOUGHT, status="pending")),
        ("compensating", lambda shop: shop.changed("orders", BOUGHT, status="compensating")),
        ("still reserved", lambda shop: shop.changed("reservations", BOUGHT, state="reserved")),
        (
            "event not delivered",
            lambda shop: shop.plus("outbox", OutboxRow("1", "settle", "bought", 3, NOW)),
        ),
        ("key without answer", lambda shop: shop.changed("idempotency", 0, status=None)),
    ],
    "I9": [
        ("own order not found", lambda shop: shop.heard(read(9, "bought", 404, "not_found"))),
        (
            "status went back",
            lambda shop: shop.heard(
                read(9, "bought", 200, "confirmed"), read(10, "bought", 200, "pending", at_s=4.0)
            ),
        ),
        ("own cancellation not seen", lambda shop: shop.heard(read(9, "undone", 200, "confirmed"))),
        (
            "stored status went back",
            lambda shop: shop.heard(read(9, "bought", 200, "cancelled")),
        ),
        (
            "own deposit not in the wallet",
            lambda shop: shop.heard(
                replace(
                    deposited(9, "k9", "ok", 201),
                    answers=(Answer(201, {"balance_cents": 750}),),
                    invoked_s=2.0,
                    completed_s=3.0,
                ),
                Operation(
                    10,
                    "payments.read",
                    BUYER,
                    None,
                    {},
                    "ok",
                    (Answer(200, {"balance_cents": 700}),),
                    4.0,
                    5.0,
                ),
            ),
        ),
    ],
    "I10": [
        ("total too low", lambda shop: shop.changed("orders", BOUGHT, total_cents=299)),
        ("no total", lambda shop: shop.changed("orders", BOUGHT, total_cents=None)),
        ("price unknown", lambda shop: shop.changed("order_lines", BOUGHT, unit_price_cents=None)),
        ("no lines", lambda shop: shop.without("order_lines", BOUGHT)),
    ],
    "I11": [
        ("line of no order", lambda shop: shop.plus("order_lines", line("ghost"))),
        ("payment of no order", lambda shop: shop.plus("payments", payment("ghost", "refunded"))),
        (
            "ledger of no order",
            lambda shop: shop.plus("ledger", *transfer("ghost", "capture", "merchant", "x", 1)),
        ),
        (
            "reservation of no order",
            lambda shop: shop.plus("reservations", ReservationRow("ghost", "tea", 1, "sold")),
        ),
        (
            "event of no order",
            lambda shop: shop.plus("outbox", OutboxRow("1", "settle", "ghost", 0, NOW)),
        ),
        (
            "key of no order",
            lambda shop: shop.plus(
                "idempotency", IdempotencyRow(BUYER, "POST", PLACED, "k", "f", 201, "ghost", NOW)
            ),
        ),
        ("product unknown", lambda shop: shop.without("stock", 0)),
        ("payment unknown", lambda shop: shop.changed("orders", BOUGHT, payment_id="ghost")),
        (
            "another order's payment",
            lambda shop: shop.changed("orders", BOUGHT, payment_id="pay-undone"),
        ),
    ],
}

CASES = [
    pytest.param(invariant, plant, id=f"{invariant} {name}")
    for invariant, plants in PLANTED.items()
    for name, plant in plants
]


def test_a_sound_shop_is_valid_in_every_invariant() -> None:
    report = sound_shop().audit()
    assert report.outcome == "valid", str(report)
    assert all(verdict.checked for verdict in report.verdicts)


@pytest.mark.parametrize(("invariant", "plant"), CASES)
def test_a_planted_violation_is_caught(invariant: str, plant: Plant) -> None:
    report = plant(sound_shop()).audit()
    verdict = report[invariant]
    assert verdict.outcome == "violated", str(report)
    assert verdict.evidence[0].rows or verdict.evidence[0].message
    assert report.outcome == "violated"


def test_every_invariant_has_planted_violations() -> None:
    assert set(PLANTED) == {verdict.invariant for verdict in sound_shop().audit().verdicts}
