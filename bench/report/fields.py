"""Table cells that can be sorted: what is read, what it sorts by, and a remark beside it.

Neighbours: `tables` and the sections fill tables with them, `macros.html` lays them out.
"""

from dataclasses import dataclass

from bench.journal import Verdict
from bench.report.naming import interval, number, percent


@dataclass(frozen=True)
class Field:
    """A table cell: what is read and what it sorts by."""

    text: str
    sort: float | str
    note: str = ""


def verdict_fields(verdict: Verdict) -> list[Field]:
    """Return question, ratio, interval, level, blocks, verdict, note."""
    ratio = f"×{number(verdict.estimate)}" if verdict.estimate is not None else "–"
    return [
        Field(verdict.question, verdict.id),
        Field(ratio, verdict.estimate if verdict.estimate is not None else -1.0),
        Field(
            interval(verdict.low, verdict.high),
            verdict.low or -1.0,
            percent(verdict.level) if verdict.low is not None else "",
        ),
        Field(str(verdict.n_blocks), verdict.n_blocks),
        Field(verdict.verdict, verdict.verdict),
        Field(verdict.note, verdict.note),
    ]
