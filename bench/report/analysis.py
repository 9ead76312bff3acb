"""Everything a report says, computed once: verdicts, percentiles, ladders, floor.

Neighbours: `build` turns it into files; `console`, `compare` and `export` read it too.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.journal import Trial, Verdict
from bench.report.claims import name_claims
from bench.report.dataset import RunData, load_run
from bench.report.floor import FloorResult, floor_results
from bench.report.ladder import Ladder, ladders
from bench.report.measures import QUANTILES, columns, pooled_quantile
from bench.report.naming import own_names, show_own
from bench.report.questions import main_mix, reference_cell
from bench.report.sections import sections_of
from bench.report.sections.base import Section
from bench.report.selection import Cell, cells_of
from bench.report.verdicts import NAMED, judge
from bench.stats.quantiles import QuantileEstimate


@dataclass(frozen=True)
class PercentileRow:
    """Percentiles of one operation in one deployment and cell, over its trials."""

    cell: Cell
    deployment: str
    operation: str
    requests: int
    failed: int
    estimates: dict[str, QuantileEstimate | None]


@dataclass(frozen=True)
class Analysis:
    """The analysed run."""

    data: RunData
    cells: list[Cell]
    verdicts: list[Verdict]
    floors: list[FloorResult]
    ladders: list[Ladder]
    percentiles: list[PercentileRow]
    sections: list[Section]

    @cached_property
    def named(self) -> list[Verdict]:
        """Verdicts on the metrics named beforehand."""
        return [v for v in self.verdicts if v.note.startswith(NAMED)]

    @cached_property
    def of_sections(self) -> list[Verdict]:
        """Verdicts of experiments that have a section of their own."""
        ids = {v.id for section in self.sections for v in section.verdicts}
        return [v for v in self.verdicts if v.id in ids]

    @cached_property
    def main_cell(self) -> Cell | None:
        """The cell that figures of one cell show: the main mix at its reference load."""
        mix = main_mix(self.cells)
        return reference_cell(self.cells, mix) if mix else None

    @cached_property
    def trials(self) -> list[Trial]:
        """All trials with gates, invalid ones and reruns included."""
        return list(self.data.judged_trials)

    def rows_of(self, cell: Cell) -> list[PercentileRow]:
        """Return the percentile rows of a cell."""
        return [row for row in self.percentiles if row.cell is cell]


def analyse(run_dir: Path) -> Analysis:
    """Read and analyse a run. Raises CorruptResults or ShopbenchError with one line."""
    data = load_run(run_dir)
    own = own_names(data.journal.settings)
    show_own(own)
    cells = _ordered(data, cells_of(data.load_trials))
    floors = floor_results(data)
    sections = sections_of(data)
    verdicts = [
        *judge(data),
        *(result.verdict for result in floors),
        *(verdict for section in sections for verdict in section.verdicts),
    ]
    return Analysis(
        data=data,
        cells=cells,
        verdicts=verdicts if own else name_claims(verdicts),  # the claims are on the shop
        sections=sections,
        floors=floors,
        ladders=ladders(data, cells),
        percentiles=[row for cell in cells for row in _percentiles(cell)],
    )


def _ordered(data: RunData, cells: list[Cell]) -> list[Cell]:
    """Operations in the order of their shares in the mix; cells of other loops as they come."""
    ranked = {name: at for at, name in enumerate(data.rounds.operations)}
    return sorted(cells, key=lambda cell: ranked.get(cell.mix, len(ranked)))


def _percentiles(cell: Cell) -> list[PercentileRow]:
    return [
        _percentile_row(cell, deployment, operation)
        for operation in cell.shown_operations
        for deployment in cell.deployments
    ]


def _percentile_row(cell: Cell, deployment: str, operation: str) -> PercentileRow:
    samples = cell.samples(deployment)
    return PercentileRow(
        cell=cell,
        deployment=deployment,
        operation=operation,
        requests=sum(part.size for part in columns(samples, operation)),
        failed=sum(s.failures.get(operation, 0) for s in samples),
        estimates={
            kind: pooled_quantile(cell, deployment, operation, q) for kind, q in QUANTILES.items()
        },
    )
