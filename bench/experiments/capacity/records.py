"""What `capacity` found: throughput at saturation, the searches' brackets, verdicts on both.

Neighbours: `measure` measures and says each verdict as soon as it has it,
`bench.experiments.capacity.findings` shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log, sqrt
from statistics import geometric_mean
from typing import Any

import msgspec

from bench.results.journal import Journal, Trial
from bench.results.verdict import SMOKE_NOTE, Verdict
from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.precision import MIN_VALID_BLOCKS
from bench.stats.verdicts import THRESHOLDS, Claim, Decision, decide

CAPACITY = "capacity"  # the experiment, and its probes
SATURATION = "capacity:saturation"
CURVE = "capacity:curve"
SEARCHES = "capacity_searches"  # the setting with the brackets
MIN_SEARCHES = 3
# What is claimed of the first of each pair, before any run: less throughput, less capacity.
PAIRS: tuple[tuple[str, str, Claim], ...] = (
    ("microservices", "monolith", "less"),
    ("microservices", "modular-split", "less"),
)
_LADDER = ("monolith", "modular", "modular-split", "microservices")
_UNITS = {"throughput_rps": "passes", "capacity_rps": "searches"}


class BadSearches(ValueError):
    """The setting with the brackets is not as it was written."""


class SearchEnd(msgspec.Struct, frozen=True):
    """The end of one search: the highest load that passed, the lowest above it that failed.

    `closed`: both ends were found; otherwise `reason` says what was left open.
    """

    mix: str
    deployment: str
    search: int
    low_rps: float | None
    high_rps: float | None
    closed: bool
    reason: str
    probes: int

    @property
    def middle_rps(self) -> float | None:
        """The geometric middle of a closed bracket."""
        if not self.closed or not self.low_rps or not self.high_rps:
            return None
        return sqrt(self.low_rps * self.high_rps)


@dataclass(frozen=True)
class Levels:
    """Requests a second of each deployment under one mix, in units that can be paired.

    `units[i]`: one pass of windows, or the searches of one number; deployment -> requests/s.
    `tried`: the deployments that were measured, though some may have no value.
    """

    mix: str
    units: tuple[Mapping[str, float], ...]
    tried: frozenset[str] = frozenset()

    @property
    def deployments(self) -> list[str]:
        """Deployments that were measured, those of the ladder first and in its order."""
        names = {name for unit in self.units for name in unit} | self.tried
        rank = {name: number for number, name in enumerate(_LADDER)}
        return sorted(names, key=lambda name: (rank.get(name, len(rank)), name))

    def level(self, deployment: str) -> PairedRatio | None:
        """Geometric mean in requests/s with its t interval; None from fewer than two units."""
        return _interval([log(unit[deployment]) for unit in self.units if deployment in unit])

    def mean_rps(self, deployment: str) -> float | None:
        """Geometric mean in requests/s; None without a value."""
        values = [unit[deployment] for unit in self.units if deployment in unit]
        return geometric_mean(values) if values else None

    def logs(self, top: str, bottom: str) -> tuple[float, ...]:
        """Log-ratio in each unit that has both."""
        both = [unit for unit in self.units if top in unit and bottom in unit]
        return tuple(log(unit[top]) - log(unit[bottom]) for unit in both)

    def ratio(self, top: str, bottom: str) -> PairedRatio | None:
        """Ratio over the units that have both, with its t interval; None from fewer than two."""
        return _interval(self.logs(top, bottom))

    def pairs(self) -> list[tuple[str, str]]:
        """All pairs, the later of the ladder first."""
        return [(top, bottom) for bottom, top in combinations(self.deployments, 2)]


def saturation_levels(journal: Journal) -> list[Levels]:
    """Throughput at saturation by mix; a unit is a pass of adjacent windows.

    A pass that was run again counts as it ended. A window that a gate made invalid is left out,
    but not in `smoke`, which claims nothing.
    """
    found: dict[str, dict[int, dict[str, Trial]]] = {}
    lenient = journal.profile == "smoke"
    for trial in journal.trials:
        if trial.experiment == SATURATION:
            held = found.setdefault(trial.mix, {}).setdefault(trial.block, {})
            known = held.get(trial.deployment)
            if known is None or known.attempt <= trial.attempt:
                held[trial.deployment] = trial
    return [
        Levels(
            mix,
            tuple(_rates(held.values(), lenient) for _, held in sorted(passes.items())),
            frozenset(name for held in passes.values() for name in held),
        )
        for mix, passes in found.items()
    ]


def _rates(trials: Iterable[Trial], lenient: bool) -> dict[str, float]:
    return {
        trial.deployment: trial.facts["throughput_rps"]
        for trial in trials
        if (lenient or trial.status != "invalid") and trial.facts["throughput_rps"] > 0
    }


def searches_in(settings: Mapping[str, Any]) -> list[SearchEnd]:
    """The ends of all searches that were finished. Raises BadSearches."""
    try:
        return msgspec.convert(settings.get(SEARCHES, []), list[SearchEnd])
    except msgspec.ValidationError as exc:
        raise BadSearches(f"settings.{SEARCHES} is no list of searches: {exc}") from exc


def capacity_levels(settings: Mapping[str, Any]) -> list[Levels]:
    """Capacity at the service level by mix; a unit is the searches of one number."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    tried: dict[str, set[str]] = {}
    for end in searches_in(settings):
        unit = found.setdefault(end.mix, {}).setdefault(end.search, {})
        tried.setdefault(end.mix, set()).add(end.deployment)
        if end.middle_rps is not None:
            unit[end.deployment] = end.middle_rps
    return [
        Levels(mix, tuple(unit for _, unit in sorted(units.items())), frozenset(tried[mix]))
        for mix, units in found.items()
    ]


