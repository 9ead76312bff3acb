"""The floor: how close each arm comes to a bare handler of its own framework with the same SQL.

`settings["floor"]` of a run names the comparisons. Neighbours: `dataset`, `measures`, `build`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

import bench
from bench.experiments.floor.records import NAME
from bench.experiments.floor.windows import reached
from bench.report.measures import (
    Level,
    cpu_ms_per_request,
    level_of,
    mean_parts,
    share_of_time,
    sql_per_request,
)
from bench.report.naming import ALL, words
from bench.report.selection import Cell, cells_of
from bench.results.dataset import RunData
from bench.results.journal import CorruptResults, Trial, Verdict
from bench.results.verdict import SMOKE_NOTE
from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.precision import MIN_VALID_BLOCKS
from bench.stats.verdicts import decide_share

REPOSITORY = Path(bench.__file__).resolve().parent.parent
_MAX_SOURCE_BYTES = 40_000


@dataclass(frozen=True)
class FloorPair:
    """One comparison as the run's settings name it; `operation` is the trial's mix."""

    operation: str
    arm: str
    bare: str
    framework: str
    source: str
    target: float = 0.6
    bound: float = 0.55


@dataclass(frozen=True)
class FloorSide:
    """What one side (arm or bare handler) did, over its valid trials."""

    name: str
    rate_rps: Level | None
    cpu_ms: Level | None
    statements: float | None
    commits: float | None
    times_ms: dict[str, float | None]
    cpu_parts_ms: dict[str, float]
    failed: int


@dataclass(frozen=True)
class FloorResult:
    """A comparison with both sides and its verdict."""

    pair: FloorPair
    arm: FloorSide
    bare: FloorSide
    verdict: Verdict

    @property
    def source_text(self) -> str | None:
        """The bare handler's source if this tree has it, to be read inside the page."""
        path = source_path(self.pair.source)
        if path is None or path.stat().st_size > _MAX_SOURCE_BYTES:
            return None
        return path.read_text(encoding="utf-8", errors="replace")


def floor_results(data: RunData) -> list[FloorResult]:
    """Return every floor comparison the run holds; empty without a floor experiment."""
    found = ((pair, _cell(data, pair)) for pair in _pairs(data))
    return [_result(data, pair, cell) for pair, cell in found if cell is not None]


def source_path(name: str) -> Path | None:
    """Return the source file of this tree; None if absent, outside of it or no code of ours."""
    relative = PurePosixPath(name)
    if relative.suffix != ".py" or relative.is_absolute() or ".." in relative.parts:
        return None
    path = REPOSITORY / name
    return path if path.is_file() else None


def _pairs(data: RunData) -> list[FloorPair]:
    raw: Any = data.journal.settings.get(NAME, [])
    try:
        return msgspec.convert(raw, list[FloorPair])
    except msgspec.ValidationError as exc:
        raise CorruptResults(f"{data.path}: settings.floor: {exc}") from exc


def _cell(data: RunData, pair: FloorPair) -> Cell | None:
    """Trials of one comparison only: another one's reruns have attempts of their own."""
    sides = (pair.arm, pair.bare)
    own = [
        s
        for s in data.trials
        if (s.trial.experiment, s.trial.mix) == (NAME, pair.operation)
        and s.trial.deployment in sides
    ]
    return next(iter(cells_of(own)), None)


def _result(data: RunData, pair: FloorPair, cell: Cell) -> FloorResult:
    arm, bare = _side(data, cell, pair.arm), _side(data, cell, pair.bare)
    return FloorResult(pair, arm, bare, _verdict(data, pair, cell))


def _side(data: RunData, cell: Cell, name: str) -> FloorSide:
    samples = cell.samples(name)
    statements, commits = sql_per_request(data, name, cell.mix) or (None, None)
    return FloorSide(
        name=name,
        rate_rps=level_of([s.good_rps for s in samples]),
        cpu_ms=level_of([cpu_ms_per_request(s) for s in samples]),
        statements=statements,
        commits=commits,
        times_ms=share_of_time(samples, ALL),
        cpu_parts_ms=mean_parts(samples),
        failed=sum(s.failures[ALL] for s in samples),
    )


def _verdict(data: RunData, pair: FloorPair, cell: Cell) -> Verdict:
    both = [(a.trial, b.trial) for a, b in cell.pairs(pair.arm, pair.bare)]
    word, note, ratio = _judged(data, pair, both)
    return Verdict(
        id=f"{NAME}/{pair.operation}/{pair.arm}:{pair.bare}",
        question=(
            f"Does {pair.arm} reach {pair.target:g} of a bare {pair.framework} handler's rate "
            f"for {words(pair.operation)}?"
        ),
        metric="throughput_rps",
        numerator=pair.arm,
        denominator=pair.bare,
        operation=pair.operation,
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=0.95,
        n_blocks=len(both),
        verdict=word,
        rule=(
            f"estimate at least {pair.target:g} and lower bound of the paired 95 % t interval "
            f"at least {pair.bound:g}: reached; whole interval below {pair.target:g}: not "
            f"reached; from at least {MIN_VALID_BLOCKS} pairs of windows; by CPU a request in "
            "place of the rate where the load generator was the limit"
        ),
        note=note,
    )


def _judged(
    data: RunData, pair: FloorPair, both: Sequence[tuple[Trial, Trial]]
) -> tuple[Any, str, PairedRatio | None]:
    if not both:
        return "invalid", "no block with two valid trials", None
    try:
        found = reached(both)
        ratio = paired_ratio(found.logs)
    except StatisticsError as exc:
        return "inconclusive", str(exc), None
    if data.journal.profile == "smoke":
        return "inconclusive", SMOKE_NOTE, ratio
    decision = decide_share(ratio, target=pair.target, bound=pair.bound)
    limited = (
        "by CPU a request: the load generator was the limit of the rate; "
        if found.basis != "rate"
        else ""
    )
    return decision.word, limited + decision.reason, ratio
