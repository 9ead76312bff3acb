"""Section 'Does the ladder add up?': the whole by itself, and what the steps consist of."""

from collections.abc import Sequence

from bench.journal import Verdict
from bench.report.adds_up import (
    AGREE,
    Check,
    add_up_verdicts,
    checks_of,
    fan_out,
    order_parts,
)
from bench.report.dataset import RunData
from bench.report.ladder import ladders
from bench.report.naming import interval, load_label, number, percent, words
from bench.report.sections.base import Section
from bench.report.selection import cells_of
from bench.stats.paired import PairedRatio

ANCHOR, TITLE = "adds-up", "Does the ladder add up?"
_KINDS = {"p50": "p50 response time", "cpu": "CPU per request"}


def section(data: RunData) -> Section | None:
    """Return the section; None where nothing of it was measured."""
    checks = checks_of(data)
    rungs = ladders(data, cells_of(data.load_trials))
    parts = [*order_parts(data, rungs), *fan_out(rungs)]
    if not checks and not parts:
        return None
    verdicts = add_up_verdicts(data, checks)
    lines = [_line(check, verdict) for check, verdict in zip(checks, verdicts, strict=True)]
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        after="ladder",
        template="sections/ladder_check.html",
        context={
            "lines": lines,
            "parts": parts,
            "rows": [_row(check, v) for check, v in zip(checks, verdicts, strict=True)],
            "rule": verdicts[0].rule if verdicts else "",
        },
        summary=("\n".join(f"- {text}" for text in (*lines, *parts)),),
        verdicts=tuple(verdicts),
    )


def _name(check: Check) -> str:
    return f"{words(check.mix)}, {load_label(check.offered_rps)}: {_KINDS[check.kind]}"


def _line(check: Check, verdict: Verdict) -> str:
    word = AGREE.get(verdict.verdict, verdict.verdict)
    note = f" ({verdict.note})" if verdict.note not in ("", "agree") else ""
    if check.own is None:
        return f"{_name(check)}: fewer than two valid blocks of the two ends by themselves."
    if check.product is None:
        return (
            f"{_name(check)}: the whole by itself {_text(check.own)}; no product of the steps, "
            "which needs valid blocks of all four deployments."
        )
    return (
        f"{_name(check)}: the whole by itself {_text(check.own)}, product of the steps "
        f"{_text(check.product)}; quotient ×{number(verdict.estimate)} "
        f"{interval(verdict.low, verdict.high)} at {percent(verdict.level)}: {word}{note}."
    )


def _row(check: Check, verdict: Verdict) -> Sequence[str]:
    return [
        _name(check),
        _text(check.own),
        str(check.logs[0].size),
        " · ".join(f"×{number(ratio.estimate)}" for _, _, ratio in check.steps) or "–",
        _text(check.product),
        str(check.logs[1].size),
        f"×{number(verdict.estimate)} {interval(verdict.low, verdict.high)}",
        AGREE.get(verdict.verdict, verdict.verdict),
    ]


def _text(ratio: PairedRatio | None) -> str:
    return f"×{number(ratio.estimate)} {interval(ratio.low, ratio.high)}" if ratio else "–"
