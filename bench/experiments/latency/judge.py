"""Writes the answers of paired rounds down as verdicts: ratio, interval, word, rule.

Neighbour: `bench.results.paired.judge` answers.
"""

from collections.abc import Sequence

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.records import NAME
from bench.report.naming import ALL, interval, number, percent
from bench.results.paired.judge import Answer, role_words
from bench.results.paired.rounds import METRIC_NAMES, MIX
from bench.results.verdict import EXPLORATORY, NAMED, SMOKE_NOTE, Verdict
from bench.stats.rounds import MIN_STARTS, Twin
from bench.stats.verdicts import threshold_for


def judge(found: Findings) -> list[Verdict]:
    """Return the verdicts of the paired rounds of a run, named ones first."""
    return [_verdict(found, answer) for answer in found.answers]


def verdict_id(answer: Answer) -> str:
    """Return the stable id: experiment/operation/pair/operation or all/metric."""
    q = answer.question
    operation = ALL if q.role == MIX else q.role
    pair = f"{q.numerator}:{q.denominator}"
    return f"{NAME}/{q.role}/{pair}/{operation}/{METRIC_NAMES[q.metric]}"


def _verdict(findings: Findings, answer: Answer) -> Verdict:
    question, ratio = answer.question, answer.ratio
    smoke = findings.data.journal.profile == "smoke"
    reason = SMOKE_NOTE if smoke else answer.decision.reason
    family = "Holm over the 8 named metrics of this pair" if question.family else "no correction"
    threshold = threshold_for("p50" if question.metric == "time" else "cpu")
    return Verdict(
        id=verdict_id(answer),
        question=_text(answer),
        metric=METRIC_NAMES[question.metric],
        numerator=question.numerator,
        denominator=question.denominator,
        operation=ALL if question.role == MIX else question.role,
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=answer.level,
        n_blocks=len(answer.logs.logs),
        verdict="inconclusive" if smoke else answer.decision.word,
        rule=(
            f"t interval over starts at {percent(answer.level)} ({family}, not simultaneous); "
            f"claim: {question.claim}; threshold {threshold:.0%}; at least {MIN_STARTS} starts"
        ),
        note="; ".join(
            part
            for part in (
                NAMED if question.family else EXPLORATORY,
                reason,
                *_remarks(findings, answer),
            )
            if part
        ),
    )


def _text(answer: Answer) -> str:
    """The claim as a question."""
    q = answer.question
    what = role_words(q.role)
    if q.claim == "different":
        measure = "time" if q.metric == "time" else "CPU"
        return f"Does the {measure} of {what} differ between {q.numerator} and {q.denominator}?"
    verb = "take longer" if q.metric == "time" else "cost more CPU"
    return f"Does {what} {verb} in {q.numerator} than in {q.denominator}?"


def _remarks(findings: Findings, answer: Answer) -> Sequence[str]:
    question, narrow, found = answer.question, answer.narrow, []
    if narrow is not None and answer.level != narrow.level:
        found.append(f"95 %: {interval(narrow.low, narrow.high)}")
    if answer.logs.lost:
        lost = "1 start" if answer.logs.lost == 1 else f"{answer.logs.lost} starts"
        found.append(f"{lost} gave none ({answer.logs.why})")
    client_ms = findings.client_ms
    if question.metric == "time" and client_ms is not None:
        without = findings.rounds.without_client(
            question.numerator, question.denominator, question.role, client_ms
        )
        if without is not None:
            found.append(f"without the client's own {number(client_ms)} ms: ×{number(without)}")
    twin = findings.twins.get((question.role, question.metric))
    if twin is not None:
        found.append(twin_words(twin))
    drifts = [ratio.drift for ratio in answer.logs.ratios]
    if drifts:
        found.append(f"drift within a start {100 * sum(drifts) / len(drifts):+.1f} %")
    return found


def twin_words(twin: Twin) -> str:
    """Return what the same code against itself gave."""
    return f"A/A ×{number(twin.estimate)} {interval(twin.low, twin.high)}"
