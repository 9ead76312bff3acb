"""I1: what the client was told has happened is in the databases, as it was told.

Orders and cancellations one by one; deposits and restocks, which have no id of their own, by
counting equal amounts.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.audit.findings import Findings, by_order, items_of, quantities
from bench.audit.history import History, Operation
from bench.audit.rows import OrderLineRow, OrderRow, Snapshot

# A later cancellation is the one legal change of an order that was answered 201.
AFTER_CONFIRMED = frozenset({"confirmed", "cancelled"})


def check_acknowledged(snapshot: Snapshot, history: History) -> Findings:
    """I1: every acknowledged order is in the database, with the acknowledged content."""
    findings = Findings()
    orders = {order.order_id: order for order in snapshot.orders}
    lines = by_order(snapshot.order_lines)
    for operation in history.named("orders.place"):
        for body, status in _acknowledgements(operation):
            findings.checked += 1
            order = orders.get(str(body.get("id")))
            if order is None:
                findings.broken(
                    "acknowledged order is lost", {"answer": body, "key": operation.key}
                )
                continue
            _compare_request(findings, operation, order, lines.get(order.order_id, []))
            if status == 201:
                _compare_answer(findings, body, order, lines.get(order.order_id, []))
    _check_cancellations(findings, orders, history)
    _check_deposits(findings, snapshot, history)
    _check_restocks(findings, snapshot, history)
    return findings


def _acknowledgements(operation: Operation) -> list[tuple[Mapping[str, Any], int]]:
    return [
        (answer.body if isinstance(answer.body, Mapping) else {}, answer.status)
        for answer in operation.answers
        if answer.is_success
    ]


def _compare_request(
    findings: Findings, operation: Operation, order: OrderRow, lines: list[OrderLineRow]
) -> None:
    if order.user_id != operation.user_id or order.idempotency_key != operation.key:
        findings.broken("order belongs to another request", order, {"key": operation.key})
    asked = quantities(items_of(operation.arguments))
    stored = {line.product_id: line.quantity for line in lines}
    if asked != stored or len(stored) != len(lines):
        findings.broken("order holds other lines than were asked for", order, asked, stored)


def _compare_answer(
    findings: Findings, body: Mapping[str, Any], order: OrderRow, lines: list[OrderLineRow]
) -> None:
    if body.get("status") != "confirmed" or order.status not in AFTER_CONFIRMED:
        findings.broken("order answered 201 is not confirmed", order, {"answer": body})
    if (body.get("total_cents"), body.get("payment_id")) != (order.total_cents, order.payment_id):
        findings.broken("stored total or payment differs from the answer", order, {"answer": body})
    answered = {
        (item.get("product_id"), item.get("name"), item.get("unit_price_cents"))
        for item in body.get("items", ())
    }
    stored = {(line.product_id, line.name, line.unit_price_cents) for line in lines}
    if answered != stored:
        findings.broken("stored names or prices differ from the answer", order, {"answer": body})


def _check_cancellations(
    findings: Findings, orders: Mapping[str, OrderRow], history: History
) -> None:
    for operation in history.named("orders.cancel"):
        if operation.outcome != "ok":
            continue
        findings.checked += 1
        order = orders.get(str(operation.arguments.get("order_id")))
        if order is None or order.status != "cancelled":
            findings.broken("acknowledged cancellation is lost", order or dict(operation.arguments))


def _check_deposits(findings: Findings, snapshot: Snapshot, history: History) -> None:
    stored = Counter(
        (entry.account, entry.amount_cents)
        for entry in snapshot.ledger
        if entry.kind == "deposit" and entry.account.startswith("wallet:")
    )
    for wanted, count in deposits(history, {"ok"}).items():
        findings.checked += count
        if stored[wanted] < count:
            findings.broken(
                "acknowledged deposit is lost",
                {"account": wanted[0], "amount_cents": wanted[1]},
                {"acknowledged": count, "stored": stored[wanted]},
            )


def _check_restocks(findings: Findings, snapshot: Snapshot, history: History) -> None:
    stored = {stock.product_id: stock for stock in snapshot.stock}
    for product_id, units in restocked_units(history, {"ok"}).items():
        findings.checked += 1
        row = stored.get(product_id)
        if row is None or row.restocked < units:
            findings.broken(
                "acknowledged restock is lost", row or {"product_id": product_id}, {"units": units}
            )


def deposits(history: History, outcomes: set[str]) -> Counter[tuple[str, int]]:
    """Count deposits by (ledger account, amount); uses of one key count once."""
    distinct = {
        (f"wallet:{operation.user_id}", int(operation.arguments["amount_cents"]), operation.key)
        for operation in history.named("payments.deposit")
        if operation.outcome in outcomes
    }
    return Counter((account, amount) for account, amount, _ in distinct)


def restocked_units(history: History, outcomes: set[str]) -> Counter[str]:
    """Sum restocked units by product; uses of one key count once."""
    distinct = {
        (
            str(operation.arguments["product_id"]),
            int(operation.arguments["quantity"]),
            operation.key,
            operation.user_id,
        )
        for operation in history.named("inventory.restock")
        if operation.outcome in outcomes
    }
    units: Counter[str] = Counter()
    for product_id, quantity, _, _ in distinct:
        units[product_id] += quantity
    return units
