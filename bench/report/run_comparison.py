"""What two runs both measured: what moved, by how much, and may it be called different?

Ratios and differences between deployments are compared, never bare times of one run with bare
times of another: both arms shared machine and round. Units (starts, passes, blocks) of two runs
share neither, so the test between runs is Welch's over them. Neighbours: `environment` says what
else differs, `compare` makes the page.
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
from bench.stats.means import difference_of_means
from bench.stats.multiplicity import HolmStep, holm
from bench.stats.paired import ratio_of_ratios
from bench.stats.verdicts import Decision, decide, decide_difference

EXPLAINED: Final = "explained by environment"
Word = Literal["different", "no difference shown", "inconclusive", "explained by environment"]
FLIPS = ({"supported", "refuted"}, {"reached", "not reached"})
Pair = tuple[Comparable, Comparable]


@dataclass(frozen=True)
class Moved:
    """The second run against the first: its ratio over the other's, or its difference less the
    other's, in `unit` ("" for a ratio)."""

    estimate: float
    low: float
    high: float
    level: float
    p_value: float
    unit: str = ""

    @property
    def size(self) -> str:
        """The estimate as it is read."""
        return f"{self.estimate:+.3g} {self.unit}" if self.unit else f"×{number(self.estimate)}"

    @property
    def excludes_nothing(self) -> bool:
        """Whether the interval leaves out 'nothing moved'."""
        return not self.low <= (0.0 if self.unit else 1.0) <= self.high


