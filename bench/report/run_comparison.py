"""What runs all measured: what moved, by how much, and may it be called different?

Ratios and differences between deployments are compared, never bare times of one run with bare
times of another: both arms shared machine and round. Each run is held against the first that has
the metric. Units (starts, passes, blocks) of two runs share neither, so the test between runs is
Welch's over them. Neighbours: `environment` says what else differs, `agreement` says it in a
sentence, `compare` makes the page.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.report.compared_run import ComparedRun
from bench.report.environment import Difference, differences, named_differences
from bench.report.naming import number
from bench.report.section import Comparable
from bench.results.verdict import SMOKE_NOTE, Verdict, experiment_of
from bench.stats.errors import StatisticsError
from bench.stats.means import difference_of_means, mean_interval
from bench.stats.multiplicity import HolmStep, holm
from bench.stats.paired import paired_ratio, ratio_of_ratios
from bench.stats.verdicts import Decision, decide, decide_difference

EXPLAINED: Final = "explained by environment"
NO_THRESHOLD = "what size of a difference matters is not kept"
Word = Literal["different", "no difference shown", "inconclusive", "explained by environment"]
Status = Literal["moved", "did not move", "too wide to say"]
FLIPS = ({"supported", "refuted"}, {"reached", "not reached"})


@dataclass(frozen=True)
class Moved:
    """The later run against the first: its ratio over the other's, or its difference less the
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
class Reading:
    """What one run says of a metric, at 95 %; the ends are None from fewer than two units."""

    run: ComparedRun
    of: Comparable
    value: float | None
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Verdict | None:
        """The run's own verdict on it; None where none was asked for."""
        return self.run.verdicts.get(self.of.verdict_id)


@dataclass(frozen=True)
class Change:
    """By how much a metric moved from the first run that has it to a later one.

    `named`: both named it beforehand. `step`: then Holm's decision.
    """

    asked: Comparable
    base: Reading
    later: Reading
    named: bool
    moved: Moved | None
    step: HolmStep | None
    word: Word
    reason: str

    @property
    def first(self) -> Verdict | None:
        """The first run's verdict."""
        return self.base.verdict

    @property
    def second(self) -> Verdict | None:
        """The later run's verdict."""
        return self.later.verdict

    @property
    def flipped(self) -> bool:
        """Whether the verdict went from supported to refuted or back."""
        return _flipped(self.first, self.second)

    @property
    def rejected(self) -> bool:
        """Whether Holm's test rejects 'the same in both runs', however small the difference."""
        return self.step is not None and self.step.rejected

    @property
    def has_moved(self) -> bool:
        """Whether it moved: by Holm where it was named, else by its word."""
        return self.rejected if self.named else self.word in ("different", EXPLAINED)


@dataclass(frozen=True)
class SharedMetric:
    """A metric that several runs have: a reading of each, oldest first, and what moved."""

    asked: Comparable
    readings: tuple[Reading, ...]
    changes: tuple[Change, ...]

    @property
    def named(self) -> bool:
        """Whether all who have it named it beforehand."""
        return all(change.named for change in self.changes)

    @property
    def status(self) -> Status:
        """What its changes come to: one that moved is enough, not moving takes all of them."""
        if any(change.has_moved for change in self.changes):
            return "moved"
        still = all(change.word == "no difference shown" for change in self.changes)
        return "did not move" if still else "too wide to say"


@dataclass(frozen=True)
class Missing:
    """What an experiment measured that not all runs did: how many metrics, and who has none."""

    experiment: str
    metrics: int
    lacking: tuple[ComparedRun, ...]


@dataclass(frozen=True)
class _Pair:
    """Two readings of a metric before they are judged; `reason`: why they cannot be."""

    asked: Comparable
    base: Reading
    later: Reading
    family: str
    reason: str
    different: tuple[Difference, ...]

    def moved(self, level: float) -> Moved | None:
        """The later against the first, None where one has fewer than two units."""
        unit, first, second = self.asked.unit, self.base.of.values, self.later.of.values
        try:
            if unit:
                gap = difference_of_means(second, first, level=level)
                return Moved(gap.mean, gap.low, gap.high, level, gap.p_value, unit)
            ratio = ratio_of_ratios(second, first, level=level)
        except (StatisticsError, OverflowError):
            return None
        return Moved(ratio.estimate, ratio.low, ratio.high, level, ratio.p_value)


def shared_metrics(runs: Sequence[ComparedRun]) -> list[SharedMetric]:
    """Return every metric that at least two runs have, oldest run first.

    Holm over all comparisons of a family, each with an interval at its own level.
    """
    held = {key: _readings(key, runs) for key in dict.fromkeys(k for r in runs for k in r.compared)}
    pairs = {key: _pairs(readings) for key, readings in held.items() if len(readings) > 1}
    steps = _steps(pairs)
    return [
        SharedMetric(
            found[0].asked,
            tuple(held[key]),
            tuple(_change(pair, steps.get((key, at))) for at, pair in enumerate(found)),
        )
        for key, found in pairs.items()
    ]


