"""Puts the checkers together: a snapshot and a history in, one `AuditReport` out.

A checker whose input could not be read gives `unknown`, never `valid`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.audit.acknowledged import check_acknowledged
from bench.audit.effects import check_no_effect, check_one_effect_a_key
from bench.audit.findings import Findings
from bench.audit.history import CorruptHistory, History, read_history
from bench.audit.money import check_ledger, check_one_capture
from bench.audit.reads import check_reads
from bench.audit.references import check_references
from bench.audit.report import AuditReport, Verdict
from bench.audit.rows import Snapshot
from bench.audit.settlement import check_final, check_settlement, check_totals
from bench.audit.stock import check_stock
from bench.audit.views import read_snapshot

SnapshotChecker = Callable[[Snapshot], Findings]
HistoryChecker = Callable[[Snapshot, History], Findings]


@dataclass(frozen=True)
class Invariant:
    """One row of the design's table: `reads` names the snapshot's fields that it judges."""

    name: str
    statement: str
    reads: tuple[str, ...]
    check: SnapshotChecker | None = None
    check_history: HistoryChecker | None = None


INVARIANTS = (
    Invariant(
        "I1",
        "every acknowledged order is in the database, with the acknowledged content",
        ("orders", "order_lines", "ledger", "stock"),
        check_history=check_acknowledged,
    ),
    Invariant(
        "I2",
        "a definite failure moved no stock and no money",
        ("orders", "payments", "ledger", "reservations", "stock"),
        check_history=check_no_effect,
    ),
    Invariant(
        "I3",
        "at most one order for each idempotency key; a replay gave the same id and body",
        ("orders",),
        check_history=check_one_effect_a_key,
    ),
    Invariant("I4", "at most one net capture an order", ("payments", "ledger"), check_one_capture),
    Invariant(
        "I5",
        "initial + restocked = on hand + sold; available = on hand - reserved >= 0",
        ("stock", "reservations"),
        check_stock,
    ),
    Invariant(
        "I6",
        "all ledger entries add up to zero; wallets >= 0; deposits = wallets + merchant",
        ("ledger",),
        check_ledger,
    ),
    Invariant(
        "I7",
        "captured <=> confirmed; cancelled or rejected => released and refunded",
        ("orders", "order_lines", "payments", "reservations"),
        check_settlement,
    ),
    Invariant(
        "I8",
        "nothing non-final 30 s after all components are back",
        ("orders", "reservations", "outbox", "idempotency"),
        check_final,
    ),
    Invariant(
        "I9",
        "read your writes; status moves along legal edges only",
        ("orders",),
        check_history=check_reads,
    ),
    Invariant(
        "I10",
        "total = sum of quantity x price when ordered",
        ("orders", "order_lines"),
        check_totals,
    ),
    Invariant(
        "I11",
        "no reference to something that does not exist",
        (
            "orders",
            "order_lines",
            "payments",
            "ledger",
            "stock",
            "reservations",
            "idempotency",
            "outbox",
        ),
        check_references,
    ),
)


def audit(database_dsns: Mapping[str, str], history: Path | History | None) -> AuditReport:
    """Judge a shop at rest from its databases (component -> DSN) and what its client saw."""
    snapshot = read_snapshot(database_dsns)
    if not isinstance(history, Path):
        return judge(snapshot, history, "no client history was given")
    try:
        return judge(snapshot, read_history(history), "")
    except CorruptHistory as error:
        return judge(snapshot, None, error.message)


def judge(
    snapshot: Snapshot, history: History | None, why_no_history: str = "no client history was given"
) -> AuditReport:
    """Judge rows that were already read. Pure: unit tests plant each violation here."""
    return AuditReport(
        tuple(_verdict(invariant, snapshot, history, why_no_history) for invariant in INVARIANTS)
    )


def _verdict(
    invariant: Invariant, snapshot: Snapshot, history: History | None, why_no_history: str
) -> Verdict:
    unreadable = [
        f"{name}: {snapshot.unreadable[name]}"
        for name in invariant.reads
        if name in snapshot.unreadable
    ]
    if invariant.check_history is not None and history is None:
        unreadable.append(why_no_history)
    if unreadable:
        return Verdict(invariant.name, invariant.statement, "unknown", reason="; ".join(unreadable))
    if invariant.check is not None:
        findings = invariant.check(snapshot)
    else:
        assert invariant.check_history is not None
        assert history is not None
        findings = invariant.check_history(snapshot, history)
    return Verdict(
        invariant.name,
        invariant.statement,
        "violated" if findings.evidence else "valid",
        checked=findings.checked,
        evidence=tuple(findings.evidence),
    )