@dataclass(frozen=True)
class Change:
    """What both runs measured, and by how much it moved from the first to the second.

    `first`, `second`: the verdicts on it, None where none was asked for. `step`: Holm's decision
    where both runs named the metric beforehand.
    """

    asked: Comparable
    first: Verdict | None
    second: Verdict | None
    moved: Moved | None
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
    """Return (named, exploratory) changes of what both runs have.

    Named ones by Holm over those both runs named, at the matching interval level.
    """
    theirs = {each.id: each for each in _comparables(second)}
    shared = [(each, theirs[each.id]) for each in _comparables(first) if each.id in theirs]
    named = [(a, b) for a, b in shared if a.family and b.family]
    steps: dict[str, HolmStep] = {}
    for family in dict.fromkeys(a.family for a, _ in named):
        p_values = {
            a.id: moved.p_value
            for a, b in named
            if a.family == family
            and not _refusal((a, b))
            and (moved := _moved((a, b), 0.95)) is not None
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
    """Return whether two runs agree. `others`: flipped verdicts without anything to compare.

    What was not named beforehand decides nothing, but what of it moved is said.
    """
    tested = [c for c in named if c.step is not None]
    differing = tuple(_described(c) for c in tested if c.rejected)
    flipped = (c.first.question for c in (*named, *exploratory) if c.flipped and c.first)
    flips = (*flipped, *others)
    because = f"; {EXPLAINED}: {named_differences(different)}" if different else ""
    aside = _aside(exploratory)
    if differing or flips:
        parts = []
        if differing:
            what = f"{len(differing)} of {len(tested)} metrics by Holm ({'; '.join(differing)})"
            parts.append(what)
        if flips:
            parts.append(f"verdicts that flipped: {'; '.join(flips)}")
        line = f"the two runs differ in {' and in '.join(parts)}{because}{aside}"
        return Agreement(False, len(tested), differing, flips, line)
    if not tested:
        line = "nothing could be compared: no metric named beforehand has a ratio in both runs"
        line += aside
        return Agreement(None, 0, (), (), line)
    left = f", {len(named) - len(tested)} could not be compared" if len(named) > len(tested) else ""
    ratios = [c.moved for c in tested if c.moved is not None]
    low, high = min(r.low for r in ratios), max(r.high for r in ratios)
    note = f" (surroundings differ: {named_differences(different)})" if different else ""
    line = (
        f"the two runs agree: no difference by Holm over {len(tested)} metrics{left}, no verdict "
        f"flips; intervals of second : first reach from ×{number(low)} to ×{number(high)}{note}"
        f"{aside}"
    )
    return Agreement(True, len(tested), (), (), line)


def other_flips(first: Analysis, second: Analysis) -> list[str]:
    """Return the flipped verdicts that nothing comparable of both runs stands for."""
    asked = {each.verdict_id for run in (first, second) for each in _comparables(run)}
    theirs = {v.id: v for v in second.verdicts if v.id not in asked}
    return [
        verdict.question
        for verdict in first.verdicts
        if verdict.id in theirs and {verdict.verdict, theirs[verdict.id].verdict} in FLIPS
    ]


def _comparables(analysis: Analysis) -> list[Comparable]:
    return [each for section in analysis.sections for each in section.compared]


def _aside(exploratory: Sequence[Change]) -> str:
    """How many of the further questions both runs answer moved, and which."""
    compared = [c for c in exploratory if c.moved is not None]
    if not compared:
        return ""
    gone = [_described(c) for c in compared if c.word in ("different", EXPLAINED)]
    head = f"; of {len(compared)} further ones (95 % each, exploratory) "
    return head + (f"{len(gone)} moved: {', '.join(gone)}" if gone else "none moved")


def _described(change: Change) -> str:
    size = f" {change.moved.size}" if change.moved else ""
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
    moved = None if refusal else _moved(pair, step.level if step else 0.95)
    smoke = "smoke" in (first.data.journal.profile, second.data.journal.profile)
    word, reason = _judged(pair, moved, refusal, different, smoke=smoke)
    return Change(a, _verdict(first, a), _verdict(second, b), moved, step, word, reason)


def _refusal(pair: Pair) -> str:
    """Why the two cannot be compared at all; empty if they can."""
    for name, each in zip(("first", "second"), pair, strict=True):
        if each.refusal:
            return (
                f"the {name} run gives no {'difference' if each.unit else 'ratio'}: {each.refusal}"
            )
    return ""


def _judged(
    pair: Pair,
    moved: Moved | None,
    refusal: str,
    different: Sequence[Difference],
    *,
    smoke: bool,
) -> tuple[Word, str]:
    if refusal or moved is None:
        return "inconclusive", refusal or "one of the runs has fewer than two units of it"
    if smoke:
        return "inconclusive", SMOKE_NOTE
    decision = _decision(pair, moved)
    if different and moved.excludes_nothing:
        return EXPLAINED, f"{EXPLAINED}: {named_differences(different)}"
    if decision.word == "supported":
        return "different", decision.reason
    word: Word = "no difference shown" if decision.word == "no difference shown" else "inconclusive"
    return word, decision.reason


def _decision(pair: Pair, moved: Moved) -> Decision:
    a, b = pair
    if not a.unit:
        ratio = ratio_of_ratios(b.values, a.values, level=moved.level)
        return decide(ratio, claim="different", kind=a.kind, min_blocks=a.least)
    if (n := min(len(a.values), len(b.values))) < a.least:
        return Decision("inconclusive", f"{n} valid blocks, {a.least} are needed")
    return decide_difference(moved.low, moved.high, margin=a.margin, unit=a.unit)


def _moved(pair: Pair, level: float) -> Moved | None:
    a, b = pair
    try:
        if a.unit:
            gap = difference_of_means(b.values, a.values, level=level)
            return Moved(gap.mean, gap.low, gap.high, level, gap.p_value, a.unit)
        ratio = ratio_of_ratios(b.values, a.values, level=level)
    except StatisticsError:
        return None
    return Moved(ratio.estimate, ratio.low, ratio.high, level, ratio.p_value)


def _verdict(analysis: Analysis, asked: Comparable) -> Verdict | None:
    return next((v for v in analysis.verdicts if v.id == asked.verdict_id), None)
