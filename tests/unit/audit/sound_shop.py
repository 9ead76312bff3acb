"""A small shop in which every invariant holds, and tools to break one thing in it."""

from dataclasses import dataclass, replace
from typing import Any

from bench.audit.history import Answer, History, Operation, Outcome
from bench.audit.judge import judge
from bench.audit.report import AuditReport
from bench.audit.rows import (
    IdempotencyRow,
    LedgerRow,
    OrderLineRow,
    OrderRow,
    PaymentRow,
    ReservationRow,
    Snapshot,
    StockRow,
)

NOW = "2026-01-01T00:00:00Z"
BUYER = "buyer"
PLACED = "/api/v1/orders"


def order(name: str, status: str, **changes: Any) -> OrderRow:
    row = OrderRow(name, BUYER, status, None, 300, f"pay-{name}", f"key-{name}", NOW, NOW)
    return replace(row, **changes)


def line(name: str) -> OrderLineRow:
    return OrderLineRow(name, "tea", "Green tea", 150, 2)


def payment(name: str, status: str) -> PaymentRow:
    return PaymentRow(f"pay-{name}", name, BUYER, 300, status, NOW)


def transfer(name: str, kind: str, to: str, out_of: str, cents: int) -> tuple[LedgerRow, LedgerRow]:
    order_id = None if kind == "deposit" else name
    transfer_id = f"{kind}-{name}"
    return (
        LedgerRow(f"{transfer_id}-1", transfer_id, kind, to, cents, order_id, NOW),
        LedgerRow(f"{transfer_id}-2", transfer_id, kind, out_of, -cents, order_id, NOW),
    )


def placed(number: int, name: str, answer: Answer, **changes: Any) -> Operation:
    outcome: Outcome = "ok" if answer.is_success else "fail"
    arguments = {"items": [{"product_id": "tea", "quantity": 2}]}
    row = Operation(
        number, "orders.place", BUYER, f"key-{name}", arguments, outcome, (answer,), 0.0, 1.0
    )
    return replace(row, **changes)


def confirmed_body(name: str) -> dict[str, Any]:
    item = {"product_id": "tea", "name": "Green tea", "unit_price_cents": 150, "quantity": 2}
    return {
        "id": name,
        "status": "confirmed",
        "items": [item],
        "total_cents": 300,
        "payment_id": f"pay-{name}",
    }


@dataclass(frozen=True)
class Shop:
    """What an audit reads: the databases' rows and the client's history."""

    rows: Snapshot
    history: History

    def audit(self) -> AuditReport:
        return judge(self.rows, self.history)

    def with_rows(self, **changes: Any) -> "Shop":
        return replace(self, rows=replace(self.rows, **changes))

    def changed(self, table: str, row_number: int, **changes: Any) -> "Shop":
        """Change one row of one table."""
        rows = list(getattr(self.rows, table))
        rows[row_number] = replace(rows[row_number], **changes)
        return self.with_rows(**{table: tuple(rows)})

    def without(self, table: str, row_number: int) -> "Shop":
        rows = list(getattr(self.rows, table))
        del rows[row_number]
        return self.with_rows(**{table: tuple(rows)})

    def plus(self, table: str, *new: Any) -> "Shop":
        return self.with_rows(**{table: (*getattr(self.rows, table), *new)})

    def heard(self, *operations: Operation) -> "Shop":
        """Add operations to what the client saw."""
        return replace(self, history=History((*self.history.operations, *operations)))

    def heard_instead(self, number: int, **changes: Any) -> "Shop":
        operations = [
            replace(operation, **changes) if operation.number == number else operation
            for operation in self.history.operations
        ]
        return replace(self, history=History(tuple(operations)))


def sound_shop() -> Shop:
    """One order bought, one cancelled, one refused for lack of money, a deposit and a restock."""
    refused = Answer(402, {"code": "insufficient_funds"})
    history = History(
        (
            Operation(
                1, "payments.deposit", BUYER, "key-d", {"amount_cents": 700}, "ok",
                (Answer(201, {"balance_cents": 700}),), 0.0, 1.0,
            ),
            placed(2, "bought", Answer(201, confirmed_body("bought"))),
            placed(3, "undone", Answer(201, confirmed_body("undone"))),
            Operation(
                4, "orders.cancel", BUYER, "key-c", {"order_id": "undone"}, "ok",
                (Answer(200, {"id": "undone", "status": "cancelled"}),), 0.0, 1.0,
            ),
            placed(5, "refused", refused),
            Operation(
                6, "inventory.restock", "staff", "key-r", {"product_id": "tea", "quantity": 5},
                "ok", (Answer(201, {"product_id": "tea", "available": 13}),), 0.0, 1.0,
            ),
        )
    )  # fmt: skip
    rows = Snapshot(
        orders=(
            order("bought", "confirmed"),
            order("undone", "cancelled"),
            order("refused", "rejected", reason="insufficient_funds", payment_id=None),
        ),
        order_lines=(line("bought"), line("undone"), line("refused")),
        payments=(payment("bought", "captured"), payment("undone", "refunded")),
        ledger=(
            *transfer("d", "deposit", f"wallet:{BUYER}", "external", 700),
            *transfer("bought", "capture", "merchant", f"wallet:{BUYER}", 300),
            *transfer("undone", "capture", "merchant", f"wallet:{BUYER}", 300),
            *transfer("undone", "refund", f"wallet:{BUYER}", "merchant", 300),
        ),
        stock=(StockRow("tea", 10, 5, 2, 13, 0),),
        reservations=(
            ReservationRow("bought", "tea", 2, "sold"),
            ReservationRow("undone", "tea", 2, "released"),
            ReservationRow("refused", "tea", 2, "released"),
        ),
        idempotency=(
            IdempotencyRow(BUYER, "POST", PLACED, "key-bought", "f", 201, "bought", NOW),
            IdempotencyRow(BUYER, "POST", PLACED, "key-undone", "f", 201, "undone", NOW),
        ),
    )
    return Shop(rows, history)
