"""The ladder: where the difference between monolith and microservices comes from, step by step.

Neighbours: `questions` picks the cells, `figures.ladder` draws, `page` prints the sanity check.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.dataset import RunData, TrialSample
from bench.report.measures import Kind, Level, level_of, mean_parts, share_of_time, trial_value
from bench.report.naming import (
    ALL,
    DEPLOYMENTS,
    LADDER_STEPS,
    is_database,
    number,
    own_names,
    words,
)
from bench.report.questions import NAMED_ROLES, Question, headline_cell
from bench.report.selection import Cell
from bench.report.verdicts import evidence, overloaded
from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio, paired_ratio

# Same framework, one machine, equal CPU. Throughput 0.38-0.75 for light endpoints is a CPU ratio
# of 1/0.75 ... 1/0.38; mean latency x2-3 at low load (Blinowski 2022, Ueda 2016).
LITERATURE: dict[str, tuple[float, float]] = {"cpu": (1.0 / 0.75, 1.0 / 0.38), "p50": (2.0, 3.0)}
FAR = 2.0  # this many times outside the band is suspicious
# Calls between processes that an answer waits for, client's call to the gateway not counted; an
# order is settled later, many at once.
HOPS = {"product_read": 1, "wallet_read": 1, "order": 3, "overview": 4}
_INSIDE = "inside the band"


@dataclass(frozen=True)
class Step:
    """One rung to the next: what it adds and its ratio (None: not measured)."""

    start: str
    end: str
    cause: str
    ratio: PairedRatio | None


@dataclass(frozen=True)
class Ladder:
    """All rungs for one operation and metric; `levels` in ms, `to_first` relative to the first."""

    role: str
    kind: Kind
    cell: Cell
    operation: str
    levels: dict[str, Level]
    to_first: dict[str, PairedRatio]
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """Headline operation in words."""
        return words(self.role) if self.role != "mixed" else "all operations (mixed load)"


def ladders(data: RunData, cells: Sequence[Cell]) -> list[Ladder]:
    """Return the ladders of the headline roles, p50 and CPU, that have at least two rungs."""
    found: list[Ladder] = []
    if own_names(data.journal.settings):
        return found  # services of the user's own have no rungs, whatever they are called
    for role in NAMED_ROLES:
        place = headline_cell(data, cells, role)
        for kind in ("p50", "cpu"):
            if place is not None and (
                place[1] == ALL if kind == "cpu" else not _full(data, place[0])
            ):
                ladder = _ladder(role, "cpu" if kind == "cpu" else "p50", *place)
                if len(ladder.levels) > 1:
                    found.append(ladder)
    return found


def sanity_check(found: Sequence[Ladder]) -> list[str]:
    """Return one line for each modular-split -> microservices step held against the literature."""
    lines = []
    for ladder in found:
        step = next((s for s in ladder.steps if s.end == "microservices"), None)
        if step is None or step.ratio is None:
            continue
        low, high = LITERATURE[ladder.kind]
        ratio = step.ratio
        name = "CPU per request" if ladder.kind == "cpu" else "p50 response time"
        lines.append(
            f"{ladder.title}, {name}: ×{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] "
            f"against ×{low:.2f}–{high:.2f}: {_placed(ratio, low, high)}{explanation(ladder)}"
        )
    return lines


def explanation(ladder: Ladder) -> str:
    """Return what the step modular-split -> microservices is made of, from measured parts."""
    split, many = (ladder.cell.samples(name) for name in ("modular-split", "microservices"))
    hops = HOPS.get(ladder.role)
    calls = f"; {hops} call{'s' if hops != 1 else ''} between processes an answer" if hops else ""
    if ladder.kind == "cpu":
        before, after = (_cpu_groups(mean_parts(samples)) for samples in (split, many))
        parts = ", ".join(
            f"{name} {number(before[name])} → {number(after[name])}" for name in after
        )
        return f". Measured, CPU-ms a request: {parts}{calls}"
    before, after = (_time_groups(ladder, samples) for samples in (split, many))
    if not before or not after:
        return calls
    parts = ", ".join(f"{name} {number(before[name])} → {number(after[name])}" for name in after)
    return f". Measured, medians in ms: {parts}{calls}"


def decomposition(found: Sequence[Ladder]) -> list[str]:
    """Return one sentence for p50 and one for CPU that splits the whole into its steps.

    Of the mixed load where it was measured, else of the first headline role; all rungs needed.
    """
    lines = []
    for kind, name in (("p50", "p50 response time"), ("cpu", "CPU per request")):
        whole = [x for x in found if x.kind == kind and len(x.to_first) == len(DEPLOYMENTS)]
        ladder = next((x for x in whole if x.role == "mixed"), whole[0] if whole else None)
        if ladder is None or any(step.ratio is None for step in ladder.steps):
            continue
        parts = " · ".join(
            f"{step.cause} ×{step.ratio.estimate:.2f}" for step in ladder.steps if step.ratio
        )
        total = ladder.to_first["microservices"].estimate
        lines.append(
            f"Where it comes from ({ladder.title}, {name}): {parts} = ×{total:.2f} in the same "
            "blocks. Intervals stand with the ladder."
        )
    return lines


def _placed(ratio: PairedRatio, low: float, high: float) -> str:
    if ratio.low <= high and ratio.high >= low:
        return _INSIDE
    if ratio.high < low / FAR or ratio.low > high * FAR:
        return "far outside the band: suspect the benchmark first"
    return "outside the band, less than a factor of 2 away"


def _cpu_groups(parts: dict[str, float]) -> dict[str, float]:
    """CPU-ms of the gateway, of the other processes and of the databases."""
    groups = {"gateway": 0.0, "service processes": 0.0, "databases": 0.0}
    for name, spent_ms in parts.items():
        process = "gateway" if name == "gateway" else "service processes"
        groups["databases" if is_database(name) else process] += spent_ms
    return groups


def _time_groups(ladder: Ladder, samples: Sequence[TrialSample]) -> dict[str, float]:
    """Medians of the service time, and of it in the server and in its databases, if stated."""
    times = share_of_time(samples, ladder.operation)
    named = {"service time": "service", "in the server": "app", "in databases": "db"}
    return {label: v for label, name in named.items() if (v := times[name]) is not None}


def _full(data: RunData, cell: Cell) -> bool:
    """Whether a rung is in overload, where response times depend on the trial's length."""
    return any(overloaded(data, cell, name) for name in cell.deployments)


def _ladder(role: str, kind: Kind, cell: Cell, operation: str) -> Ladder:
    rungs = [name for name in DEPLOYMENTS if name in cell.deployments]
    levels = {}
    for name in rungs:
        level = level_of([trial_value(s, kind, operation) for s in cell.samples(name)])
        if level is not None:
            levels[name] = level
    first = next(iter(levels), "")
    to_first = {n: r for n in levels if (r := _ratio(cell, n, first, operation, kind)) is not None}
    steps = tuple(
        Step(start, end, cause, _ratio(cell, end, start, operation, kind))
        for start, end, cause in LADDER_STEPS
        if start in levels and end in levels
    )
    return Ladder(role, kind, cell, operation, levels, to_first, steps)


def _ratio(
    cell: Cell, numerator: str, denominator: str, operation: str, kind: Kind
) -> PairedRatio | None:
    """Paired ratio at 95 %, None with fewer than two valid blocks."""
    question = Question(cell, numerator, denominator, "different", operation, kind, named=False)
    try:
        return paired_ratio(evidence(question).logs)
    except StatisticsError:
        return None
