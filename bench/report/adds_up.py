"""Does the ladder add up, and what do its steps consist of beyond their causes?

The whole (monolith : microservices), measured in blocks of its own by the experiment `ladder`,
against the product of the steps from the blocks that all four share. Neighbours: `ladder` has the
steps, `floor` the bare handlers, `sections.ladder_check` prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np

from bench.journal import Verdict, VerdictWord
from bench.report.dataset import RunData, TrialSample
from bench.report.floor import floor_results
from bench.report.ladder import HOPS, Ladder
from bench.report.measures import METRIC_NAMES, Kind, cpu_parts, mean_parts, trial_value
from bench.report.naming import ALL, LADDER_STEPS, interval, is_database, load_label, number, words
from bench.report.selection import Cell, cells_of
from bench.report.verdicts import SMOKE_NOTE
from bench.stats.arrays import Floats
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, paired_ratio, ratio_of_ratios
from bench.stats.precision import MIN_VALID_BLOCKS
from bench.stats.verdicts import threshold_for

LADDER = "ladder"
ENDS = ("microservices", "monolith")
KINDS: tuple[Kind, ...] = ("p50", "cpu")
TOO_WIDE = 0.10  # a quotient known less well than this confirms nothing
WHOLE, PRODUCT = "whole in its own blocks", "product of the steps"
_RULE = (
    "quotient of the whole (own blocks) and the product of the steps (shared blocks), Welch's t "
    "interval at Holm's level over these checks; differ: the interval excludes 1 and the quotient "
    "is 3 % or more from it; agree: otherwise, if the interval reaches at most 10 % from the "
    "estimate; at least 6 valid blocks on both sides"
)
AGREE: dict[str, str] = {"supported": "agree", "refuted": "differ"}


@dataclass(frozen=True)
class Check:
    """One quotient whole / product with both sides at 95 %; `quotient` None: a side is missing."""

    mix: str
    offered_rps: float
    kind: Kind
    own: PairedRatio | None
    product: PairedRatio | None
    steps: tuple[tuple[str, str, PairedRatio], ...]
    quotient: PairedRatio | None
    logs: tuple[Floats, Floats]

    @property
    def id(self) -> str:
        """Stable id."""
        return f"adds-up/{self.mix}@{self.offered_rps:g}/{METRIC_NAMES[self.kind]}"


def checks_of(data: RunData) -> list[Check]:
    """Return a check for each mix of the experiment `ladder` and each of p50 and CPU."""
    own = cells_of(s for s in data.trials if s.trial.experiment == LADDER)
    shared = {(cell.mix, cell.offered_rps): cell for cell in cells_of(data.load_trials)}
    return [
        _check(cell, shared.get((cell.mix, cell.offered_rps)), kind)
        for cell in own
        for kind in KINDS
    ]


def add_up_verdicts(data: RunData, checks: Sequence[Check]) -> list[Verdict]:
    """Return one verdict a check: `supported` means that whole and product agree."""
    p_values = {check.id: check.quotient.p_value for check in checks if check.quotient}
    steps = holm(p_values)
    found = []
    for check in checks:
        step = steps.get(check.id)
        level = step.level if step else 0.95
        rejected = step.rejected if step else False
        found.append(_verdict(data, check, level, rejected))
    return found


def order_parts(data: RunData, ladders: Sequence[Ladder]) -> list[str]:
    """Split the order's step 'framework + saga' into both, as far as `floor` allows: derived.

    The framework's factor is the process CPU (databases left out) of an order in the bare aiohttp
    handler over that in the bare DRF handler. What is left of the processes' step is the saga's
    own code; what the databases spend more or less is its statements and commits.
    """
    order = next((x for x in ladders if (x.role, x.kind) == ("order", "cpu")), None)
    bare = {r.pair.framework: r for r in floor_results(data) if r.pair.operation == "order"}
    if order is None or not {"DRF", "aiohttp"} <= set(bare):
        return []
    logs = {name: _process_cpu_logs(data, bare[name].bare.name) for name in ("aiohttp", "DRF")}
    before, after = (_process_and_database(order, name) for name in ("monolith", "modular"))
    try:
        framework = ratio_of_ratios(logs["aiohttp"], logs["DRF"])
    except StatisticsError:
        return []
    if not all((*before, *after)):
        return []
    counts = " and ".join(
        f"{number(bare[name].bare.statements)} statements, {number(bare[name].bare.commits)} "
        f"commits in {name}"
        for name in ("DRF", "aiohttp")
    )
    step = after[0] / before[0]
    return [
        f"Order, CPU-ms a request, monolith → modular: process {number(before[0])} → "
        f"{number(after[0])} (×{number(step)}, measured) = framework ×{number(framework.estimate)} "
        f"{interval(framework.low, framework.high)} × the saga's own code "
        f"×{number(step / framework.estimate)} (both derived: process CPU of the floor's bare "
        "handlers for an order, closed loop, each with the SQL of its own arm: "
        f"{counts}); databases {number(before[1])} → {number(after[1])} "
        f"(×{number(after[1] / before[1])}, measured): statements and commits."
    ]


def _process_and_database(ladder: Ladder, name: str) -> tuple[float, float]:
    """Mean CPU-ms a request of a rung's processes and of its databases."""
    parts = mean_parts(ladder.cell.samples(name))
    databases = sum(ms for part, ms in parts.items() if is_database(part))
    return sum(parts.values()) - databases, databases


