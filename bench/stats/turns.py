"""Turns of a user's own services: the same visit on either side, its requests matched one by one.

A visit's requests match by position and name; a ratio is by name. Neighbours: `rounds` has the
clusters of a second, `verdicts` the rule; `experiments.own_pair.turn_conductor` hands out the
turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np

from bench.stats.arrays import Floats
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import HolmStep, holm
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.rounds import (
    CLUSTER_S,
    MIN_ROUNDS,
    MIN_STARTS,
    RoundLogs,
    cluster_medians,
    enough,
    round_logs,
)
from bench.stats.verdicts import Decision, decide

DIVERGED_LIMIT = 0.01  # of the visits: above, what is compared is a selection
WRONG_LIMIT = 0.001  # of a name's answers on one side: above, its time means nothing
MOST_NAMES = 20
OTHERS = "all other names"
LEAST_CLUSTERS = 6
KIND = "p50"


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of a visit. `sent_s`: seconds from the start's zero; `error` "": it was right."""

    name: str
    sent_s: float
    ms: float
    error: str


@dataclass
class NameTimes:
    """What both sides took for the requests of one name, in the order of the visits."""

    at_s: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    second_ms: list[float] = field(default_factory=list)
    first_wrong: list[str] = field(default_factory=list)
    second_wrong: list[str] = field(default_factory=list)

    def add(self, first: Answer, second: Answer) -> None:
        """Take one matched pair."""
        self.at_s.append(min(first.sent_s, second.sent_s))
        self.first_ms.append(max(first.ms, 1e-6))  # a ratio needs positive times
        self.second_ms.append(max(second.ms, 1e-6))
        self.first_wrong.append(first.error)
        self.second_wrong.append(second.error)

    def extend(self, other: NameTimes) -> None:
        """Take all pairs of another name as well."""
        for name in self.__dataclass_fields__:
            getattr(self, name).extend(getattr(other, name))


