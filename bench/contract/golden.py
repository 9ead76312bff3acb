"""Loads the golden vectors (golden.yaml, whose head describes them) into frozen data classes.

Domain tests of both arms and the contract suite read the vectors only through here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

GOLDEN_PATH = Path(__file__).with_name("golden.yaml")

Action = Literal["order", "cancel", "restock", "reprice", "deposit"]


@dataclass(frozen=True)
class Product:
    price_cents: int
    quantity: int


@dataclass(frozen=True)
class Line:
    product: str
    quantity: int


@dataclass(frozen=True)
class Step:
    """One thing that happens; only the fields of its action are set.

    order: lines. cancel: order_step. restock: product, amount (units). reprice: product, amount
    (cents). deposit: amount (cents).
    """

    action: Action
    lines: tuple[Line, ...] = ()
    order_step: int = -1
    product: str = ""
    amount: int = 0


@dataclass(frozen=True)
class OrderState:
    status: Literal["confirmed", "cancelled", "rejected"]
    reason: str | None
    total_cents: int
    unit_prices_cents: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    http: int
    code: str | None
    order: OrderState | None


@dataclass(frozen=True)
class Stock:
    initial: int
    restocked: int
    sold: int
    on_hand: int
    reserved: int


@dataclass(frozen=True)
class LedgerEntry:
    kind: Literal["deposit", "capture", "refund"]
    account: Literal["external", "merchant", "wallet"]
    amount_cents: int


@dataclass(frozen=True)
class Vector:
    name: str
    given_wallet_cents: int
    given_products: Mapping[str, Product]
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...]
    stock: Mapping[str, Stock]
    wallet_cents: int
    ledger: tuple[LedgerEntry, ...]


@cache
def load_vectors() -> tuple[Vector, ...]:
    """Read every vector of golden.yaml, in the file's order."""
    document = yaml.safe_load(GOLDEN_PATH.read_text(encoding="utf-8"))
    return tuple(_vector(raw) for raw in document["vectors"])


def _vector(raw: Mapping[str, Any]) -> Vector:
    given, then = raw["given"], raw["then"]
    return Vector(
        name=raw["name"],
        given_wallet_cents=given["wallet_cents"],
        given_products={alias: Product(**fields) for alias, fields in given["products"].items()},
        steps=tuple(_step(step) for step in raw["when"]),
        answers=tuple(_answer(answer) for answer in then["answers"]),
        stock={alias: Stock(**fields) for alias, fields in then["stock"].items()},
        wallet_cents=then["wallet_cents"],
        ledger=tuple(LedgerEntry(**entry) for entry in then["ledger"]),
    )


def _step(raw: Mapping[str, Any]) -> Step:
    match raw:
        case {"order": lines}:
            return Step("order", lines=tuple(Line(**line) for line in lines))
        case {"cancel": order_step}:
            return Step("cancel", order_step=order_step)
        case {"restock": product, "quantity": quantity}:
            return Step("restock", product=product, amount=quantity)
        case {"reprice": product, "price_cents": price_cents}:
            return Step("reprice", product=product, amount=price_cents)
        case {"deposit": amount_cents}:
            return Step("deposit", amount=amount_cents)
    raise ValueError(f"golden.yaml: not a step: {raw!r}")


def _answer(raw: Mapping[str, Any]) -> Answer:
    order = raw["order"]
    state = None
    if order is not None:
        state = OrderState(
            status=order["status"],
            reason=order["reason"],
            total_cents=order["total_cents"],
            unit_prices_cents=tuple(order["unit_prices_cents"]),
        )
    return Answer(http=raw["http"], code=raw["code"], order=state)
