"""Answers each question with a `journal.Verdict`: ratio, interval, word, rule.

Neighbours: `questions` names them, `floor` adds the floor's verdicts, `build` writes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.journal import Verdict
from bench.report.dataset import RunData
from bench.report.measures import METRIC_NAMES, trial_value
from bench.report.naming import percent
from bench.report.questions import Question, questions_of
from bench.report.selection import SATURATED, Cell
from bench.stats.arrays import Floats
from bench.stats.errors import StatisticsError, TooFewSamples
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, log_ratios, paired_ratio
from bench.stats.verdicts import Decision, decide, threshold_for

SMOKE_NOTE = "smoke profile: runs end to end, claims nothing"
DEFAULT_LEVEL = 0.95
NAMED, EXPLORATORY = "named beforehand", "exploratory"


@dataclass(frozen=True)
class Evidence:
    """The paired log-ratios behind one question; `missing` blocks could not carry the metric."""

    question: Question
    logs: Floats
    missing: int


def judge(data: RunData, cells: Sequence[Cell]) -> list[Verdict]:
    """Return the verdicts on all questions of a run, named ones first."""
    questions = questions_of(data, cells)
    levels, count = _named_levels(questions)
    return [_answer(data, q, levels.get(q.id, DEFAULT_LEVEL), count) for q in questions]


def evidence(question: Question) -> Evidence:
    """Return the log-ratio of every valid block in which both trials carry the metric."""
    pairs = question.cell.pairs(question.numerator, question.denominator)
    values = [
        (
            trial_value(top, question.kind, question.operation),
            trial_value(bottom, question.kind, question.operation),
        )
        for top, bottom in pairs
    ]
    usable = [(a, b) for a, b in values if a is not None and b is not None]
    logs = log_ratios([a for a, _ in usable], [b for _, b in usable])
    return Evidence(question, logs, len(pairs) - len(usable))


def _named_levels(questions: Sequence[Question]) -> tuple[dict[str, float], int]:
    """Interval levels of the named questions by Holm, and how many were tested."""
    p_values: dict[str, float] = {}
    for question in (q for q in questions if q.named):
        try:
            p_values[question.id] = paired_ratio(evidence(question).logs).p_value
        except StatisticsError:
            continue  # its own verdict says why it has no interval
    return {name: step.level for name, step in holm(p_values).items()}, len(p_values)


def _answer(data: RunData, question: Question, level: float, named: int) -> Verdict:
    blank = _blank(question, level, named)
    try:
        return _judged(data, question, blank)
    except TooFewSamples as exc:
        return replace(blank, verdict="inconclusive", note=_join(blank.note, str(exc)))
    except (ArithmeticError, LookupError, ValueError) as exc:
        return replace(blank, verdict="invalid", note=_join(blank.note, f"check failed: {exc}"))


def _judged(data: RunData, question: Question, blank: Verdict) -> Verdict:
    refusal = _refusal(data, question)
    if refusal is not None:
        return replace(blank, verdict=refusal.word, note=_join(blank.note, refusal.reason))
    found = evidence(question)
    if found.logs.size < 2 and found.missing:
        reason = f"too few requests of this operation in a trial for {question.kind}"
        return replace(blank, verdict="inconclusive", note=_join(blank.note, reason))
    ratio = paired_ratio(found.logs, level=blank.level)
    decision = _decision(data, question, ratio)
    return replace(
        blank,
        estimate=ratio.estimate,
        low=ratio.low,
        high=ratio.high,
        n_blocks=ratio.n_blocks,
        verdict=decision.word,
        note=_join(blank.note, decision.reason, _remark(found)),
    )


def _decision(data: RunData, question: Question, ratio: PairedRatio) -> Decision:
    if data.journal.profile == "smoke":
        return Decision("inconclusive", SMOKE_NOTE)
    return decide(ratio, claim=question.claim, kind=question.kind)


def _refusal(data: RunData, question: Question) -> Decision | None:
    """A reason to give no ratio at all, before any number is looked at."""
    cell, pair = question.cell, (question.numerator, question.denominator)
    if not cell.pairs(*pair):
        return Decision("invalid", "every block holds an invalid trial")
    full = [name for name in pair if overloaded(data, cell, name)]
    if full and question.kind != "cpu":
        return Decision(
            "inconclusive",
            f"{' and '.join(full)} at or beyond 95 % of capacity: in overload response time "
            "depends on the trial's length, so no ratio is given",
        )
    return None


def overloaded(data: RunData, cell: Cell, deployment: str) -> bool:
    """Return whether a cell's load lies above 95 % of a deployment's capacity."""
    capacity = data.capacity_rps(cell.mix, deployment)
    near = capacity is not None and cell.offered_rps > SATURATED * capacity
    return near or cell.saturated(deployment)


def _remark(found: Evidence) -> str:
    return f"{found.missing} blocks had too few requests" if found.missing else ""


def _blank(question: Question, level: float, named: int) -> Verdict:
    family = f"Holm over {named} named metrics" if question.named else "no correction"
    return Verdict(
        id=question.id,
        question=question.text,
        metric=METRIC_NAMES[question.kind],
        numerator=question.numerator,
        denominator=question.denominator,
        operation=question.operation,
        estimate=None,
        low=None,
        high=None,
        level=level,
        n_blocks=0,
        verdict="invalid",
        rule=(
            f"paired log-ratio, t interval at {percent(level)} ({family}); "
            f"claim: {question.claim}; threshold {threshold_for(question.kind):.0%}; "
            "at least 6 valid blocks"
        ),
        note=NAMED if question.named else EXPLORATORY,
    )


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
