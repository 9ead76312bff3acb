"""All ways to cut the shop into processes, ranked: each against the best, paired over blocks.

Neighbours: `sections.topologies` writes it down, `figures.topologies` draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np

from bench.report.measures import METRIC_NAMES, Kind, Level, level_of, trial_value
from bench.report.naming import ALL
from bench.report.selection import Cell, cells_of
from bench.report.wrong_answers import findings
from bench.results.dataset import RunData
from bench.results.journal import Verdict
from bench.results.verdict import SMOKE_NOTE
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, log_ratios, paired_ratio
from bench.stats.precision import MIN_VALID_BLOCKS
from bench.stats.verdicts import decide, threshold_for

EXPERIMENT = "topologies"
KINDS: tuple[Kind, ...] = ("p50", "p95", "cpu")
KIND_WORDS = {"p50": "p50 response time", "p95": "p95 response time", "cpu": "CPU per request"}
_MOST = 20  # partitions compared with the best; four components have 15


@dataclass(frozen=True)
class Place:
    """One partition in the ranking by one metric. `ratio`: against the best; None for the best.

    `apart`: Holm tells it from the best, and by at least the metric's threshold.
    """

    name: str
    processes: int
    level: Level
    ratio: PairedRatio | None
    apart: bool


@dataclass(frozen=True)
class Ranking:
    """Places by one metric, best first. `n_blocks` hold every partition."""

    kind: Kind
    places: tuple[Place, ...]
    n_blocks: int

    @property
    def best(self) -> Place:
        """The one with the smallest geometric mean."""
        return self.places[0]

    @property
    def settled(self) -> bool:
        """Whether there are blocks enough to tell anything apart."""
        return self.n_blocks >= MIN_VALID_BLOCKS

    @property
    def with_best(self) -> list[str]:
        """The best and all that are not told apart from it."""
        return [place.name for place in self.places if not place.apart]


def partition_cell(data: RunData) -> Cell | None:
    """Return the cell of the experiment, None without one."""
    own = [s for s in data.trials if s.trial.experiment == EXPERIMENT]
    return next(iter(cells_of(own)), None)


def rankings(cell: Cell) -> list[Ranking]:
    """Return a ranking for each metric that every partition has in at least two valid blocks."""
    found = (ranking(cell, kind) for kind in KINDS)
    return [each for each in found if each is not None]


def ranking(cell: Cell, kind: Kind) -> Ranking | None:
    """Rank by the geometric mean over the blocks that have a value of every partition."""
    names = cell.deployments
    values = [
        [trial_value(block[name], kind, ALL) if name in block else None for name in names]
        for block in cell.blocks
    ]
    whole = [[v for v in row if v is not None and v > 0] for row in values]
    table = np.array([row for row in whole if len(row) == len(names)])
    if len(table) < 2 or len(names) < 2:
        return None
    order = np.argsort(np.log(table).mean(axis=0), kind="stable")
    best = table[:, order[0]]
    logs = {names[i]: log_ratios(table[:, i], best) for i in order[1:]}
    steps = holm({name: paired_ratio(own).p_value for name, own in logs.items()}, most=_MOST)
    places = []
    for i in order:
        name = names[i]
        ratio = paired_ratio(logs[name], level=steps[name].level) if name in logs else None
        far = ratio is not None and ratio.log_mean >= log(1 + threshold_for(kind))
        apart = far and steps[name].rejected and len(table) >= MIN_VALID_BLOCKS
        level = level_of(list(table[:, i]))
        assert level is not None
        places.append(Place(name, _processes(cell, name), level, ratio, apart))
    return Ranking(kind, tuple(places), len(table))


def verdicts_of(data: RunData, cell: Cell, ranked: Sequence[Ranking]) -> list[Verdict]:
    """Judge for p50 and CPU: does cutting everything apart cost more than the best cut?"""
    found = []
    for each in ranked:
        if each.kind == "p95":
            continue
        place = next((p for p in each.places if p.name == "microservices"), None)
        if place is not None and place.ratio is not None:
            found.append(_verdict(data, cell, each, place, place.ratio))
    return found


def _verdict(
    data: RunData, cell: Cell, ranked: Ranking, place: Place, ratio: PairedRatio
) -> Verdict:
    word, note = _judged(data, cell, ranked, place, ratio)
    pair = f"{place.name}:{ranked.best.name}"
    metric = METRIC_NAMES[ranked.kind]
    return Verdict(
        id=f"{EXPERIMENT}/{cell.mix}@{cell.offered_rps:g}/{pair}/all/{metric}",
        question=(
            f"Is the {KIND_WORDS[ranked.kind]} of the {cell.mix} load higher with every component "
            "in a process of its own than in the best partition?"
        ),
        metric=metric,
        numerator=place.name,
        denominator=ranked.best.name,
        operation=ALL,
        estimate=ratio.estimate,
        low=ratio.low,
        high=ratio.high,
        level=ratio.level,
        n_blocks=ratio.n_blocks,
        verdict=word,
        rule=(
            f"paired log-ratio against the best, t interval (Holm over {len(ranked.places) - 1} "
            f"comparisons); threshold {threshold_for(ranked.kind):.0%}; at least 6 valid blocks"
        ),
        note=f"{note}; the best was chosen from the same blocks",
    )


def _judged(
    data: RunData, cell: Cell, ranked: Ranking, place: Place, ratio: PairedRatio
) -> tuple[Any, str]:
    wrong = findings(cell, (place.name, ranked.best.name), ALL)
    if wrong and ranked.kind != "cpu":
        return "inconclusive", wrong
    if data.journal.profile == "smoke":
        return "inconclusive", SMOKE_NOTE
    try:
        found = decide(ratio, claim="greater", kind=ranked.kind)
    except StatisticsError as exc:
        return "inconclusive", str(exc)
    return found.word, found.reason


def _processes(cell: Cell, name: str) -> int:
    samples = cell.samples(name)
    return int(samples[0].trial.facts.get("processes", 0)) if samples else 0


def margin(ranked: Ranking) -> float | None:
    """Return how much worse the last place is than the best, as a ratio."""
    last = ranked.places[-1].ratio
    return exp(last.log_mean) if last is not None else None
