"""Table cells that can be sorted: what is read, what it sorts by, and a remark beside it.

Neighbours: `tables` and the sections fill tables with them, `macros.html` lays them out.
"""

from dataclasses import dataclass

from bench.journal import Verdict
from bench.report.naming import interval, number, percent

_DECIDED = ("supported", "refuted", "no difference shown", "reached", "not reached")


@dataclass(frozen=True)
class Field:
    """A table cell: what is read and what it sorts by."""

    text: str
    sort: float | str
    note: str = ""


def verdict_fields(verdict: Verdict) -> list[Field]:
    """Return question, ratio, interval, level, blocks, verdict, note."""
    return [
        Field(verdict.question, verdict.id),
        Field(estimate_text(verdict), verdict.estimate if verdict.estimate is not None else -1.0),
        Field(
            interval(verdict.low, verdict.high),
            verdict.low or -1.0,
            percent(verdict.level) if verdict.low is not None else "",
        ),
        Field(str(verdict.n_blocks), verdict.n_blocks),
        Field(verdict.verdict, verdict.verdict),
        Field(verdict.note, verdict.note),
    ]


def estimate_text(verdict: Verdict) -> str:
    """Return the estimate as a ratio, or with its unit where the metric's name ends in one.

    `lost_in_points` is 3.1 points, every metric without `_in_` is a ratio. A dash for none.
    """
    if verdict.estimate is None:
        return "–"
    unit = verdict.metric.rpartition("_in_")[2] if "_in_" in verdict.metric else ""
    return f"{number(verdict.estimate)} {unit}" if unit else f"×{number(verdict.estimate)}"


def verdict_line(verdict: Verdict) -> str:
    """Return a verdict as one line: question, word, estimate, interval, n; why, if undecided."""
    found = f", {estimate_with_interval(verdict)}" if verdict.estimate is not None else ""
    count = f", n = {verdict.n_blocks}" if verdict.low is not None else ""
    why = "" if verdict.verdict in _DECIDED else verdict.note.partition(";")[0]
    return f"{verdict.question} {verdict.verdict}{found}{count}{f' ({why})' if why else ''}."


def estimate_with_interval(verdict: Verdict) -> str:
    """Return `×0.76 [0.73, 0.79]`, without brackets where there is no interval."""
    if verdict.low is None:
        return estimate_text(verdict)
    return f"{estimate_text(verdict)} {interval(verdict.low, verdict.high)}"
