"""The comparison table: six rows, each cell filled by what was measured, or saying what would.

Neighbours: `bench.claims` has the rows, `claims` the verdicts; sections bring cells of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.claims import Row, registry
from bench.report.analysis import Analysis
from bench.report.claims import ClaimResult, Evidence, Picture, ran
from bench.report.fields import estimate_text, estimate_with_interval
from bench.report.naming import span
from bench.report.section import ARMS
from bench.results.journal import TableCell


@dataclass(frozen=True)
class Entry:
    """One line in a cell. `source`: experiment, and run if there are several; empty: a gap."""

    text: str
    source: str

    @property
    def measured(self) -> bool:
        """Whether it was measured; if not, the text says what would measure it."""
        return bool(self.source)


@dataclass(frozen=True)
class RowResult:
    """A row with the entries of either arm and the claims of the row that have a verdict."""

    row: Row
    cells: dict[str, tuple[Entry, ...]]
    claims: tuple[ClaimResult, ...]


def picture_of(analysis: Analysis) -> Picture:
    """Return what one run shows of claims and table."""
    journal = analysis.data.journal
    experiments = ran((trial.experiment for trial in journal.trials), analysis.verdicts)
    verdicts, cells = tuple(analysis.verdicts), tuple(run_cells(analysis))
    return Picture((Evidence(journal.run_id, experiments, verdicts, cells),))


def comparison(picture: Picture) -> list[RowResult]:
    """Return the rows of the registry, filled."""
    return [
        RowResult(
            row=row,
            cells={arm: tuple(_entries(picture, row, arm)) for arm in ARMS},
            claims=tuple(r for r in picture.results if r.claim.row == row.id and r.answers),
        )
        for row in registry().rows
    ]


def run_cells(analysis: Analysis) -> list[TableCell]:
    """Return every cell that a run can fill.

    Raises ValueError for a cell that the table has no place for.
    """
    for cell in analysis.cells:
        _check_place(cell)
    return analysis.cells


def _check_place(cell: TableCell) -> None:
    """A cell that no row shows would be lost without a word."""
    rows = {row.id: row for row in registry().rows}
    row = rows.get(cell.row)
    if row is None or cell.experiment not in row.experiments or cell.deployment not in ARMS:
        raise ValueError(f"no cell of the comparison table: {cell}")


def _entries(picture: Picture, row: Row, arm: str) -> list[Entry]:
    entries = []
    for experiment in row.experiments:
        found = [
            Entry(cell.text, f"{experiment}, {run.run_id}" if picture.several else experiment)
            for run in picture.runs
            for cell in run.cells
            if (cell.row, cell.deployment, cell.experiment) == (row.id, arm, experiment)
        ]
        entries += found or [Entry(_gap(picture, experiment), "")]
    return sorted(entries, key=lambda entry: not entry.measured)  # gaps after what was measured


def _gap(picture: Picture, experiment: str) -> str:
    return picture.lack_words(experiment) or f"{experiment} was run, but has nothing for this cell"


def numbers(result: ClaimResult) -> str:
    """Return a claim's estimate with interval and n; of several verdicts the range."""
    verdicts = [a.verdict for a in result.answers if a.verdict.estimate is not None]
    if not verdicts:
        return result.why or result.answers[0].verdict.note
    ordered = sorted(verdicts, key=lambda v: v.estimate or 0.0)
    n = f"n = {span(v.n_blocks for v in verdicts)}"
    if len(result.answers) == 1:
        return f"{estimate_with_interval(ordered[0])}, {n}"
    ends = list(dict.fromkeys(estimate_text(v) for v in (ordered[0], ordered[-1])))
    return f"{' to '.join(ends)}, {n}; {result.why}"


def texts(entries: Sequence[Entry]) -> str:
    """Return a cell as one line of text, for Markdown and the terminal."""
    return "; ".join(f"{e.text} ({e.source})" if e.measured else e.text for e in entries)
