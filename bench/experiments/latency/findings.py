"""What the paired rounds of a run show: answers, percentiles, cells, what the bench is off by.

Neighbours: `judge` writes the answers down as verdicts, `ladder` puts them in steps, `section`
shows them.
"""

from dataclasses import dataclass
from functools import cached_property

from bench.experiments.latency.records import NAME, OF_TWO
from bench.report.measures import PercentileRow, percentile_rows
from bench.report.questions import main_mix, reference_cell
from bench.report.selection import Cell, cells_of
from bench.results.dataset import RunData, TrialSample
from bench.results.paired.disturbance import Shift
from bench.results.paired.judge import Answer, answers_of, disturbance, twins_of
from bench.results.paired.rounds import Metric, PairedRounds, is_twin
from bench.stats.rounds import Twin


@dataclass(frozen=True)
class Findings:
    """All of it, computed when it is asked for. Get it by `data.once(Findings)`."""

    data: RunData

    @property
    def rounds(self) -> PairedRounds:
        """Rounds of all deployments."""
        return self.data.rounds_of(NAME)

    @property
    def two(self) -> PairedRounds:
        """Rounds of the named pair alone."""
        return self.data.rounds_of(OF_TWO)

    @cached_property
    def samples(self) -> tuple[TrialSample, ...]:
        """Trials without second instances, which only show what the bench is off by."""
        own = self.data.samples_of(NAME)
        return tuple(s for s in own if not is_twin(s.trial.deployment))

    @cached_property
    def operations(self) -> list[str]:
        """All operation names in the rows."""
        return sorted({name for s in self.samples for name in s.slices})

    @cached_property
    def cells(self) -> list[Cell]:
        """One an operation, in the order of their shares in the mix."""
        ranked = {name: at for at, name in enumerate(self.rounds.operations)}
        return sorted(cells_of(self.samples), key=lambda c: ranked.get(c.mix, len(ranked)))

    @cached_property
    def main_cell(self) -> Cell | None:
        """The cell that figures of one cell show: the main mix at its reference load."""
        mix = main_mix(self.cells)
        return reference_cell(self.cells, mix) if mix else None

    @cached_property
    def reference_cells(self) -> list[Cell]:
        """One cell a mix, the main one first."""
        mixes = dict.fromkeys(cell.mix for cell in self.cells)
        found = [reference_cell(self.cells, mix) for mix in mixes]
        present = [cell for cell in found if cell is not None]
        return sorted(present, key=lambda cell: cell is not self.main_cell)

    @cached_property
    def percentiles(self) -> list[PercentileRow]:
        """Percentiles of every operation in every deployment."""
        return [row for cell in self.cells for row in percentile_rows(cell)]

    def rows_of(self, cell: Cell) -> list[PercentileRow]:
        """Return the percentile rows of a cell."""
        return [row for row in self.percentiles if row.cell is cell]

    @cached_property
    def answers(self) -> list[Answer]:
        """What the rounds say to every question, named ones first."""
        return answers_of(self.rounds, self.two)

    @cached_property
    def disturbance(self) -> list[Shift]:
        """How far the named ratios move between rounds of two and of all; [] if not measured."""
        return disturbance(self.rounds, self.two)

    @cached_property
    def twins(self) -> dict[tuple[str, Metric], Twin]:
        """What the same code against itself gave, by (operation or mix, metric)."""
        return twins_of(self.rounds)

    @property
    def client_ms(self) -> float | None:
        """The client's own time of a request; None where it was not measured."""
        settings = self.data.journal.settings.get(NAME)
        value = settings.get("client_ms") if isinstance(settings, dict) else None
        return float(value) if isinstance(value, int | float) else None

    @cached_property
    def tainted(self) -> str:
        """A warning where figures had to be drawn from invalid trials, else nothing."""
        spoiled = [cell.label for cell in self.reference_cells if cell.tainted]
        if not spoiled:
            return ""
        return (
            f"No valid block for {'; '.join(spoiled)}: its figures are drawn from invalid trials, "
            "for orientation only."
        )