@dataclass
class Start:
    """The turns of one start of both sides, as they come.

    `diverged`: visits whose sequence of names differs; `cut_short`: those that differ after an
    answer that was wrong on one side, which count up to there; `example`: the first divergence.
    `elsewhere`: requests to other hosts, which nobody compares.
    """

    names: dict[str, NameTimes] = field(default_factory=dict)
    visits: int = 0
    silent: int = 0
    diverged: int = 0
    cut_short: int = 0
    elsewhere: int = 0
    example: str = ""

    def add(self, first: Sequence[Answer], second: Sequence[Answer]) -> None:
        """Take one visit as it went on either side."""
        self.visits += 1
        self.silent += not first and not second
        alike = matching(first, second)
        whole = alike == len(first) == len(second)
        pairs = list(zip(first[:alike], second[:alike], strict=True))
        if not whole and not any(bool(a.error) != bool(b.error) for a, b in pairs):
            self.diverged += 1
            self.example = self.example or _difference(first, second, alike)
            return
        self.cut_short += not whole
        for a, b in pairs:
            self.names.setdefault(a.name, NameTimes()).add(a, b)

    def extend(self, other: Start) -> None:
        """Take the turns of another stretch of the same start."""
        for name, times in other.names.items():
            self.names.setdefault(name, NameTimes()).extend(times)
        for count in ("visits", "silent", "diverged", "cut_short", "elsewhere"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        self.example = self.example or other.example


@dataclass(frozen=True)
class NameRatio:
    """The second side over the first for one name. `ratio` None: `reason` says why.

    `first_wrong`, `second_wrong`: answers that were wrong; `example` is the first one's error.
    `median_ms`: of the first and the second side, right answers only, NaN without one.
    """

    name: str
    requests: int
    median_ms: tuple[float, float]
    first_wrong: int
    second_wrong: int
    both_wrong: int
    example: str
    ratio: PairedRatio | None
    reason: str
    members: int = 1

    @property
    def failing(self) -> bool:
        """Whether one side gave more wrong answers than a time can stand."""
        most = max(self.first_wrong, self.second_wrong)
        return self.requests > 0 and most > WRONG_LIMIT * self.requests

    def without(self, reason: str) -> NameRatio:
        """Say why there is no ratio."""
        return replace(self, reason=reason)

    def with_ratio(self, ratio: PairedRatio) -> NameRatio:
        """Give it a ratio."""
        return replace(self, ratio=ratio)


@dataclass(frozen=True)
class NameVerdict:
    """A name's ratio at the level of its decision, and the decision."""

    found: NameRatio
    decision: Decision
    step: HolmStep | None


def matching(first: Sequence[Answer], second: Sequence[Answer]) -> int:
    """How many requests from the beginning have the same names."""
    for number, (a, b) in enumerate(zip(first, second, strict=False)):
        if a.name != b.name:
            return number
    return min(len(first), len(second))


def diverged_share(starts: Sequence[Start]) -> float:
    """The share of visits that are left out because their sequences differ."""
    visits = sum(start.visits for start in starts)
    return sum(start.diverged for start in starts) / visits if visits else 0.0


def shown_names(starts: Sequence[Start]) -> dict[str, list[str]]:
    """Return the names by row: the 20 most frequent by themselves, the others together."""
    counts: dict[str, int] = {}
    for start in starts:
        for name, times in start.names.items():
            counts[name] = counts.get(name, 0) + len(times.at_s)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    rows = {name: [name] for name in ordered[:MOST_NAMES]}
    if len(ordered) > MOST_NAMES:
        rows[OTHERS] = ordered[MOST_NAMES:]
    return rows


def name_ratios(
    starts: Sequence[Start],
    *,
    by_start: bool,
    levels: Mapping[str, float] | None = None,
) -> list[NameRatio]:
    """Return the ratios second/first by name, the most frequent first.

    `by_start`: the start is the unit, one value each; otherwise the clusters of the one start.
    `levels`: of the intervals, by name; 95 % where it says nothing.
    """
    known = levels or {}
    return [
        _ratio_of(row, members, starts, by_start=by_start, level=known.get(row, 0.95))
        for row, members in shown_names(starts).items()
    ]


def judged(starts: Sequence[Start], *, by_start: bool) -> list[NameVerdict]:
    """Decide on every name, Holm's step-down over all that have a ratio.

    Above 1 % of diverged visits every decision is `invalid`.
    """
    return decided(
        lambda levels: name_ratios(starts, by_start=by_start, levels=levels),
        diverged_share(starts),
        MIN_STARTS if by_start else LEAST_CLUSTERS,
    )


def decided(
    ratios: Callable[[Mapping[str, float]], list[NameRatio]], diverged: float, least: int
) -> list[NameVerdict]:
    """Decide by Holm on ratios that are given at the levels asked for; `least`: units needed."""
    p_values = {each.name: each.ratio.p_value for each in ratios({}) if each.ratio is not None}
    steps = holm(p_values, most=MOST_NAMES + 1) if p_values else {}
    found = ratios({name: step.level for name, step in steps.items()})
    return [
        NameVerdict(each, _decision(each, diverged, least), steps.get(each.name)) for each in found
    ]


def enough_turns(starts: Sequence[Start], *, by_start: bool) -> bool:
    """Whether every name that has a ratio at all is known well enough; see `rounds.enough`."""
    found = name_ratios(starts, by_start=by_start)
    p_values = {each.name: each.ratio.p_value for each in found if each.ratio is not None}
    if not p_values or not starts:
        return bool(found) and all(each.failing for each in found)
    steps = holm(p_values, most=MOST_NAMES + 1)
    return all(
        each.failing
        or bool(enough(_units(each, starts, by_start), level=steps[each.name].level, kind=KIND))
        for each in found
        if each.name in steps
    )


def _units(found: NameRatio, starts: Sequence[Start], by_start: bool) -> Floats:
    members = shown_names(starts)[found.name]
    return _log_units([_joined(start, members) for start in starts], by_start=by_start)


def _decision(found: NameRatio, diverged: float, least: int) -> Decision:
    if diverged > DIVERGED_LIMIT:
        return Decision("invalid", f"{diverged:.1%} of the visits went differently on the two")
    if found.ratio is None:
        return Decision("inconclusive", found.reason)
    return decide(found.ratio, claim="different", kind=KIND, min_blocks=least)


def _ratio_of(
    row: str, members: Sequence[str], starts: Sequence[Start], *, by_start: bool, level: float
) -> NameRatio:
    parts = [_joined(start, members) for start in starts]
    whole = NameTimes()
    for part in parts:
        whole.extend(part)
    wrong = [a or b for a, b in zip(whole.first_wrong, whole.second_wrong, strict=True)]
    bare = NameRatio(
        name=row,
        requests=len(whole.at_s),
        median_ms=(
            _median(whole.first_ms, whole.first_wrong),
            _median(whole.second_ms, whole.second_wrong),
        ),
        first_wrong=sum(map(bool, whole.first_wrong)),
        second_wrong=sum(map(bool, whole.second_wrong)),
        both_wrong=sum(map(_both, whole.first_wrong, whole.second_wrong)),
        example=next((text for text in wrong if text), ""),
        ratio=None,
        reason="",
        members=len(members),
    )
    if bare.failing:
        return bare.without("wrong answers: no time to compare")
    units = _log_units(parts, by_start=by_start)
    if units.size < (2 if by_start else LEAST_CLUSTERS):
        return bare.without(f"{bare.requests} requests are too few for an interval")
    try:
        return bare.with_ratio(paired_ratio(units, level=level))
    except StatisticsError as exc:
        return bare.without(str(exc))


def _log_units(parts: Sequence[NameTimes], *, by_start: bool) -> Floats:
    """The log-ratios that the interval is over: one a start, or one a cluster of the starts."""
    clusters = [_clusters(part) for part in parts]
    if by_start:
        return np.array([each.mean() for each in clusters if each.size])
    return np.concatenate(clusters) if clusters else np.array([])


def _clusters(times: NameTimes) -> Floats:
    """Medians by second, or by as many seconds as it takes for three requests of the name."""
    logs = _logs(times)
    if logs.at_s.size < MIN_ROUNDS:
        return np.array([])
    lasted = float(np.ptp(logs.at_s))
    cluster_s = CLUSTER_S * max(1, ceil(MIN_ROUNDS * lasted / logs.at_s.size / CLUSTER_S))
    medians = cluster_medians(logs, cluster_s=cluster_s, least=1)[1]
    # one side wrong in most of a cluster: below the limit on failures it is one odd second
    return medians[np.isfinite(medians)]


def _logs(times: NameTimes) -> RoundLogs:
    wrong = tuple(
        np.array([bool(text) for text in texts], dtype=np.bool_)
        for texts in (times.second_wrong, times.first_wrong)
    )
    at_s, second, first = map(np.array, (times.at_s, times.second_ms, times.first_ms))
    return round_logs(at_s, second, first, (wrong[0], wrong[1]))


def _joined(start: Start, members: Sequence[str]) -> NameTimes:
    if len(members) == 1:
        return start.names.get(members[0], NameTimes())
    whole = NameTimes()
    for name in members:
        whole.extend(start.names.get(name, NameTimes()))
    return whole


def _median(times: Sequence[float], wrong: Sequence[str]) -> float:
    right = [ms for ms, text in zip(times, wrong, strict=True) if not text]
    return float(np.median(right)) if right else float("nan")


def _both(first: str, second: str) -> bool:
    return bool(first and second)


def _difference(first: Sequence[Answer], second: Sequence[Answer], alike: int) -> str:
    one, other = (
        each[alike].name if alike < len(each) else "(nothing)" for each in (first, second)
    )
    return f"request {alike + 1}: {one} on the first, {other} on the second"
