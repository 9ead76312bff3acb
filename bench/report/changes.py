"""Each question asked in two runs: what moved, by how much, and may it be called different?

Ratios are compared, never bare times of one run with bare times of another: both arms of a
ratio shared machine and minute. Blocks of two runs share neither, so the test between runs is
Welch's. Neighbours: `environment` says what else differs, `compare` makes the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.journal import Verdict
from bench.report.analysis import Analysis
from bench.report.environment import Difference, named_differences
from bench.report.measures import METRIC_NAMES
from bench.report.naming import number
from bench.report.questions import Question, questions_of
from bench.report.verdicts import SMOKE_NOTE, evidence
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import HolmStep, holm
from bench.stats.paired import PairedRatio, ratio_of_ratios
from bench.stats.verdicts import decide

EXPLAINED: Final = "explained by environment"
Word = Literal["different", "no difference shown", "inconclusive", "explained by environment"]
MAX_LOAD_RATIO = 1.25  # further apart, two loads are two questions
FLIPS = ({"supported", "refuted"}, {"reached", "not reached"})
Pair = tuple[Question, Question]


@dataclass(frozen=True)
class Change:
    """One question asked in both runs: ratio of the second run's ratio to the first's.

    `step`: Holm's decision where both runs named the metric beforehand.
    """

    question: Question
    first: Verdict
    second: Verdict
    ratio: PairedRatio | None
    step: HolmStep | None
    word: Word
    reason: str

    @property
    def flipped(self) -> bool:
        """Whether the verdict went from supported to refuted or back."""
        return {self.first.verdict, self.second.verdict} in FLIPS

    @property
    def rejected(self) -> bool:
        """Whether Holm's test rejects 'the same in both runs', however small the difference."""
        return self.step is not None and self.step.rejected


@dataclass(frozen=True)
class Agreement:
    """The one sentence: do two runs tell the same story? `agree` None: nothing was comparable."""

    agree: bool | None
    tested: int
    differing: tuple[str, ...]
    flips: tuple[str, ...]
    line: str


def changes(
    first: Analysis, second: Analysis, different: Sequence[Difference]
) -> tuple[list[Change], list[Change]]:
    """Return (named, exploratory) changes of the questions that both runs answer.

    Named ones by Holm over those both runs named, at the matching interval level.
    """
    theirs = _by_key(second)
    shared = [(q, theirs[key]) for key, q in _by_key(first).items() if key in theirs]
    named = [(a, b) for a, b in shared if a.named and b.named]
    steps = holm(
        {
            a.id: ratio.p_value
            for a, b in named
            if not _refusal(first, second, (a, b)) and (ratio := _ratio((a, b), 0.95)) is not None
        }
    )
    confirmatory = {a.id for a, _ in named}
    found = [_change(first, second, pair, steps.get(pair[0].id), different) for pair in shared]
    return (
        [c for c in found if c.question.id in confirmatory],
        [c for c in found if c.question.id not in confirmatory],
    )


def agreement(
    named: Sequence[Change],
    exploratory: Sequence[Change],
    others: Sequence[str],
    different: Sequence[Difference],
) -> Agreement:
    """Return whether two runs agree. `others`: flipped verdicts outside the questions."""
    tested = [c for c in named if c.step is not None]
    differing = tuple(_described(c) for c in tested if c.rejected)
    flips = (*(c.question.text for c in (*named, *exploratory) if c.flipped), *others)
    because = f"; {EXPLAINED}: {named_differences(different)}" if different else ""
    if differing or flips:
        parts = []
        if differing:
            what = f"{len(differing)} of {len(tested)} metrics by Holm ({'; '.join(differing)})"
            parts.append(what)
        if flips:
            parts.append(f"verdicts that flipped: {'; '.join(flips)}")
        line = f"the two runs differ in {' and in '.join(parts)}{because}"
        return Agreement(False, len(tested), differing, flips, line)
    if not tested:
        line = "nothing could be compared: no metric named beforehand has a ratio in both runs"
        return Agreement(None, 0, (), (), line)
    left = f", {len(named) - len(tested)} could not be compared" if len(named) > len(tested) else ""
    ratios = [c.ratio for c in tested if c.ratio is not None]
    low, high = min(r.low for r in ratios), max(r.high for r in ratios)
    note = f" (surroundings differ: {named_differences(different)})" if different else ""
    line = (
        f"the two runs agree: no difference by Holm over {len(tested)} metrics{left}, no verdict "
        f"flips; intervals of second : first reach from ×{number(low)} to ×{number(high)}{note}"
    )
    return Agreement(True, len(tested), (), (), line)


