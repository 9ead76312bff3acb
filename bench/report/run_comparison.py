"""Each ratio measured in two runs: what moved, by how much, and may it be called different?

Ratios are compared, never bare times of one run with bare times of another: both arms of a
ratio shared machine and round. Starts of two runs share neither, so the test between runs is
Welch's over starts. Neighbours: `environment` says what else differs, `compare` makes the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.report.analysis import Analysis
from bench.report.environment import Difference, named_differences
from bench.report.naming import number
from bench.report.section import Comparable
from bench.results.verdict import SMOKE_NOTE, Verdict
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import HolmStep, holm
from bench.stats.paired import PairedRatio, ratio_of_ratios
from bench.stats.verdicts import decide

EXPLAINED: Final = "explained by environment"
Word = Literal["different", "no difference shown", "inconclusive", "explained by environment"]
FLIPS = ({"supported", "refuted"}, {"reached", "not reached"})
Pair = tuple[Comparable, Comparable]


@dataclass(frozen=True)
class Change:
    """One ratio of both runs: ratio of the second run's ratio to the first's.

    `first`, `second`: the verdicts on it, None where none was asked for. `step`: Holm's decision
    where both runs named the metric beforehand.
    """

    asked: Comparable
    first: Verdict | None
    second: Verdict | None
    ratio: PairedRatio | None
    step: HolmStep | None
    word: Word
    reason: str

    @property
    def flipped(self) -> bool:
        """Whether the verdict went from supported to refuted or back."""
        if self.first is None or self.second is None:
            return False
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
    """Return (named, exploratory) changes of the ratios that both runs have.

    Named ones by Holm over those both runs named, at the matching interval level.
    """
    theirs = {each.id: each for each in _comparables(second)}
    shared = [(each, theirs[each.id]) for each in _comparables(first) if each.id in theirs]
    named = [(a, b) for a, b in shared if a.family and b.family]
    steps: dict[str, HolmStep] = {}
    for family in dict.fromkeys(a.family for a, _ in named):
        p_values = {
            a.id: ratio.p_value
            for a, b in named
            if a.family == family
            and not _refusal((a, b))
            and (ratio := _ratio((a, b), 0.95)) is not None
        }
        steps |= holm(p_values)
    confirmatory = {a.id for a, _ in named}
    found = [_change(first, second, pair, steps.get(pair[0].id), different) for pair in shared]
    return (
        [c for c in found if c.asked.id in confirmatory],
        [c for c in found if c.asked.id not in confirmatory],
    )


def agreement(
    named: Sequence[Change],
    exploratory: Sequence[Change],
    others: Sequence[str],
    different: Sequence[Difference],
) -> Agreement:
    """Return whether two runs agree. `others`: flipped verdicts without a ratio to compare."""
    tested = [c for c in named if c.step is not None]
    differing = tuple(_described(c) for c in tested if c.rejected)
    flipped = (c.first.question for c in (*named, *exploratory) if c.flipped and c.first)
    flips = (*flipped, *others)
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
    """Return the flipped verdicts that no ratio of both runs stands for."""
    asked = {each.verdict_id for run in (first, second) for each in _comparables(run)}
    theirs = {v.id: v for v in second.verdicts if v.id not in asked}
    return [
        verdict.question
        for verdict in first.verdicts
        if verdict.id in theirs and {verdict.verdict, theirs[verdict.id].verdict} in FLIPS
    ]


def _comparables(analysis: Analysis) -> list[Comparable]:
    return [each for section in analysis.sections for each in section.compared]


def _described(change: Change) -> str:
    size = f" ×{number(change.ratio.estimate)}" if change.ratio else ""
    small = "" if change.word != "inconclusive" else f", {change.reason}"
    return f"{change.asked.label}{size}{small}"


def _change(
    first: Analysis,
    second: Analysis,
    pair: Pair,
    step: HolmStep | None,
    different: Sequence[Difference],
) -> Change:
    a, b = pair
    refusal = _refusal(pair)
    ratio = None if refusal else _ratio(pair, step.level if step else 0.95)
    smoke = "smoke" in (first.data.journal.profile, second.data.journal.profile)
    word, reason = _judged(a, ratio, refusal, different, smoke=smoke)
    return Change(a, _verdict(first, a), _verdict(second, b), ratio, step, word, reason)


def _refusal(pair: Pair) -> str:
    """Why two ratios cannot be compared at all; empty if they can."""
    for name, each in zip(("first", "second"), pair, strict=True):
        if each.refusal:
            return f"the {name} run gives no ratio: {each.refusal}"
    return ""


def _judged(
    asked: Comparable,
    ratio: PairedRatio | None,
    refusal: str,
    different: Sequence[Difference],
    *,
    smoke: bool,
) -> tuple[Word, str]:
    if refusal or ratio is None:
        return "inconclusive", refusal or "one of the runs has fewer than two units of it"
    if smoke:
        return "inconclusive", SMOKE_NOTE
    decision = decide(ratio, claim="different", kind=asked.kind)
    if different and not ratio.low <= 1.0 <= ratio.high:
        return EXPLAINED, f"{EXPLAINED}: {named_differences(different)}"
    if decision.word == "supported":
        return "different", decision.reason
    word: Word = "no difference shown" if decision.word == "no difference shown" else "inconclusive"
    return word, decision.reason


def _ratio(pair: Pair, level: float) -> PairedRatio | None:
    try:
        return ratio_of_ratios(pair[1].logs, pair[0].logs, level=level)
    except StatisticsError:
        return None


def _verdict(analysis: Analysis, asked: Comparable) -> Verdict | None:
    return next((v for v in analysis.verdicts if v.id == asked.verdict_id), None)
