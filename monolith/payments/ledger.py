"""The double entry: which two accounts a transfer moves money between. Pure."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["deposit", "capture", "refund"]

EXTERNAL = "external"
MERCHANT = "merchant"


@dataclass(frozen=True)
class Legs:
    """`amount_cents` leaves `debit` and arrives at `credit`."""

    debit: str
    credit: str


def wallet_account(user_id: UUID | str) -> str:
    return f"wallet:{user_id}"


def legs_of(kind: Kind, user_id: UUID | str) -> Legs:
    """The accounts of a transfer of one user."""
    wallet = wallet_account(user_id)
    if kind == "deposit":
        return Legs(EXTERNAL, wallet)
    if kind == "capture":
        return Legs(wallet, MERCHANT)
    return Legs(MERCHANT, wallet)
