"""I11: nothing refers to something that does not exist, across all databases."""

from bench.audit.findings import Findings
from bench.audit.rows import OrderLineRow, OutboxRow, PaymentRow, ReservationRow, Snapshot

ORDERS_PATH = "/api/v1/orders"


def check_references(snapshot: Snapshot) -> Findings:
    """I11: orders, lines, payments, ledger entries, reservations and keys refer to real rows."""
    findings = Findings()
    _check_orders_known(findings, snapshot)
    _check_products_known(findings, snapshot)
    _check_payments_known(findings, snapshot)
    return findings


def _check_orders_known(findings: Findings, snapshot: Snapshot) -> None:
    known = {order.order_id for order in snapshot.orders}
    owned: list[OrderLineRow | PaymentRow | OutboxRow] = [
        *snapshot.order_lines,
        *snapshot.payments,
        *snapshot.outbox,
    ]
    for row in owned:
        findings.checked += 1
        # The release of an order for an unknown product outlives that order.
        released = isinstance(row, OutboxRow) and row.topic.endswith("release")
        if row.order_id not in known and not released:
            findings.broken("row of an unknown order", row)
    for entry in snapshot.ledger:
        findings.checked += 1
        if entry.order_id is not None and entry.order_id not in known:
            findings.broken("ledger entry of an unknown order", entry)
    for reservation in snapshot.reservations:
        findings.checked += 1
        # A released reservation may outlive an order that was never made visible
        # (`unknown_product`): it is the tombstone that refuses a late `reserve`.
        if reservation.order_id not in known and reservation.state != "released":
            findings.broken("reservation of an unknown order", reservation)
    for record in snapshot.idempotency:
        placed = record.path == ORDERS_PATH and record.status in {201, 202}
        if placed:
            findings.checked += 1
            if record.resource_id not in known:
                findings.broken("idempotency record of an unknown order", record)


def _check_products_known(findings: Findings, snapshot: Snapshot) -> None:
    known = {stock.product_id for stock in snapshot.stock}
    # An order answered 202 may turn out to name a product that never was: its own reason says so.
    refused = {row.order_id for row in snapshot.orders if row.reason == "unknown_product"}
    rows: list[OrderLineRow | ReservationRow] = [*snapshot.order_lines, *snapshot.reservations]
    for row in rows:
        findings.checked += 1
        if row.product_id not in known and row.order_id not in refused:
            findings.broken("row of an unknown product", row)


def _check_payments_known(findings: Findings, snapshot: Snapshot) -> None:
    payments = {payment.payment_id: payment for payment in snapshot.payments}
    for order in snapshot.orders:
        if order.payment_id is None:
            continue
        findings.checked += 1
        payment = payments.get(order.payment_id)
        if payment is None:
            findings.broken("order of an unknown payment", order)
        elif (payment.order_id, payment.user_id) != (order.order_id, order.user_id):
            findings.broken("order refers to another order's payment", order, payment)
