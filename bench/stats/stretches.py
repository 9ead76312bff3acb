"""Open-loop stretches of a user's own services: medians of a name, alternating, compared by pair.

A stretch has its own arrivals, so nothing matches one by one: the unit is the pair of stretches.
Neighbour: `turns` compares visits one by one, and has the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from bench.stats.paired import paired_ratio
from bench.stats.turns import MOST_NAMES, OTHERS, Answer, NameRatio, NameVerdict, decided

LEAST_PAIRS = 6
LEAST_ANSWERS = 10  # of a name in a stretch: fewer make no median worth comparing


@dataclass(frozen=True)
class StretchPair:
    """The answers of two adjacent stretches, the baseline's first; `ms` from the due time."""

    first: Sequence[Answer]
    second: Sequence[Answer]


def stretch_verdicts(pairs: Sequence[StretchPair]) -> list[NameVerdict]:
    """Decide on the ratio of medians, second over first, of every name."""
    return decided(lambda levels: _ratios(pairs, levels), 0.0, LEAST_PAIRS)


def _ratios(pairs: Sequence[StretchPair], levels: Mapping[str, float]) -> list[NameRatio]:
    counts: dict[str, int] = {}
    for answer in chain.from_iterable((*pair.first, *pair.second) for pair in pairs):
        counts[answer.name] = counts.get(answer.name, 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    rows = {name: {name} for name in ordered[:MOST_NAMES]}
    if len(ordered) > MOST_NAMES:
        rows[OTHERS] = set(ordered[MOST_NAMES:])
    return [_ratio(row, names, pairs, levels.get(row, 0.95)) for row, names in rows.items()]


def _ratio(row: str, names: set[str], pairs: Sequence[StretchPair], level: float) -> NameRatio:
    sides = [
        [[answer for answer in side if answer.name in names] for side in (pair.first, pair.second)]
        for pair in pairs
    ]
    first, second = (list(chain.from_iterable(side[at] for side in sides)) for at in (0, 1))
    logs = [
        np.log(_median(b)) - np.log(_median(a))
        for a, b in sides
        if min(len(a), len(b)) >= LEAST_ANSWERS
    ]
    wrong = [answer.error for answer in (*first, *second) if answer.error]
    found = NameRatio(
        name=row,
        requests=max(len(first), len(second)),
        median_ms=(_median(first), _median(second)),
        first_wrong=sum(bool(answer.error) for answer in first),
        second_wrong=sum(bool(answer.error) for answer in second),
        both_wrong=0,
        example=wrong[0] if wrong else "",
        ratio=None,
        reason="",
        members=len(names),
    )
    if found.failing:
        return found.without("wrong answers: no time to compare")
    if len(logs) < 2:
        return found.without(f"{found.requests} requests are too few for an interval")
    return found.with_ratio(paired_ratio(np.array(logs), level=level))


def _median(answers: Sequence[Answer]) -> float:
    """Wrong answers count as infinitely slow."""
    times = [float("inf") if answer.error else answer.ms for answer in answers]
    return float(np.median(times)) if times else float("nan")
