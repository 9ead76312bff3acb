"""Scaling: capacity by level of CPU in each arm, what a step gives, and what that proves.

CPU of a level: the quotas of its serving processes, and what its databases used (they have no
quota, in either arm). Edges are counted apart. Neighbours: `scaling_verdicts` judges,
`sections.scaling` prints, `figures.scaling` draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from statistics import fmean
from typing import Any

import numpy as np

from bench.report.measures import Level, cpu_requests, level_of
from bench.report.naming import deployment_order, is_database, number, words
from bench.results.dataset import RunData, TrialSample
from bench.results.journal import CorruptResults

SCALING = "scaling"
EDGE = "edge:"
_BLOCK = 10_000  # trial.block = block * 10,000 + level * 100 + probe


@dataclass(frozen=True)
class Search:
    """One level in one block. `at_low`: passing probes at the bracket's lower end."""

    block: int
    capacity_rps: float | None
    bracket: str
    reason: str
    at_low: tuple[TrialSample, ...]
    limit: TrialSample | None

    @property
    def database_cores(self) -> float | None:
        """CPU of the databases at the lower end."""
        return _mean(cores_of(sample, is_database) for sample in self.at_low)

    @property
    def edge_cores(self) -> float | None:
        return _mean(cores_of(sample, is_edge) for sample in self.at_low)

    @property
    def serving_gib(self) -> float | None:
        return _mean(gib_of(sample, is_serving) for sample in self.at_low)

    @property
    def database_gib(self) -> float | None:
        return _mean(gib_of(sample, is_database) for sample in self.at_low)

    @property
    def edge_gib(self) -> float | None:
        return _mean(gib_of(sample, is_edge) for sample in self.at_low)


@dataclass(frozen=True)
class Step:
    """One level of one arm under one mix, over the blocks."""

    deployment: str
    mix: str
    level: int
    replicas: Mapping[str, int]
    quota_cores: float
    searches: tuple[Search, ...]

    @cached_property
    def by_block(self) -> dict[int, float]:
        """Capacity of the blocks whose search found both ends."""
        return {s.block: s.capacity_rps for s in self.searches if s.capacity_rps is not None}

    @cached_property
    def capacity(self) -> Level | None:
        """Geometric mean over the blocks with its t interval."""
        return level_of(list(self.by_block.values()))

    def cores(self, block: int) -> float | None:
        """Quotas and the databases' use."""
        search = self._search(block)
        used = search.database_cores if search is not None else None
        return None if used is None else self.quota_cores + used

    def gib(self, block: int) -> float | None:
        """Memory of serving processes and databases."""
        search = self._search(block)
        if search is None or search.serving_gib is None or search.database_gib is None:
            return None
        return search.serving_gib + search.database_gib

    def serving_gib(self, block: int) -> float | None:
        """Memory of what can be scaled."""
        search = self._search(block)
        return None if search is None else search.serving_gib

    def mean(self, what: str) -> float | None:
        """Mean over the blocks of a property of a search."""
        return _mean(getattr(search, what) for search in self.searches)

    @cached_property
    def uses(self) -> dict[str, tuple[float, float]]:
        """(share of its quota used, share of periods held back) by component, at the limit."""
        found: dict[str, list[tuple[float, float]]] = {}
        for search in self.searches:
            facts = search.limit.trial.facts if search.limit is not None else {}
            for name, value in facts.items():
                if name.startswith("use/"):
                    component = name.removeprefix("use/")
                    held = facts.get(f"held_back/{component}", 0.0)
                    found.setdefault(component, []).append((value, held))
        return {
            name: (fmean(u for u, _ in each), fmean(h for _, h in each))
            for name, each in found.items()
        }

    @cached_property
    def bottlenecks(self) -> Counter[str]:
        """Which component used most of its quota at the limit, by number of blocks."""
        return Counter(
            name for search in self.searches if (name := _most_used(search.limit)) is not None
        )

    def _search(self, block: int) -> Search | None:
        return next((search for search in self.searches if search.block == block), None)


@dataclass(frozen=True)
class Climb:
    """One arm under one mix, level by level. `scaled[i]`: what got a replica before level i."""

    deployment: str
    mix: str
    steps: tuple[Step, ...]
    scaled: tuple[str, ...]

    def slope(self, block: int, resource: str) -> float | None:
        """Requests/s for each unit added of `cores` or `serving_gib`, least squares over levels.

        None where fewer than two levels have both.
        """
        points = [
            (size, capacity)
            for step in self.steps
            if (capacity := step.by_block.get(block)) is not None
            and (size := getattr(step, resource)(block)) is not None
        ]
        sizes = {size for size, _ in points}
        if len(sizes) < 2:
            return None
        return float(np.polyfit([p[0] for p in points], [p[1] for p in points], 1)[0])

    def efficiency(self, level: int, block: int, resource: str) -> float | None:
        """Requests/s for each unit of `cores` or `gib` there is at a level."""
        step = self.steps[level]
        capacity, size = step.by_block.get(block), getattr(step, resource)(block)
        return None if capacity is None or not size else capacity / float(size)

    @property
    def whole(self) -> bool:
        """Whether it is one process, scaled as a whole."""
        return len(self.steps[0].replicas) == 1

    @property
    def blocks(self) -> list[int]:
        return sorted({search.block for step in self.steps for search in step.searches})


