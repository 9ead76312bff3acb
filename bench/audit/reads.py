"""I9: what a client has written it can read, and a status moves along legal edges only.

Judged from the history: a read that began after a write of the same person was answered; and what
was seen last against what is stored in the end.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from bench.audit.findings import Findings
from bench.audit.history import History, Operation
from bench.audit.rows import OrderRow, Snapshot

_LATER: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"pending", "confirmed", "rejected", "cancelled"}),
    "confirmed": frozenset({"confirmed", "cancelled"}),
    "cancelled": frozenset({"cancelled"}),
    "rejected": frozenset({"rejected"}),
}
_MONEY = frozenset({"orders.place", "orders.cancel", "payments.deposit"})


def check_reads(snapshot: Snapshot, history: History) -> Findings:
    """I9: read your writes; status moves along legal edges only."""
    findings = Findings()
    by_person: dict[str, list[Operation]] = defaultdict(list)
    for operation in history.operations:
        by_person[operation.user_id].append(operation)
    stored = {order.order_id: order for order in snapshot.orders}
    for operations in by_person.values():
        _check_orders(findings, operations, stored)
        _check_wallet(findings, operations)
    return findings


def _check_orders(
    findings: Findings, operations: list[Operation], stored: Mapping[str, OrderRow]
) -> None:
    """Every sight of an order, by when it was asked for, against all that were over by then."""
    sights: dict[str, list[tuple[Operation, str]]] = defaultdict(list)
    for operation in operations:
        if (seen := _sight(operation)) is not None:
            order_id, status = seen
            if operation.name == "orders.read":
                _check_sight(findings, operation, status, sights[order_id])
            if status in _LATER:
                sights[order_id].append((operation, status))
    for order_id, seen_statuses in sights.items():
        order = stored.get(order_id)  # one that is lost is I1's
        if order is not None:
            findings.checked += 1
            if any(order.status not in _LATER[status] for _, status in seen_statuses):
                findings.broken("order's stored status lies before one that was seen", order)


def _sight(operation: Operation) -> tuple[str, str] | None:
    """(order id, status seen); of a read that found nothing the status is `missing`."""
    if operation.completed_s is None or not operation.answers:
        return None
    answer = operation.answers[-1]
    if operation.name == "orders.read" and answer.status == 404:
        return str(operation.arguments["order_id"]), "missing"
    if not answer.is_success or not isinstance(answer.body, Mapping):
        return None
    if operation.name in {"orders.place", "orders.read", "orders.cancel"}:
        return str(answer.body.get("id")), str(answer.body.get("status"))
    return None


def _check_sight(
    findings: Findings, read: Operation, status: str, earlier: list[tuple[Operation, str]]
) -> None:
    over = [one for one in earlier if (one[0].completed_s or read.invoked_s) < read.invoked_s]
    if not over:
        return
    findings.checked += 1
    if status == "missing":
        findings.broken("own order is not found", _told(read), {"seen": over[-1][1]})
    elif any(status not in _LATER[was] for _, was in over):
        seen = [was for _, was in over]
        findings.broken("order's status went back", _told(read), {"seen": seen, "now": status})


def _check_wallet(findings: Findings, operations: list[Operation]) -> None:
    """The balance after an own deposit, while nothing else of this person is open."""
    balance: int | None = None
    unsettled = False
    for operation in sorted(operations, key=lambda each: each.invoked_s):
        if operation.name == "payments.read":
            answer = operation.answers[-1] if operation.answers else None
            if balance is None or unsettled or answer is None or answer.status != 200:
                continue
            findings.checked += 1
            if answer.body != {"balance_cents": balance}:
                findings.broken(
                    "own deposit is not in the wallet", _told(operation),
                    {"expected": balance, "read": answer.body},
                )  # fmt: skip
        elif operation.name in _MONEY:
            unsettled = unsettled or _may_go_on(operation)
            balance = _balance(operation)


def _may_go_on(operation: Operation) -> bool:
    """Whether money may still move after the answer: unknown outcome, or accepted with 202."""
    pending = any(answer.status == 202 for answer in operation.answers)
    return operation.outcome == "info" or pending


def _balance(operation: Operation) -> int | None:
    if operation.name != "payments.deposit" or operation.success is None:
        return None
    body = operation.success.body
    cents = body.get("balance_cents") if isinstance(body, Mapping) else None
    return cents if isinstance(cents, int) else None


def _told(operation: Operation) -> dict[str, Any]:
    answer = operation.answers[-1] if operation.answers else None
    return {
        "operation": operation.name,
        "user_id": operation.user_id,
        **operation.arguments,
        "status": answer.status if answer else 0,
    }