def missing(runs: Sequence[ComparedRun]) -> list[Missing]:
    """Return what each experiment measured in some of the runs only."""
    found: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for key in dict.fromkeys(key for run in runs for key in run.compared):
        lacking = tuple(at for at, run in enumerate(runs) if key not in run.compared)
        if lacking:
            found[experiment_of(key), lacking] += 1
    return [
        Missing(name, count, tuple(runs[at] for at in lacking))
        for (name, lacking), count in found.items()
    ]


def other_flips(runs: Sequence[ComparedRun]) -> list[str]:
    """Return the flipped verdicts that nothing comparable of the runs stands for."""
    asked = {key for run in runs for key in run.compared}
    flips = [
        verdict.question
        for at, run in enumerate(runs)
        for verdict in run.verdicts.values()
        if verdict.id not in asked
        and any(_flipped(earlier.verdicts.get(verdict.id), verdict) for earlier in runs[:at])
    ]
    return list(dict.fromkeys(flips))


def _flipped(first: Verdict | None, second: Verdict | None) -> bool:
    return bool(first and second and {first.verdict, second.verdict} in FLIPS)


def _readings(key: str, runs: Sequence[ComparedRun]) -> list[Reading]:
    """Of the runs whose metric is of the same unit as the first one's."""
    having = [run for run in runs if key in run.compared]
    unit = having[0].compared[key].unit
    return [_reading(run, run.compared[key]) for run in having if run.compared[key].unit == unit]


def _reading(run: ComparedRun, of: Comparable) -> Reading:
    try:
        if of.unit:
            mean = mean_interval(of.values)
            return Reading(run, of, mean.mean, mean.low, mean.high)
        ratio = paired_ratio(of.values)
    except (StatisticsError, OverflowError):
        verdict = run.verdicts.get(of.verdict_id)
        return Reading(run, of, verdict.estimate if verdict else None, None, None)
    return Reading(run, of, ratio.estimate, ratio.low, ratio.high)


def _pairs(readings: Sequence[Reading]) -> list[_Pair]:
    """Each later reading with the first; how it is judged comes from a run that was measured."""
    asked = next((each.of for each in readings if not each.run.recorded), readings[0].of)
    base = readings[0]
    return [
        _Pair(
            asked,
            base,
            later,
            asked.family if base.of.family and later.of.family else "",
            _refusal(asked, base, later),
            tuple(differences([base.run.facts, later.run.facts])),
        )
        for later in readings[1:]
    ]


def _steps(pairs: dict[str, list[_Pair]]) -> dict[tuple[str, int], HolmStep]:
    """Holm's decision for each (metric, number of the pair) that both named beforehand."""
    families: dict[str, dict[str, float]] = {}
    keys: dict[str, tuple[str, int]] = {}
    for key, found in pairs.items():
        for at, pair in enumerate(found):
            moved = pair.moved(0.95) if pair.family and not pair.reason else None
            if moved is not None:
                name = f"{key}#{at}"
                keys[name] = key, at
                families.setdefault(pair.family, {})[name] = moved.p_value
    judged = (holm(p_values, most=len(p_values)) for p_values in families.values())
    return {keys[name]: step for steps in judged for name, step in steps.items()}


def _refusal(asked: Comparable, *readings: Reading) -> str:
    """Why the readings cannot be compared at all; empty if they can."""
    what = "difference" if asked.unit else "ratio"
    for name, each in zip(("first", "second"), readings, strict=True):
        if each.of.refusal:
            return f"the {name} run gives no {what}: {each.of.refusal}"
    return "" if asked.kind or asked.margin else NO_THRESHOLD


def _change(pair: _Pair, step: HolmStep | None) -> Change:
    moved = None if pair.reason else pair.moved(step.level if step else 0.95)
    word, reason = _judged(pair, moved)
    return Change(pair.asked, pair.base, pair.later, bool(pair.family), moved, step, word, reason)


def _judged(pair: _Pair, moved: Moved | None) -> tuple[Word, str]:
    if pair.reason or moved is None:
        return "inconclusive", pair.reason or "one of the runs has fewer than two units of it"
    if "smoke" in (pair.base.run.profile, pair.later.run.profile):
        return "inconclusive", SMOKE_NOTE
    decision = _decision(pair, moved)
    if pair.different and moved.excludes_nothing:
        return EXPLAINED, f"{EXPLAINED}: {named_differences(pair.different)}"
    if decision.word == "supported":
        return "different", decision.reason
    word: Word = "no difference shown" if decision.word == "no difference shown" else "inconclusive"
    return word, decision.reason


def _decision(pair: _Pair, moved: Moved) -> Decision:
    asked, first, second = pair.asked, pair.base.of.values, pair.later.of.values
    if not asked.unit:
        ratio = ratio_of_ratios(second, first, level=moved.level)
        return decide(ratio, claim="different", kind=asked.kind, min_blocks=asked.least)
    if (n := min(len(first), len(second))) < asked.least:
        return Decision("inconclusive", f"{n} valid blocks, {asked.least} are needed")
    return decide_difference(moved.low, moved.high, margin=asked.margin, unit=asked.unit)