def climbs_of(data: RunData) -> list[Climb]:
    """Return every arm under every mix, in the order of the run's mixes. Raises CorruptResults."""
    told = data.journal.settings.get(SCALING)
    if told is None:
        return []
    try:
        cells, paths = list(told.get("cells", [])), dict(told.get("paths", {}))
        keys = dict.fromkeys((str(cell["mix"]), str(cell["deployment"])) for cell in cells)
        order = deployment_order(name for _, name in keys)
        mixes = [
            mix for mix in (key.split("/")[0] for key in paths) if (mix in {m for m, _ in keys})
        ]
        return [
            _climb(data, cells, paths.get(f"{mix}/{name}", []), mix, name)
            for mix in dict.fromkeys([*mixes, *(m for m, _ in keys)])
            for name in order
            if (mix, name) in keys
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise CorruptResults(f"{data.path}: settings.scaling is damaged: {exc!r}") from exc


def _climb(
    data: RunData, cells: Sequence[Mapping[str, Any]], path: Sequence[Mapping[str, Any]],
    mix: str, name: str,
) -> Climb:  # fmt: skip
    own = [cell for cell in cells if (cell["mix"], cell["deployment"]) == (mix, name)]
    trials = [
        sample
        for sample in data.trials
        if (sample.trial.experiment, sample.trial.mix, sample.trial.deployment)
        == (SCALING, mix, name)
    ]
    steps = []
    for level in sorted({int(cell["level"]) for cell in own}):
        at_level = sorted((c for c in own if c["level"] == level), key=lambda c: int(c["block"]))
        probes = [sample for sample in trials if sample.trial.facts.get("level") == level]
        steps.append(
            Step(
                name, mix, level, dict(at_level[0]["replicas"]),
                float(at_level[0]["quota_cores"]),
                tuple(_search(data, cell, probes) for cell in at_level),
            )
        )  # fmt: skip
    scaled = ("", *(str(step["bottleneck"]) for step in path[:-1]))
    return Climb(name, mix, tuple(steps), scaled[: len(steps)])


def _search(data: RunData, cell: Mapping[str, Any], probes: Sequence[TrialSample]) -> Search:
    block, low, high = int(cell["block"]), cell["low_rps"], cell["high_rps"]
    own = [
        sample
        for sample in probes
        if sample.trial.block // _BLOCK == block
        and (sample.trial.status != "invalid" or data.journal.profile == "smoke")
    ]
    at_low = tuple(
        s for s in own if s.trial.offered_rps == low and s.trial.facts.get("slo_pass") == 1.0
    )
    above = [s for s in own if s.trial.offered_rps == high]
    capacity = sqrt(float(low) * float(high)) if low is not None and high is not None else None
    bracket = f"[{low or 0:g}, {high:g})" if high is not None else f"[{low or 0:g}, –)"
    limit = next(iter(reversed(above)), at_low[-1] if at_low else None)
    return Search(block, capacity, bracket, str(cell.get("reason", "")), at_low, limit)


def is_edge(name: str) -> bool:
    """Whether it is an edge before replicas."""
    return name.startswith(EDGE)


def is_serving(name: str) -> bool:
    """Whether it is a process of the shop."""
    return ":" not in name


def cores_of(sample: TrialSample, wanted: Any) -> float:
    """CPU cores that some components used: CPU of a request times right answers a second."""
    requests = cpu_requests(sample)
    cpu_s = sum(use.cpu_seconds for name, use in sample.trial.usage.items() if wanted(name))
    return cpu_s / requests * sample.good_rps if requests else 0.0


def gib_of(sample: TrialSample, wanted: Any) -> float:
    """Memory (PSS) of some components."""
    return sum(u.pss_bytes for name, u in sample.trial.usage.items() if wanted(name)) / 2**30


def _most_used(sample: TrialSample | None) -> str | None:
    facts = sample.trial.facts if sample is not None else {}
    uses = {
        name.removeprefix("use/"): (round(value, 2), facts.get(f"held_back/{name[4:]}", 0.0))
        for name, value in facts.items()
        if name.startswith("use/")
    }
    return max(uses, key=lambda name: (*uses[name], name)) if uses else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def scaling_cell(data: RunData, deployment: str) -> str | None:
    """Return a deployment's cell of the comparison table, None where it was not scaled."""
    parts = []
    for climb in climbs_of(data):
        first, last = climb.steps[0], climb.steps[-1]
        if climb.deployment != deployment or first.capacity is None or last.capacity is None:
            continue
        grew = dict.fromkeys(name for name in climb.scaled[1:] if name)
        how = "copies of the whole" if climb.whole else f"replicas of {' and '.join(grew)}"
        parts.append(
            f"{words(climb.mix)} load: {number(first.capacity.value)} to "
            f"{number(last.capacity.value)} requests/s at the SLO with {first.quota_cores:g} to "
            f"{last.quota_cores:g} cores, by {how}"
        )
    return "; ".join(parts) or None