def other_flips(first: Analysis, second: Analysis) -> list[str]:
    """Return the flipped verdicts that are no paired question: floor, sections."""
    asked = {q.id for a in (first, second) for q in questions_of(a.data, a.cells)}
    theirs = {v.id: v for v in second.verdicts if v.id not in asked}
    return [
        verdict.question
        for verdict in first.verdicts
        if verdict.id in theirs and {verdict.verdict, theirs[verdict.id].verdict} in FLIPS
    ]


def _described(change: Change) -> str:
    question, ratio = change.question, change.ratio
    size = f" ×{number(ratio.estimate)}" if ratio else ""
    what = f"{question.cell.mix}/{question.operation} {METRIC_NAMES[question.kind]}"
    small = "" if change.word != "inconclusive" else f", {change.reason}"
    return f"{what}{size}{small}"


def _change(
    first: Analysis,
    second: Analysis,
    pair: Pair,
    step: HolmStep | None,
    different: Sequence[Difference],
) -> Change:
    a, b = pair
    refusal = _refusal(first, second, pair)
    ratio = None if refusal else _ratio(pair, step.level if step else 0.95)
    smoke = "smoke" in (first.data.journal.profile, second.data.journal.profile)
    word, reason = _judged(pair, ratio, refusal, different, smoke=smoke)
    return Change(a, _verdict(first, a), _verdict(second, b), ratio, step, word, reason)


def _refusal(first: Analysis, second: Analysis, pair: Pair) -> str:
    """Why two questions cannot be compared at all; empty if they can."""
    loads = [question.cell.offered_rps for question in pair]
    if max(loads) > MAX_LOAD_RATIO * min(loads):
        return f"the loads differ: {loads[0]:g} and {loads[1]:g} requests/s"
    for name, analysis, question in zip(("first", "second"), (first, second), pair, strict=True):
        verdict = _verdict(analysis, question)
        if verdict.estimate is None:
            return f"the {name} run gives no ratio: {verdict.note}"
    return ""


def _judged(
    pair: Pair,
    ratio: PairedRatio | None,
    refusal: str,
    different: Sequence[Difference],
    *,
    smoke: bool,
) -> tuple[Word, str]:
    if refusal or ratio is None:
        return "inconclusive", refusal or "one of the runs has fewer than 2 valid blocks"
    if smoke:
        return "inconclusive", SMOKE_NOTE
    decision = decide(ratio, claim="different", kind=pair[0].kind)
    if different and not ratio.low <= 1.0 <= ratio.high:
        return EXPLAINED, f"{EXPLAINED}: {named_differences(different)}"
    if decision.word == "supported":
        return "different", decision.reason
    word: Word = "no difference shown" if decision.word == "no difference shown" else "inconclusive"
    return word, decision.reason


def _ratio(pair: Pair, level: float) -> PairedRatio | None:
    try:
        return ratio_of_ratios(evidence(pair[1]).logs, evidence(pair[0]).logs, level=level)
    except StatisticsError:
        return None


def _by_key(analysis: Analysis) -> dict[tuple[str, int], Question]:
    """Questions by their id without the load, and the load's rank among those of its mix.

    A run derives its loads from a probe, so two runs of one machine differ a little in them.
    """
    found = {}
    for question in questions_of(analysis.data, analysis.cells):
        experiment, mix, rps = question.cell.key
        loads = sorted(c.offered_rps for c in analysis.cells if c.key[:2] == (experiment, mix))
        pair = (question.numerator, question.denominator, question.operation, question.kind)
        found["/".join((experiment, mix, *pair)), loads.index(rps)] = question
    return found


def _verdict(analysis: Analysis, question: Question) -> Verdict:
    return next(v for v in analysis.verdicts if v.id == question.id)
