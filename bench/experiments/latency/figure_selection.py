"""Which figures the paired rounds of a run get."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.experiments.latency.figures.cpu import cpu_stack
from bench.experiments.latency.figures.percentiles import percentile_dots
from bench.experiments.latency.figures.tail import percentile_plot
from bench.experiments.latency.findings import Findings
from bench.experiments.latency.records import NAME
from bench.report.figures.forest import ForestRow, forest, row_label
from bench.report.figures.style import Figure
from bench.report.selection import Cell
from bench.results.paired.rounds import MIX
from bench.results.verdict import NAMED, Verdict
from bench.stats.quantiles import SAMPLES_BEYOND

_FOREST_GROUP = "forest-all"
_MAX_EXPLORATORY = 60  # rows of one exploratory forest; the table holds them all
_TAINTED = "Contains invalid trials, for orientation only. "


def forests(verdicts: Sequence[Verdict]) -> list[Figure]:
    """Return the named forest, then one exploratory forest a pair (a group to choose from)."""
    named = [v for v in verdicts if v.note.startswith(NAMED)]
    figures: list[Figure | None] = []
    summary = [*named, *(v for v in verdicts if _is_overall(v))]
    if summary:
        groups = _by_pair(dict.fromkeys(summary))
        title = "Ratios on the metrics named beforehand, and the steps between deployments"
        figures.append(forest(groups, "named", title))
    for pair, rows in _by_pair(v for v in verdicts if v not in named).items():
        slug = pair.replace(" : ", "-to-")
        title = f"All other ratios of {pair} (exploratory)"
        with_ratio = [row for row in rows if row.verdict.estimate is not None]
        shown = {pair: with_ratio[:_MAX_EXPLORATORY]}
        figures.append(forest(shown, slug, title, group=_FOREST_GROUP, option=pair))
    return [figure for figure in figures if figure is not None]


def tails(found: Findings) -> list[Figure]:
    """Return the distribution plots, one an operation; of open loops those of the main cell."""
    cells = [cell for cell in found.cells if cell.in_rounds or cell is found.main_cell]
    return [
        _marked(found, percentile_plot(cell, operation, cell.mix))
        for cell in cells
        for operation in cell.shown_operations
        if _requests(found, cell, operation) > SAMPLES_BEYOND
    ]


def percentiles(found: Findings) -> list[Figure]:
    """Return the dots-and-intervals figures: one of all rounds, one of each other mix."""
    cells = found.reference_cells
    rounds = [cell for cell in cells if cell.in_rounds]
    groups = [group for group in (rounds, *([c] for c in cells if not c.in_rounds)) if group]
    figures = []
    for group in groups:
        estimates = {
            (row.deployment, row.operation, kind): estimate
            for cell in group
            for row in found.rows_of(cell)
            for kind, estimate in row.estimates.items()
        }
        told = {op for (_, op, _), estimate in estimates.items() if estimate is not None}
        shown = [name for cell in group for name in cell.shown_operations if name in told]
        if shown:
            figures.append(_marked(found, percentile_dots(group, estimates, shown)))
    return figures


def cpu(found: Findings) -> Figure | None:
    """Return the CPU stack of the reference cells."""
    drawn = cpu_stack(found.reference_cells, "components")
    return _marked(found, drawn) if drawn else None


def _marked(found: Findings, figure: Figure) -> Figure:
    """The figure, with a word where it shows invalid trials."""
    return replace(figure, caption=_TAINTED + figure.caption) if found.tainted else figure


def _requests(found: Findings, cell: Cell, operation: str) -> int:
    """The most requests of an operation that any deployment got."""
    rows = found.rows_of(cell)
    return max((row.requests for row in rows if row.operation == operation), default=0)


def _is_overall(verdict: Verdict) -> bool:
    """Whether it is of all operations together: the steps of the ladder."""
    return verdict.id.startswith(f"{NAME}/{MIX}/")


def _by_pair(verdicts: Iterable[Verdict]) -> dict[str, Sequence[ForestRow]]:
    groups: dict[str, list[ForestRow]] = {}
    for verdict in verdicts:
        pair = f"{verdict.numerator} : {verdict.denominator}"
        groups.setdefault(pair, []).append(ForestRow(row_label(verdict), verdict))
    return dict(groups)
