"""What is not a violation must stay valid, and what cannot be known must be `unknown`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.audit.history import Answer
from bench.audit.judge import INVARIANTS, audit, judge
from bench.audit.rows import OutboxRow, ReservationRow
from bench.audit.views import VIEWS
from tests.unit.audit.sound_shop import confirmed_body, line, order, placed, sound_shop

NOBODY = "postgresql://nobody@127.0.0.1:1/none"


def test_an_order_confirmed_and_later_cancelled_was_not_lost() -> None:
    assert sound_shop().audit()["I1"].outcome == "valid"


def test_an_unclear_operation_may_or_may_not_have_happened() -> None:
    unclear = Answer(0, None, "timeout")
    shop = sound_shop().heard(placed(9, "never stored", unclear, outcome="info"))
    shop = shop.heard_instead(2, outcome="info", answers=(unclear,))
    assert shop.audit().outcome == "valid"


def test_a_key_that_another_use_fulfilled_is_not_a_failure_with_effect() -> None:
    late = Answer(422, {"code": "idempotency_key_reused"})
    shop = sound_shop().heard(placed(9, "bought", late))
    assert shop.audit().outcome == "valid"


def test_equal_replays_are_valid() -> None:
    shop = sound_shop().heard(placed(9, "bought", Answer(201, confirmed_body("bought"))))
    assert shop.audit()["I3"].outcome == "valid"


def test_the_tombstone_of_an_order_never_made_visible_refers_to_nothing_lost() -> None:
    shop = sound_shop().plus("reservations", ReservationRow("ghost", "tea", 1, "released"))
    assert shop.audit()["I11"].outcome == "valid"


def test_the_release_of_an_order_never_made_visible_waits_and_refers_to_nothing_lost() -> None:
    event = OutboxRow("1", "inventory.release", "ghost", 2, "2026-01-01T00:00:00Z")
    report = sound_shop().plus("outbox", event).audit()
    assert (report["I8"].outcome, report["I11"].outcome) == ("violated", "valid")


def test_a_rejected_order_may_lack_total_and_a_known_product() -> None:
    unknown = order("odd", "rejected", reason="unknown_product", total_cents=None, payment_id=None)
    shop = sound_shop().plus("orders", unknown)
    shop = shop.plus("order_lines", replace(line("odd"), product_id="none", unit_price_cents=None))
    assert shop.audit().outcome == "valid"


@pytest.mark.parametrize("view", VIEWS)
def test_an_unreadable_view_makes_its_invariants_unknown_never_valid(view: str) -> None:
    shop = sound_shop()
    report = judge(replace(shop.rows, unreadable={view: "connection refused"}), shop.history)
    readers = {invariant.name for invariant in INVARIANTS if view in invariant.reads}
    assert readers
    assert {verdict.invariant for verdict in report.verdicts if verdict.outcome == "unknown"} == (
        readers
    )
    assert report.outcome == "unknown"
    assert "connection refused" in str(report)


def test_every_view_a_checker_uses_is_declared() -> None:
    """A checker that reads an undeclared view would call an unreadable one `valid`."""
    for invariant in INVARIANTS:
        undeclared: dict[str, Any] = dict.fromkeys(set(VIEWS) - set(invariant.reads))
        blind = replace(sound_shop().rows, **undeclared)
        if invariant.check is not None:
            assert not invariant.check(blind).evidence
        else:
            assert invariant.check_history is not None
            assert not invariant.check_history(blind, sound_shop().history).evidence


def test_without_a_history_its_invariants_are_unknown() -> None:
    report = judge(sound_shop().rows, None)
    unknown = {verdict.invariant for verdict in report.verdicts if verdict.outcome == "unknown"}
    assert unknown == {"I1", "I2", "I3", "I9"}


def test_databases_that_do_not_answer_are_unknown(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.touch()
    dsns = dict.fromkeys(("users", "inventory", "orders", "payments"), NOBODY)
    report = audit(dsns, history)
    assert {verdict.outcome for verdict in report.verdicts} == {"unknown"}


def test_a_database_that_was_not_given_is_unknown() -> None:
    assert {verdict.outcome for verdict in audit({}, None).verdicts} == {"unknown"}


def test_violated_outweighs_unknown() -> None:
    shop = sound_shop().changed("ledger", 0, amount_cents=1)
    report = judge(replace(shop.rows, unreadable={"stock": "gone"}), shop.history)
    assert report.outcome == "violated"


def test_the_report_prints_evidence_and_becomes_json() -> None:
    report = sound_shop().without("ledger", 0).audit()
    assert "a transfer is not two entries" in str(report)
    data = report.to_dict()
    assert data["schema_version"] == 1
    assert data["outcome"] == "violated"
    assert len(data["verdicts"]) == len(INVARIANTS)
