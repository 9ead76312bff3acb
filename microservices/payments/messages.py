"""What goes in and out of payments: the public requests and answers, and those of its peers."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from microservices.chassis.operations import Id


class GetPayment(Struct, frozen=True, forbid_unknown_fields=True):
    payment_id: Id


class Deposit(Struct, frozen=True, forbid_unknown_fields=True):
    amount_cents: Annotated[int, Meta(ge=1, le=100_000_000)]


class Wallet(Struct, frozen=True):
    balance_cents: int


class Payment(Struct, frozen=True):
    id: str
    order_id: str
    amount_cents: int
    status: Literal["captured", "refunded"]
    created_at: datetime


class Charge(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id
    user_id: Id
    amount_cents: Annotated[int, Meta(ge=1, le=10**12)]


class ChargeOutcome(Struct, frozen=True):
    """`captured` (now or before), a definite refusal, or `void`: the order was refunded."""

    outcome: Literal["captured", "insufficient_funds", "void"]
    payment_id: str | None = None


class Refund(Struct, frozen=True, forbid_unknown_fields=True):
    order_id: Id


class Refunded(Struct, frozen=True):
    order_id: str
