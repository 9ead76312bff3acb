"""I2 and I3: a definite failure had no effect, and one idempotency key had at most one."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bench.audit.acknowledged import deposits, restocked_units
from bench.audit.findings import Findings, by_order
from bench.audit.history import History, Operation
from bench.audit.rows import LedgerRow, OrderRow, Snapshot

MAY_HAVE_HAPPENED = {"ok", "info"}
ALL_OUTCOMES = {"ok", "info", "fail"}


def check_no_effect(snapshot: Snapshot, history: History) -> Findings:
    """I2: a definite failure moved no stock and no money."""
    findings = Findings()
    _check_failed_orders(findings, snapshot, history)
    _check_failed_cancellations(findings, snapshot, history)
    _check_failed_counts(findings, snapshot, history)
    return findings


def _check_failed_orders(findings: Findings, snapshot: Snapshot, history: History) -> None:
    orders: dict[tuple[str, str | None], list[OrderRow]] = defaultdict(list)
    for order in snapshot.orders:
        orders[order.user_id, order.idempotency_key].append(order)
    payments, ledger = by_order(snapshot.payments), by_order(snapshot.ledger)
    reservations = by_order(snapshot.reservations)
    # Another use of the same key may have succeeded: 20 at once, one wins, the others get
    # `idempotency_key_reused`. Only keys that failed in every use count as failures.
    succeeded = {
        (operation.user_id, operation.key)
        for operation in history.named("orders.place")
        if operation.outcome in MAY_HAVE_HAPPENED
    }
    for operation in history.named("orders.place"):
        if (operation.user_id, operation.key) in succeeded:
            continue
        findings.checked += 1
        for order in orders[operation.user_id, operation.key]:
            told = {
                "key": operation.key,
                "answers": [answer.status for answer in operation.answers],
            }
            if order.status != "rejected":
                findings.broken("failed order is not rejected", order, told)
            if any(payment.status == "captured" for payment in payments.get(order.order_id, ())):
                findings.broken("failed order holds money", order, told)
            if sum(
                entry.amount_cents
                for entry in ledger.get(order.order_id, ())
                if entry.account == "merchant"
            ):
                findings.broken("failed order moved money", order, told)
            if any(row.state != "released" for row in reservations.get(order.order_id, ())):
                findings.broken("failed order holds stock", order, told)


def _check_failed_cancellations(findings: Findings, snapshot: Snapshot, history: History) -> None:
    placed_here = {
        str(operation.success.body.get("id"))
        for operation in history.named("orders.place")
        if operation.success is not None and isinstance(operation.success.body, dict)
    }
    cancellable = {
        operation.arguments.get("order_id")
        for operation in history.named("orders.cancel")
        if operation.outcome in MAY_HAVE_HAPPENED
    }
    failed = {
        operation.arguments.get("order_id")
        for operation in history.named("orders.cancel")
        if operation.outcome == "fail"
    } - cancellable
    findings.checked += len(failed)
    for order in snapshot.orders:
        cancelled = order.order_id in failed & placed_here and order.status == "cancelled"
        if cancelled:
            findings.broken("order was cancelled although every cancellation failed", order)


def _check_failed_counts(findings: Findings, snapshot: Snapshot, history: History) -> None:
    """Equal deposits may number at most those that were, or may have been, accepted."""
    possible = deposits(history, MAY_HAVE_HAPPENED)
    tried = deposits(history, ALL_OUTCOMES)
    stored: dict[tuple[str, int], list[LedgerRow]] = defaultdict(list)
    for entry in snapshot.ledger:
        if entry.kind == "deposit":
            stored[entry.account, entry.amount_cents].append(entry)
    for wanted in tried:
        findings.checked += 1
        if len(stored[wanted]) > possible[wanted]:
            findings.broken(
                "more deposits than were accepted",
                *stored[wanted],
                {"accepted_at_most": possible[wanted]},
            )
    restocks = restocked_units(history, MAY_HAVE_HAPPENED)
    tried_restocks = restocked_units(history, ALL_OUTCOMES)
    for row in snapshot.stock:
        if row.product_id in tried_restocks:
            findings.checked += 1
            if row.restocked > restocks[row.product_id]:
                findings.broken(
                    "more units restocked than were accepted",
                    row,
                    {"accepted_at_most": restocks[row.product_id]},
                )


def check_one_effect_a_key(snapshot: Snapshot, history: History) -> Findings:
    """I3: at most one order for each idempotency key; a replay gave the same id and body."""
    findings = Findings()
    orders: dict[tuple[str, str], list[OrderRow]] = defaultdict(list)
    for order in snapshot.orders:
        if order.idempotency_key is not None:
            orders[order.user_id, order.idempotency_key].append(order)
    findings.checked += len(orders)
    for same_key in orders.values():
        if len(same_key) > 1:
            findings.broken("several orders for one idempotency key", *same_key)
    for scope, operations in _uses_of_keys(history):
        findings.checked += 1
        answers = [
            answer for operation in operations for answer in operation.answers if answer.is_recorded
        ]
        different = [
            answer
            for answer in answers[1:]
            if (answer.status, answer.body) != (answers[0].status, answers[0].body)
        ]
        if different:
            findings.broken("a replay gave another answer", scope, answers[0], *different)
    return findings


def _uses_of_keys(history: History) -> Iterator[tuple[dict[str, Any], list[Operation]]]:
    """Group operations by the scope of their key: user, operation with its path, key."""
    scopes: dict[tuple[str, ...], list[Operation]] = defaultdict(list)
    for operation in history.operations:
        if operation.key is not None:
            path_id = operation.arguments.get("order_id") or operation.arguments.get("product_id")
            scopes[operation.user_id, operation.name, str(path_id), operation.key].append(operation)
    for (user_id, name, path_id, key), operations in scopes.items():
        yield {"user_id": user_id, "operation": name, "path_id": path_id, "key": key}, operations
