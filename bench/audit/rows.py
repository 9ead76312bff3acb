"""The rows of the audit views, as plain data: what `views` reads and what every checker judges.

Column names and their meaning are the contract's ('Audit views').
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OrderRow:
    order_id: str
    user_id: str
    status: str
    reason: str | None
    total_cents: int | None
    payment_id: str | None
    idempotency_key: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class OrderLineRow:
    order_id: str
    product_id: str
    name: str | None
    unit_price_cents: int | None
    quantity: int


@dataclass(frozen=True, slots=True)
class PaymentRow:
    payment_id: str
    order_id: str
    user_id: str
    amount_cents: int
    status: str
    created_at: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    entry_id: str
    transfer_id: str
    kind: str
    account: str
    amount_cents: int
    order_id: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class StockRow:
    product_id: str
    initial: int
    restocked: int
    sold: int
    on_hand: int
    reserved: int


@dataclass(frozen=True, slots=True)
class ReservationRow:
    order_id: str
    product_id: str
    quantity: int
    state: str


@dataclass(frozen=True, slots=True)
class IdempotencyRow:
    user_id: str
    method: str
    path: str
    key: str
    fingerprint: str
    status: int | None
    resource_id: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    event_id: str
    topic: str
    order_id: str | None
    attempts: int
    created_at: str


@dataclass(frozen=True)
class Snapshot:
    """Every audit row of one deployment; `unreadable` maps a view to why it could not be read."""

    orders: tuple[OrderRow, ...] = ()
    order_lines: tuple[OrderLineRow, ...] = ()
    payments: tuple[PaymentRow, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    stock: tuple[StockRow, ...] = ()
    reservations: tuple[ReservationRow, ...] = ()
    idempotency: tuple[IdempotencyRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
