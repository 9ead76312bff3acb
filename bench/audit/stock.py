"""I5: the stock's counters agree with each other and with the reservations."""

from collections import Counter

from bench.audit.findings import Findings
from bench.audit.rows import Snapshot


def check_stock(snapshot: Snapshot) -> Findings:
    """I5: initial + restocked = on hand + sold; available = on hand - reserved >= 0."""
    findings = Findings(checked=len(snapshot.stock))
    units: Counter[tuple[str, str]] = Counter()
    for reservation in snapshot.reservations:
        units[reservation.product_id, reservation.state] += reservation.quantity
    for row in snapshot.stock:
        if row.initial + row.restocked != row.on_hand + row.sold:
            findings.broken("units appeared or vanished", row)
        if row.on_hand - row.reserved < 0:
            findings.broken("more is promised than there is", row)
        if min(row.initial, row.restocked, row.sold, row.on_hand, row.reserved) < 0:
            findings.broken("a counter is negative", row)
        for counter, state in ((row.reserved, "reserved"), (row.sold, "sold")):
            if counter != units[row.product_id, state]:
                findings.broken(
                    f"'{state}' differs from the reservations",
                    row,
                    {state: units[row.product_id, state]},
                )
    return findings
