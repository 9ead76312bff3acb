"""Which pairs are compared, and which cell stands for a mix or an operation.

Neighbours: `selection` groups trials into cells, `bench.results.paired.judge` asks paired rounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.report.naming import ALL, headline_operation
from bench.report.selection import Cell
from bench.stats.verdicts import Claim

PAIRS: tuple[tuple[str, str, Claim], ...] = (
    ("microservices", "monolith", "greater"),
    ("modular", "monolith", "different"),  # two frameworks: neither side is claimed
    ("modular-split", "modular", "greater"),
    ("microservices", "modular-split", "greater"),
)
NAMED_ROLES = ("product_read", "order", "overview", "mixed")


def reference_cell(cells: Iterable[Cell], mix: str) -> Cell | None:
    """Return the cell that stands for a mix: the middle of its loads (the lower of two)."""
    candidates = [cell for cell in cells if cell.mix == mix]
    if not candidates:
        return None
    ordered = sorted(candidates, key=lambda cell: cell.offered_rps)
    return ordered[(len(ordered) - 1) // 2]


def main_mix(cells: Sequence[Cell]) -> str | None:
    """Return `mixed` if it was measured, else the first mix with several operations, else any."""
    mixes = {cell.mix: len(cell.operations) for cell in cells}
    if "mixed" in mixes:
        return "mixed"
    return max(mixes, key=lambda mix: mixes[mix]) if mixes else None


def headline_cell(
    settings: Mapping[str, Any], cells: Sequence[Cell], role: str
) -> tuple[Cell, str] | None:
    """Return (cell, operation) that stands for a headline role, None if it was not measured.

    An operation's own mix comes before the mixed one: only there can CPU be told apart.
    """
    if role == "mixed":
        cell = reference_cell(cells, "mixed")
        return (cell, ALL) if cell else None
    operations = sorted({name for cell in cells for name in cell.operations})
    operation = headline_operation(role, operations, settings)
    own = next((c.mix for c in cells if operation and c.operations == [operation]), None)
    mix = own or main_mix([c for c in cells if operation in c.operations])
    cell = reference_cell(cells, mix) if mix else None
    if cell is None or operation is None:
        return None
    return cell, ALL if own else operation
