"""Planted moments: what a reader may call inconsistent, and what it may not."""

import pytest

from bench.audit.transients import Anomaly, OrderState, Reading, anomalies_of

PENDING, CONFIRMED = OrderState("pending", 3.0, 3.0), OrderState("confirmed", 9.0, 2.0)
CANCELLED, REJECTED = OrderState("cancelled", 9.0, 1.0), OrderState("rejected", 9.0, 1.0)


def reading(order: OrderState, **seen: object) -> Reading:
    """One order that stays as it is during the look, and what was read in between."""
    found = {"captured": frozenset(), "units": {}, "undelivered": {}, **seen}
    return Reading(before={"o": order}, after={"o": order}, **found)  # type: ignore[arg-type]


def units(*states: str) -> dict[str, frozenset[str]]:
    return {"o": frozenset(states)}


CAPTURED = frozenset({"o"})
SOUND = [
    reading(CONFIRMED, captured=CAPTURED, units=units("sold")),
    reading(CANCELLED, units=units("released")),
    reading(REJECTED),
]


@pytest.mark.parametrize("sound", SOUND)
def test_a_settled_order_is_nothing(sound: Reading) -> None:
    assert anomalies_of(sound) == []


BROKEN = [
    (reading(PENDING), {"I8"}, 3.0),
    (reading(PENDING, captured=CAPTURED, units=units("reserved")), {"I7", "I8"}, 3.0),
    (reading(CONFIRMED, units=units("sold")), {"I7"}, 2.0),
    (reading(CONFIRMED, captured=CAPTURED, units=units("reserved")), {"I7", "I8"}, 2.0),
    (reading(CONFIRMED, captured=CAPTURED, units=units("sold", "released")), {"I7"}, 2.0),
    (reading(CONFIRMED, captured=CAPTURED), {"I7"}, 2.0),
    (reading(CANCELLED, captured=CAPTURED, units=units("released")), {"I7"}, 1.0),
    (reading(REJECTED, units=units("sold")), {"I7"}, 1.0),
    (
        reading(CONFIRMED, captured=CAPTURED, units=units("sold"), undelivered={"o": 2.0}),
        {"I8"},
        2.0,
    ),
]


@pytest.mark.parametrize(("broken", "invariants", "age_s"), BROKEN)
def test_a_half_done_order_is_seen_with_its_age(
    broken: Reading, invariants: set[str], age_s: float
) -> None:
    found = anomalies_of(broken)
    assert {each.invariant for each in found} == invariants
    assert {(each.subject, each.age_s) for each in found} == {("o", age_s)}


def test_an_order_that_changed_during_the_look_is_not_judged() -> None:
    """It was confirmed after the payments were read: no moment was inconsistent."""
    found = anomalies_of(
        Reading(before={"o": PENDING}, after={"o": CONFIRMED}, captured=CAPTURED, units={})
    )
    assert found == []


def test_an_order_that_is_gone_by_the_second_look_is_not_judged() -> None:
    assert anomalies_of(Reading(before={"o": PENDING}, after={}, captured=CAPTURED)) == []


def test_what_could_not_be_read_is_not_judged() -> None:
    half = Reading(before={"o": CONFIRMED}, after={"o": CONFIRMED}, captured=None, units=None)
    assert anomalies_of(half) == []
    assert anomalies_of(Reading(before={"o": PENDING}, after=None)) == []


def test_counters_and_ledger_are_seen_by_row() -> None:
    found = anomalies_of(Reading(broken_stock=("tea",), broken_money=("wallet:x", "the ledger")))
    assert found == [
        Anomaly("I5", "stock counters disagree", "tea", 0.0),
        Anomaly("I6", "ledger does not add up", "wallet:x", 0.0),
        Anomaly("I6", "ledger does not add up", "the ledger", 0.0),
    ]
