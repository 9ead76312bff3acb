"""What is inconsistent at one moment while a shop works: I5-I8, as a reader sees them. Pure.

Databases cannot be read at one instant. So orders are read before and after everything else, and
only those that did not change in between are judged: of these order, money and stock really stood
like that together. `sampler` reads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.audit.settlement import FINAL_STATUSES

INVARIANTS = ("I5", "I6", "I7", "I8")


@dataclass(frozen=True, slots=True)
class OrderState:
    """Status, and ages in seconds when it was read."""

    status: str
    age_s: float
    unchanged_s: float


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something inconsistent: which invariant, what, of which order or row, how old."""

    invariant: str
    what: str
    subject: str
    age_s: float


@dataclass(frozen=True)
class Reading:
    """One look. None: that database did not answer, so nothing that needs it is judged.

    `captured`: orders with captured money. `units`: states of the reserved lines by order.
    `undelivered`: age in seconds of the oldest event of each order. `broken_stock`,
    `broken_money`: rows whose own sums are wrong.
    """

    before: Mapping[str, OrderState] | None = None
    after: Mapping[str, OrderState] | None = None
    captured: frozenset[str] | None = None
    units: Mapping[str, frozenset[str]] | None = None
    undelivered: Mapping[str, float] | None = None
    broken_stock: tuple[str, ...] | None = None
    broken_money: tuple[str, ...] | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


def anomalies_of(reading: Reading) -> list[Anomaly]:
    """List what is inconsistent, one entry for each invariant and order or row at the most."""
    found = [
        *(Anomaly("I5", "stock counters disagree", row, 0.0) for row in reading.broken_stock or ()),
        *(Anomaly("I6", "ledger does not add up", row, 0.0) for row in reading.broken_money or ()),
    ]
    for order_id, order in _unchanged(reading):
        if (what := _half_done(order_id, order, reading)) is not None:
            found.append(Anomaly("I7", what, order_id, order.unchanged_s))
        if (what := _not_final(order_id, order, reading)) is not None:
            age_s = order.age_s if order.status not in FINAL_STATUSES else order.unchanged_s
            found.append(Anomaly("I8", what, order_id, age_s))
    return found


def _unchanged(reading: Reading) -> Iterable[tuple[str, OrderState]]:
    if reading.before is None or reading.after is None:
        return
    for order_id, before in reading.before.items():
        after = reading.after.get(order_id)
        if after is not None and after.status == before.status:
            yield order_id, after


def _half_done(order_id: str, order: OrderState, reading: Reading) -> str | None:
    """I7: captured <=> confirmed, and units sold <=> confirmed."""
    confirmed = order.status == "confirmed"
    if reading.captured is not None and (order_id in reading.captured) != confirmed:
        return f"{order.status} order {'without its' if confirmed else 'holds'} money"
    if reading.units is None or order.status not in FINAL_STATUSES:
        return None
    states = reading.units.get(order_id, frozenset())
    if confirmed and states != {"sold"}:
        return "confirmed order, units not sold"
    if not confirmed and states - {"released"}:
        return f"{order.status} order holds units"
    return None


def _not_final(order_id: str, order: OrderState, reading: Reading) -> str | None:
    """I8: an order, its units and its events are final."""
    if order.status not in FINAL_STATUSES:
        return f"{order.status} order"
    if reading.units is not None and "reserved" in reading.units.get(order_id, ()):
        return f"{order.status} order with reserved units"
    if reading.undelivered is not None and order_id in reading.undelivered:
        return f"{order.status} order with an undelivered event"
    return None
