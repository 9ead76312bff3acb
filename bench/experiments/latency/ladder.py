"""The ladder: where the difference between monolith and microservices comes from, step by step.

Every pair of rungs is compared directly, from the same rounds. Neighbours: `results.paired` has
the ratios, `figures.ladder` draws, `section` prints the sanity check.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.experiments.latency.findings import Findings
from bench.report.measures import Level, level_of, mean_parts, share_of_time
from bench.report.naming import DEPLOYMENTS, LADDER_STEPS, is_database, number, words
from bench.report.selection import Cell
from bench.results.dataset import TrialSample
from bench.results.paired.judge import NAMED_ROLES
from bench.results.paired.rounds import METRICS, MIX, Metric, PairedRounds
from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio, paired_ratio

# Same framework, one machine, equal CPU. Throughput 0.38-0.75 for light endpoints is a CPU ratio
# of 1/0.75 ... 1/0.38; mean latency x2-3 at low load (Blinowski 2022, Ueda 2016).
LITERATURE: dict[Metric, tuple[float, float]] = {
    "cpu": (1.0 / 0.75, 1.0 / 0.38),
    "time": (2.0, 3.0),
}
FAR = 2.0  # this many times outside the band is suspicious
# Calls between processes that an answer waits for, client's call to the gateway not counted; an
# order is settled later.
HOPS = {"product_read": 1, "wallet_read": 1, "order": 3, "overview": 4}
METRIC_WORDS: dict[Metric, str] = {"time": "time", "cpu": "CPU per request"}
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
    """All rungs for one operation (or the mix) and metric; `levels` in ms, `to_first` relative.

    `cell`: the trials of the operation; None for the mix.
    """

    role: str
    metric: Metric
    cell: Cell | None
    levels: dict[str, Level]
    to_first: dict[str, PairedRatio]
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """The operation in words."""
        return "the mix of requests" if self.role == MIX else words(self.role)

    @property
    def product(self) -> float | None:
        """The product of all steps; None where one is missing."""
        ratios = [step.ratio for step in self.steps]
        if len(ratios) < len(LADDER_STEPS) or any(ratio is None for ratio in ratios):
            return None
        found = 1.0
        for ratio in ratios:
            found *= ratio.estimate if ratio else 1.0
        return found


def ladders(findings: Findings) -> list[Ladder]:
    """Return the ladders of the headline operations and the mix that have at least two rungs."""
    cells = findings.cells
    found = [
        _ladder(findings.rounds, next((c for c in cells if c.mix == role), None), role, metric)
        for role in NAMED_ROLES
        if role in findings.rounds.roles
        for metric in METRICS
    ]
    return [ladder for ladder in found if len(ladder.levels) > 1]


def sanity_check(found: Sequence[Ladder]) -> list[str]:
    """Return one line for each modular-split -> microservices step held against the literature."""
    lines = []
    for ladder in found:
        step = next((s for s in ladder.steps if s.end == "microservices"), None)
        if step is None or step.ratio is None:
            continue
        low, high = LITERATURE[ladder.metric]
        ratio = step.ratio
        lines.append(
            f"{ladder.title}, {METRIC_WORDS[ladder.metric]}: ×{ratio.estimate:.2f} "
            f"[{ratio.low:.2f}, {ratio.high:.2f}] against ×{low:.2f}–{high:.2f}: "
            f"{_placed(ratio, low, high)}{explanation(ladder)}"
        )
    return lines


def explanation(ladder: Ladder) -> str:
    """Return what the step modular-split -> microservices is made of, from measured parts."""
    if ladder.cell is None:
        return ""
    split, many = (ladder.cell.samples(name) for name in ("modular-split", "microservices"))
    hops = HOPS.get(ladder.role)
    calls = f"; {hops} call{'s' if hops != 1 else ''} between processes an answer" if hops else ""
    if ladder.metric == "cpu":
        before, after = (_cpu_groups(mean_parts(samples)) for samples in (split, many))
        parts = ", ".join(
            f"{name} {number(before[name])} → {number(after[name])}" for name in after
        )
        return f". Measured, CPU-ms a request, idle included: {parts}{calls}"
    before, after = (_time_groups(ladder, samples) for samples in (split, many))
    if not before or not after:
        return calls
    parts = ", ".join(f"{name} {number(before[name])} → {number(after[name])}" for name in after)
    return f". Measured, medians in ms: {parts}{calls}"


def decomposition(found: Sequence[Ladder]) -> list[str]:
    """Return one sentence for time and one for CPU that splits the whole into its steps.

    Of the mix where it was measured, else of the first operation; all rungs needed. How far the
    product of the steps lies from the whole is printed, not judged: of single operations, as the
    steps of the mix (ratios of sums) multiply to the whole by their definition.
    """
    lines = []
    for metric, name in METRIC_WORDS.items():
        whole = [x for x in found if x.metric == metric and x.product is not None]
        ladder = next((x for x in whole if x.role == MIX), whole[0] if whole else None)
        if ladder is None or ladder.product is None or "microservices" not in ladder.to_first:
            continue
        parts = " · ".join(
            f"{step.cause} ×{step.ratio.estimate:.2f}" for step in ladder.steps if step.ratio
        )
        total = ladder.to_first["microservices"].estimate
        lines.append(
            f"Where it comes from ({ladder.title}, {name}): {parts}; the whole, compared "
            f"directly, is ×{total:.2f}{_how_far_apart(whole)}. Intervals stand with the ladder."
        )
    return lines


def _how_far_apart(whole: Sequence[Ladder]) -> str:
    """How far the product of the steps lies from the whole, at most, over single operations."""
    apart = {
        ladder.title: abs(100.0 * (ladder.product / ladder.to_first["microservices"].estimate - 1))
        for ladder in whole
        if ladder.role != MIX and ladder.product and "microservices" in ladder.to_first
    }
    if not apart:
        return ""
    worst = max(apart, key=lambda title: apart[title])
    return (
        f" (the steps of a single operation multiply to within {apart[worst]:.1f} % of its whole; "
        f"farthest: {worst})"
    )


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
    times = share_of_time(samples, ladder.role)
    named = {"service time": "service", "in the server": "app", "in databases": "db"}
    return {label: v for label, name in named.items() if (v := times[name]) is not None}


def _ladder(rounds: PairedRounds, cell: Cell | None, role: str, metric: Metric) -> Ladder:
    levels = {}
    for name in DEPLOYMENTS:
        level = level_of(rounds.values(name, role, metric))
        if level is not None:
            levels[name] = level
    first = next(iter(levels), "")
    to_first = {n: r for n in levels if (r := _ratio(rounds, n, first, role, metric)) is not None}
    steps = tuple(
        Step(start, end, cause, _ratio(rounds, end, start, role, metric))
        for start, end, cause in LADDER_STEPS
        if start in levels and end in levels
    )
    return Ladder(role, metric, cell, levels, to_first, steps)


def _ratio(
    rounds: PairedRounds, numerator: str, denominator: str, role: str, metric: Metric
) -> PairedRatio | None:
    """Ratio at 95 % over starts, None with fewer than two."""
    try:
        return paired_ratio(rounds.logs(numerator, denominator, role, metric).logs)
    except StatisticsError:
        return None