def fan_out(ladders: Sequence[Ladder]) -> list[str]:
    """Compare the network's step of the overview (four calls) with that of a product read (one)."""
    lines = []
    for kind, name in (("p50", "p50 response time"), ("cpu", "CPU per request")):
        sides = {x.role: x for x in ladders if x.kind == kind}
        if not {"overview", "product_read"} <= set(sides):
            continue
        logs = [_step_logs(sides[role], "modular-split", "microservices")
                for role in ("overview", "product_read")]  # fmt: skip
        try:
            many, one = (paired_ratio(each) for each in logs)
            more = ratio_of_ratios(*logs)
        except StatisticsError:
            continue
        lines.append(
            f"Fan-out, {name}, modular-split → microservices: overview ({HOPS['overview']} calls) "
            f"×{number(many.estimate)} {interval(many.low, many.high)}, product read "
            f"({HOPS['product_read']} call) ×{number(one.estimate)} {interval(one.low, one.high)}; "
            f"quotient ×{number(more.estimate)} {interval(more.low, more.high)}."
        )
    return lines


def _check(own: Cell, shared: Cell | None, kind: Kind) -> Check:
    own_logs = _logs(own, ENDS, kind)
    steps = [(start, end) for start, end, _ in LADDER_STEPS]
    by_block = _products(shared, steps, kind) if shared is not None else np.empty((0, len(steps)))
    product_logs = by_block.sum(axis=1)
    try:
        quotient = ratio_of_ratios(own_logs, product_logs)
    except StatisticsError:
        quotient = None
    found = [
        (start, end, ratio)
        for (start, end), column in zip(steps, by_block.T, strict=True)
        if (ratio := _ratio(column)) is not None
    ]
    sides = (_ratio(own_logs), _ratio(product_logs))
    place = (own.mix, own.offered_rps, kind)
    return Check(*place, *sides, tuple(found), quotient, (own_logs, product_logs))


def _products(cell: Cell, steps: Sequence[tuple[str, str]], kind: Kind) -> Floats:
    """Log-ratio of every step (columns) in every block that has all rungs (rows)."""
    rungs = {name for step in steps for name in step}
    rows = []
    for block in cell.blocks:
        values = {name: trial_value(block[name], kind, ALL) for name in rungs if name in block}
        if set(values) == rungs and all(values.values()):
            rows.append([log((values[b] or 1.0) / (values[a] or 1.0)) for a, b in steps])
    return np.array(rows, dtype=float).reshape(len(rows), len(steps))


def _logs(cell: Cell, pair: tuple[str, str], kind: Kind) -> Floats:
    values = [
        (trial_value(top, kind, ALL), trial_value(bottom, kind, ALL))
        for top, bottom in cell.pairs(*pair)
    ]
    return np.array([log(a / b) for a, b in values if a and b], dtype=float)


def _step_logs(ladder: Ladder, start: str, end: str) -> Floats:
    values = [
        (trial_value(top, ladder.kind, ladder.operation), trial_value(b, ladder.kind,
                                                                      ladder.operation))
        for top, b in ladder.cell.pairs(end, start)
    ]  # fmt: skip
    return np.array([log(a / b) for a, b in values if a and b], dtype=float)


def _process_cpu_logs(data: RunData, bare: str) -> Floats:
    """log CPU-ms of the process for an order in each valid floor trial of a bare handler."""
    samples: list[TrialSample] = [
        s
        for s in data.trials
        if (s.trial.experiment, s.trial.mix, s.trial.deployment) == ("floor", "order", bare)
        and s.trial.status != "invalid"
    ]
    spent = [
        sum(ms for name, ms in cpu_parts(sample).items() if not is_database(name))
        for sample in samples
    ]
    return np.array([log(ms) for ms in spent if ms > 0], dtype=float)


def _ratio(logs: Floats) -> PairedRatio | None:
    try:
        return paired_ratio(logs)
    except StatisticsError:
        return None


def _verdict(data: RunData, check: Check, level: float, rejected: bool) -> Verdict:
    kind = "p50 response time" if check.kind == "p50" else "CPU per request"
    where = f"({words(check.mix)}, {load_label(check.offered_rps)})"
    blank = Verdict(
        id=check.id,
        question=f"Does the ladder's {kind} add up to the whole measured by itself? {where}",
        metric=METRIC_NAMES[check.kind],
        numerator=WHOLE,
        denominator=PRODUCT,
        operation=ALL,
        estimate=None,
        low=None,
        high=None,
        level=level,
        n_blocks=min(each.size for each in check.logs),
        verdict="inconclusive",
        rule=_RULE,
        note="a side has fewer than 2 valid blocks",
    )
    if check.quotient is None:
        return blank
    ratio = ratio_of_ratios(*check.logs, level=level)
    word, note = _word(data, check, ratio, rejected)
    answered = replace(blank, verdict=word, note=note)
    return replace(answered, estimate=ratio.estimate, low=ratio.low, high=ratio.high)


def _word(
    data: RunData, check: Check, ratio: PairedRatio, rejected: bool
) -> tuple[VerdictWord, str]:
    if data.journal.profile == "smoke":
        return "inconclusive", SMOKE_NOTE
    if ratio.n_blocks < MIN_VALID_BLOCKS:
        return "inconclusive", f"{ratio.n_blocks} valid blocks, {MIN_VALID_BLOCKS} are needed"
    if rejected and abs(ratio.log_mean) >= log(1 + threshold_for(check.kind)):
        return "refuted", "differ: something acts in one kind of blocks and not in the other"
    if ratio.half_width > TOO_WIDE:
        return "inconclusive", f"interval reaches {ratio.half_width:.0%} from the estimate"
    return "supported", "agree"
