"""Which figures a run gets, in the order of the page."""

from collections.abc import Iterator, Sequence
from functools import partial

from bench.journal import Verdict
from bench.paired.rounds import MIX
from bench.report.analysis import Analysis
from bench.report.capacity import curve_cells
from bench.report.dataset import LATENCY
from bench.report.figures.cpu import cpu_stack
from bench.report.figures.floor import floor_figure
from bench.report.figures.forest import ForestRow, forest, row_label
from bench.report.figures.goodput import goodput_curve
from bench.report.figures.ladder import ladder_figure
from bench.report.figures.load_curve import Loads, load_curve, loads_of
from bench.report.figures.percentiles import percentile_dots
from bench.report.figures.quality import quality_strip
from bench.report.figures.style import Figure
from bench.report.figures.tail import percentile_plot
from bench.report.naming import deployment_order
from bench.report.questions import reference_cell
from bench.report.selection import Cell
from bench.report.verdicts import overloaded
from bench.results.capacity import known_capacity_rps
from bench.stats.quantiles import SAMPLES_BEYOND

_FOREST_GROUP = "forest-all"
# Verdicts that their own sections show.
_OWN_FIGURES = (
    "floor/",
    "capacity/",
    "capacity:",
    "network/",
    "topologies/",
    "consistency/",
    "scaling/",
    "own_services/",
)
_MAX_EXPLORATORY = 60  # rows of one exploratory forest; the table holds them all


def forests(analysis: Analysis) -> list[Figure]:
    """Return the named forest, then one exploratory forest a pair (a group to choose from)."""
    ratios = [v for v in analysis.verdicts if not v.id.startswith(_OWN_FIGURES)]
    figures: list[Figure | None] = []
    summary = [*analysis.named, *(v for v in ratios if _is_overall(v))]
    if summary:
        groups = _by_pair(dict.fromkeys(summary))
        title = "Ratios on the metrics named beforehand, and the steps between deployments"
        figures.append(forest(groups, "named", title))
    for pair, rows in _by_pair(v for v in ratios if v not in analysis.named).items():
        slug = pair.replace(" : ", "-to-")
        title = f"All other ratios of {pair} (exploratory)"
        with_ratio = [row for row in rows if row.verdict.estimate is not None]
        shown = {pair: with_ratio[:_MAX_EXPLORATORY]}
        figures.append(forest(shown, slug, title, group=_FOREST_GROUP, option=pair))
    return [figure for figure in figures if figure is not None]


def load_curves(analysis: Analysis) -> list[Figure]:
    """Return one curve for each mix with at least two loads, the main mix first."""
    slo_ms = analysis.data.setting("slo_ms", 200.0)
    return [load_curve(loads, slo_ms) for loads in _loads(analysis)]


def goodputs(analysis: Analysis) -> list[Figure]:
    """Return goodput and losses for each mix with at least two loads."""
    return [goodput_curve(loads) for loads in _loads(analysis)]


def tails(analysis: Analysis) -> list[Figure]:
    """Return the distribution plots, one an operation; of open loops those of the main cell."""
    cells = [cell for cell in analysis.cells if cell.in_rounds or cell is analysis.main_cell]
    return [
        percentile_plot(cell, operation, cell.mix)
        for cell in cells
        for operation in cell.shown_operations
        if _requests(analysis, cell, operation) > SAMPLES_BEYOND
    ]


def percentiles(analysis: Analysis) -> list[Figure]:
    """Return the dots-and-intervals figures: one of all rounds, one of each other mix."""
    cells = _reference_cells(analysis)
    rounds = [cell for cell in cells if cell.in_rounds]
    groups = [group for group in (rounds, *([c] for c in cells if not c.in_rounds)) if group]
    figures = []
    for group in groups:
        estimates = {
            (row.deployment, row.operation, kind): estimate
            for cell in group
            for row in analysis.rows_of(cell)
            for kind, estimate in row.estimates.items()
        }
        told = {op for (_, op, _), estimate in estimates.items() if estimate is not None}
        shown = [name for cell in group for name in cell.shown_operations if name in told]
        if shown:
            figures.append(percentile_dots(group, estimates, shown))
    return figures


def cpu(analysis: Analysis) -> Figure | None:
    """Return the CPU stack of the reference cells."""
    return cpu_stack(_reference_cells(analysis), "components")


def ladder(analysis: Analysis) -> Figure | None:
    """Return the ladder."""
    return ladder_figure(analysis.ladders)


def floor(analysis: Analysis) -> Figure | None:
    """Return the floor's ratios."""
    return floor_figure(analysis.floors)


def quality(analysis: Analysis) -> Figure:
    """Return the run-quality strip."""
    return quality_strip(analysis.trials)


def taint(analysis: Analysis) -> str:
    """Return a warning where figures had to be drawn from invalid trials, else nothing."""
    tainted = [cell.label for cell in _reference_cells(analysis) if cell.tainted]
    if not tainted:
        return ""
    return (
        f"No valid block for {'; '.join(tainted)}: its figures are drawn from invalid trials, "
        "for orientation only."
    )


def _reference_cells(analysis: Analysis) -> list[Cell]:
    """One cell a mix, the main one first."""
    mixes = dict.fromkeys(cell.mix for cell in analysis.cells)
    found = [reference_cell(analysis.cells, mix) for mix in mixes]
    present = [cell for cell in found if cell is not None]
    return sorted(present, key=lambda cell: cell is not analysis.main_cell)


def _loads(analysis: Analysis) -> list[Loads]:
    cells = curve_cells(analysis.data)
    mixes = dict.fromkeys(cell.mix for cell in cells)
    found = [
        loads_of(cells, mix, *_capacities(analysis, cells, mix), partial(overloaded, analysis.data))
        for mix in mixes
    ]
    return [loads for loads in found if loads is not None]


def _capacities(
    analysis: Analysis, cells: Sequence[Cell], mix: str
) -> tuple[dict[str, float], str]:
    """Requests/s by deployment where they are known, and where they are from."""
    names = deployment_order(name for cell in cells if cell.mix == mix for name in cell.deployments)
    known = {name: known_capacity_rps(analysis.data.journal, mix, name) for name in names}
    found = {name: each for name, each in known.items() if each is not None}
    sources = dict.fromkeys(source for _, source in found.values())
    return {name: rps for name, (rps, _) in found.items()}, ", ".join(sources)


def _requests(analysis: Analysis, cell: Cell, operation: str) -> int:
    """The most requests of an operation that any deployment got."""
    rows = analysis.rows_of(cell)
    return max((row.requests for row in rows if row.operation == operation), default=0)


def _is_overall(verdict: Verdict) -> bool:
    """Whether it is of all operations together: the steps of the ladder."""
    return verdict.id.startswith(f"{LATENCY}/{MIX}/")


def _by_pair(verdicts: Iterator[Verdict] | dict[Verdict, None]) -> dict[str, Sequence[ForestRow]]:
    groups: dict[str, list[ForestRow]] = {}
    for verdict in verdicts:
        pair = f"{verdict.numerator} : {verdict.denominator}"
        groups.setdefault(pair, []).append(ForestRow(row_label(verdict), verdict))
    return dict(groups)
