"""Table cells that can be sorted: what is read, what it sorts by, and a remark beside it.

Neighbours: `tables` and the sections fill tables with them, `macros.html` lays them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import scipy.stats

from bench.report.naming import interval, number, percent
from bench.report.summary_table import markdown_table
from bench.results.verdict import Verdict

_FURTHEST = 300.0  # of a logarithm, before a float ends
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


def verdict_numbers(verdict: Verdict) -> list[str]:
    """Return estimate, interval with its level, n."""
    level = f" ({percent(verdict.level)})" if verdict.low is not None else ""
    range_ = interval(verdict.low, verdict.high)
    return [estimate_text(verdict), f"{range_}{level}", str(verdict.n_blocks)]


def verdicts_table(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as a Markdown table."""
    rows = [[v.question, *verdict_numbers(v), f"**{v.verdict}**"] for v in verdicts]
    return markdown_table(["Question", "Ratio", "Interval (level)", "n", "Verdict"], rows)


def answer(verdict: Verdict) -> str:
    """Return which way a decided ratio goes, so that 'refuted' cannot be misread."""
    if verdict.estimate is None or verdict.verdict not in ("supported", "refuted"):
        return ""
    return f"it is {'higher' if verdict.estimate > 1 else 'lower'}"


def short_label(verdict: Verdict) -> str:
    """Return `order, time` for the id of a paired question."""
    role = (verdict.id.split("/") + [""])[1].replace("_", " ")
    return f"{role}, {'CPU' if verdict.metric.startswith('cpu') else 'time'}"


def at_95(verdict: Verdict) -> tuple[float | None, float | None]:
    """A verdict's t interval at 95 %: half-widths in the logarithm go as the t quantiles."""
    if not verdict.estimate or not verdict.high or verdict.n_blocks < 2:
        return None, None
    if min(verdict.estimate, verdict.high) <= 0 or not 0.0 < verdict.level < 1.0:
        return None, None
    free = verdict.n_blocks - 1
    judged, wanted = scipy.stats.t.ppf([0.5 + verdict.level / 2, 0.975], free)
    reach = min(log(verdict.high / verdict.estimate) * float(wanted / judged), _FURTHEST)
    return verdict.estimate * exp(-reach), verdict.estimate * exp(reach)
