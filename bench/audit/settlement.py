"""I7, I8 and I10: orders agree with their money and stock, all is final, totals are right."""

from collections.abc import Sequence

from bench.audit.findings import Findings, by_order
from bench.audit.rows import (
    OrderLineRow,
    OrderRow,
    PaymentRow,
    ReservationRow,
    Snapshot,
)

FINAL_STATUSES = frozenset({"confirmed", "cancelled", "rejected"})


def check_settlement(snapshot: Snapshot) -> Findings:
    """I7: captured <=> confirmed; cancelled or rejected => released and refunded."""
    findings = Findings(checked=len(snapshot.orders))
    payments, reservations = by_order(snapshot.payments), by_order(snapshot.reservations)
    lines = by_order(snapshot.order_lines)
    for order in snapshot.orders:
        paid, held = payments.get(order.order_id, []), reservations.get(order.order_id, [])
        if order.status == "confirmed":
            _check_confirmed_money(findings, order, paid)
            _check_confirmed_stock(findings, order, lines.get(order.order_id, []), held)
        elif order.status in FINAL_STATUSES:
            _check_undone(findings, order, paid, held)
    known = {order.order_id for order in snapshot.orders}
    for payment in snapshot.payments:
        if payment.status == "captured" and payment.order_id not in known:
            findings.broken("money is held for an order that does not exist", payment)
    for reservation in snapshot.reservations:
        if reservation.state != "released" and reservation.order_id not in known:
            findings.broken("stock is held for an order that does not exist", reservation)
    return findings


def _check_confirmed_money(
    findings: Findings, order: OrderRow, payments: Sequence[PaymentRow]
) -> None:
    captured = [payment for payment in payments if payment.status == "captured"]
    if len(captured) != 1:
        findings.broken("confirmed order without exactly one captured payment", order, *payments)
        return
    payment = captured[0]
    stored = (payment.payment_id, payment.amount_cents, payment.user_id)
    if stored != (order.payment_id, order.total_cents, order.user_id):
        findings.broken("confirmed order and its payment disagree", order, payment)


def _check_confirmed_stock(
    findings: Findings,
    order: OrderRow,
    lines: Sequence[OrderLineRow],
    reservations: Sequence[ReservationRow],
) -> None:
    wanted = sorted((line.product_id, line.quantity, "sold") for line in lines)
    stored = sorted((row.product_id, row.quantity, row.state) for row in reservations)
    if wanted != stored:
        findings.broken("confirmed order's lines are not exactly its sold units", order, stored)


def _check_undone(
    findings: Findings,
    order: OrderRow,
    payments: Sequence[PaymentRow],
    reservations: Sequence[ReservationRow],
) -> None:
    for payment in payments:
        if payment.status != "refunded":
            findings.broken(f"{order.status} order was not refunded", order, payment)
    for row in reservations:
        if row.state != "released":
            findings.broken(f"{order.status} order's units were not released", order, row)


def check_final(snapshot: Snapshot) -> Findings:
    """I8: nothing non-final once the shop has had its 30 s to settle."""
    findings = Findings(checked=len(snapshot.orders))
    for order in snapshot.orders:
        if order.status not in FINAL_STATUSES:
            findings.broken("order is not final", order)
    for row in snapshot.reservations:
        if row.state not in {"sold", "released"}:
            findings.broken("reservation is not final", row)
    for event in snapshot.outbox:
        findings.broken("outbox event is not delivered", event)
    for record in snapshot.idempotency:
        if record.status is None:
            findings.broken("idempotency key has no answer", record)
    return findings


def check_totals(snapshot: Snapshot) -> Findings:
    """I10: total = sum of quantity x price when ordered."""
    findings = Findings(checked=len(snapshot.orders))
    lines = by_order(snapshot.order_lines)
    for order in snapshot.orders:
        own = lines.get(order.order_id, [])
        if not own:
            findings.broken("order without lines", order)
        if order.total_cents is None:
            if order.status in {"confirmed", "cancelled"}:
                findings.broken(f"{order.status} order without a total", order)
            continue
        prices = [line.unit_price_cents for line in own]
        total = sum(
            line.quantity * line.unit_price_cents
            for line in own
            if line.unit_price_cents is not None
        )
        if None in prices or total != order.total_cents:
            findings.broken("total is not the sum of the lines", order, *own)
    return findings
