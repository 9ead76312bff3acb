"""The comparison table: six rows, filled by what was measured; what was not says how to.

Neighbours: `bench.claims` has the rows, `claims` the verdicts; sections bring cells of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.claims import Experiment, Row, registry
from bench.report.analysis import Analysis
from bench.report.claims import ClaimResult, Evidence, Picture, ran
from bench.report.fields import estimate_text, estimate_with_interval
from bench.report.naming import span
from bench.report.section import ARMS
from bench.results.journal import TableCell

_SHORT = ("smoke", "quick")  # profiles that a longer one would say more than


@dataclass(frozen=True)
class Entry:
    """One line in a cell. `source`: experiment, and run if there are several."""

    text: str
    source: str


@dataclass(frozen=True)
class Gap:
    """What a row has no measurement of, and how to get it: a command, or what is to be counted."""

    why: str
    how: str


@dataclass(frozen=True)
class RowResult:
    """A row: what was measured of either arm, the claims with a verdict, and what is missing."""

    row: Row
    cells: dict[str, tuple[Entry, ...]]
    claims: tuple[ClaimResult, ...]
    gaps: tuple[Gap, ...]


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
            gaps=tuple(_gaps(picture, row)),
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
    return [
        Entry(cell.text, f"{cell.experiment}, {run.run_id}" if picture.several else cell.experiment)
        for experiment in row.experiments
        for run in picture.runs
        for cell in run.cells
        if (cell.row, cell.deployment, cell.experiment) == (row.id, arm, experiment)
    ]


def _gaps(picture: Picture, row: Row) -> Iterator[Gap]:
    """At most one gap for what a command measures, one for what comes by hand."""
    lacking = {name: picture.lack(name) for name in row.experiments}
    commanded = [name for name, lack in lacking.items() if lack == "not measured"]
    by_hand = [name for name, lack in lacking.items() if lack == "by hand"]
    if commanded:
        yield Gap(picture.unmeasured, f"shopbench run {' '.join(commanded)}")
    if by_hand:
        yield Gap("comes by hand", ", ".join(by_hand))


def missing(picture: Picture) -> list[tuple[str, str]]:
    """Return (command, or the name of what comes by hand; what it measures) of what was not run."""
    known = registry().experiments.values()
    lacking = [(each, picture.lack(each.name)) for each in known if _decides(each)]
    commanded = [(each.command, each.measures) for each, lack in lacking if lack == "not measured"]
    return commanded + [
        (f"{each.name}, by hand", each.measures) for each, lack in lacking if lack == "by hand"
    ]


def next_words(profile: str, picture: Picture) -> str:
    """Return what to do after this run: measure it longer, measure what is missing."""
    known = registry().experiments
    lacking = [name for name in known if picture.lack(name) == "not measured"]
    told = "the same with --profile standard narrows the intervals" if profile in _SHORT else ""
    rest = [name for name in lacking if _decides(known[name])]
    also = f"{picture.unmeasured}: {', '.join(rest)}" if rest else ""
    return f"{'; '.join(text for text in (told, also) if text)}." if told or also else ""


def _decides(experiment: Experiment) -> bool:
    """Whether some claim rests on it: what only checks the benchmark is no gap of the table."""
    return any(claim.experiment == experiment.name for claim in registry().claims)


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
    return "; ".join(f"{entry.text} ({entry.source})" for entry in entries)


def gap_texts(row: RowResult) -> str:
    """Return what a row lacks, and how to get it, as one line of text."""
    return "; ".join(f"{gap.why}: {gap.how}" for gap in row.gaps)