def known_capacity_rps(journal: Journal, mix: str, deployment: str) -> tuple[float, str] | None:
    """Requests/s a deployment can do under a mix and where that is from; None: not measured."""
    for levels, source in (
        (capacity_levels(journal.settings), "searched at the SLO"),
        (saturation_levels(journal), "saturated in a closed loop"),
    ):
        own = [each.mean_rps(deployment) for each in levels if each.mix == mix]
        if own and own[0] is not None:
            return own[0], source
    return None


def saturation_verdicts(journal: Journal) -> list[Verdict]:
    """The verdicts on throughput at saturation, threshold 3 %."""
    return [
        verdict
        for levels in saturation_levels(journal)
        for verdict in _verdicts(levels, "throughput_rps", journal.profile)
    ]


def capacity_verdicts(journal: Journal) -> list[Verdict]:
    """The verdicts on capacity at the service level, threshold 10 %."""
    return [
        verdict
        for levels in capacity_levels(journal.settings)
        for verdict in _verdicts(levels, "capacity_rps", journal.profile)
    ]


def told(verdict: Verdict) -> str:
    """One line for the terminal."""
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        return f"{verdict.question} {verdict.verdict} ({verdict.note})"
    return (
        f"{verdict.question} ×{verdict.estimate:.3g} [{verdict.low:.3g}, {verdict.high:.3g}], "
        f"{verdict.n_blocks} {_UNITS[verdict.metric]}: {verdict.verdict} ({verdict.note})"
    )


def _verdicts(levels: Levels, metric: str, profile: str) -> list[Verdict]:
    present = set(levels.deployments)
    return [
        _verdict(levels, metric, pair, profile) for pair in PAIRS if {pair[0], pair[1]} <= present
    ]


def _verdict(levels: Levels, metric: str, pair: tuple[str, str, Claim], profile: str) -> Verdict:
    top, bottom, claim = pair
    least = MIN_VALID_BLOCKS if metric == "throughput_rps" else MIN_SEARCHES
    name = SATURATION if metric == "throughput_rps" else CAPACITY
    what = "throughput at saturation" if metric == "throughput_rps" else "capacity at the SLO"
    ratio = levels.ratio(top, bottom)
    decision = _decision(ratio, claim, metric, least, profile)
    rates = " against ".join(_rate(levels, each) for each in (top, bottom))
    return Verdict(
        id=f"{name}/{levels.mix}/{top}:{bottom}",
        question=f"Is the {what} lower in {top} than in {bottom}? "
        f"({levels.mix.replace('_', ' ')} load)",
        metric=metric,
        numerator=top,
        denominator=bottom,
        operation="all",
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=0.95,
        n_blocks=ratio.n_blocks if ratio else 0,
        verdict=decision.word,
        rule=f"ratio over paired {_UNITS[metric]} with its t interval at 95 %; claim: {claim}; "
        f"threshold {THRESHOLDS[metric]:.0%}; at least {least} {_UNITS[metric]}",
        note=f"{rates} requests/s; {decision.reason}",
    )


def _decision(
    ratio: PairedRatio | None, claim: Claim, metric: str, least: int, profile: str
) -> Decision:
    if profile == "smoke":
        return Decision("inconclusive", SMOKE_NOTE)
    if ratio is None:
        return Decision("inconclusive", f"fewer than two {_UNITS[metric]} count in both")
    return decide(ratio, claim=claim, kind=metric, min_blocks=least)


def _rate(levels: Levels, name: str) -> str:
    mean = levels.mean_rps(name)
    return f"{mean:,.0f}" if mean is not None else "–"


def _interval(logs: Sequence[float]) -> PairedRatio | None:
    try:
        return paired_ratio(logs)
    except StatisticsError:
        return None
