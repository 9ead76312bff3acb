"""Everything a report says, computed once: the sections of the experiments, verdicts, words.

Neighbours: `build` turns it into files; `console`, `compare` and `export` read it too.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.claims import registry
from bench.registry import registered
from bench.report.claims import name_claims
from bench.report.naming import own_names, showing
from bench.report.quality import trust_words
from bench.report.section import Section
from bench.report.tiles import Tile
from bench.results.dataset import RunData, load_run
from bench.results.journal import CorruptResults, Trial
from bench.results.verdict import NAMED, TableCell, Verdict, Words

# What settings of another shape lead to, in any experiment: the border for somebody else's run.
_NOT_AS_WRITTEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, MemoryError)


@dataclass(frozen=True)
class Analysis:
    """The analysed run. `own`: the services of the user's own that it measured, () for the shop."""

    data: RunData
    own: tuple[str, ...]
    sections: list[Section]
    verdicts: list[Verdict]

    @cached_property
    def named(self) -> list[Verdict]:
        """Verdicts on the metrics named beforehand."""
        return [v for v in self.verdicts if v.note.startswith(NAMED)]

    @property
    def cells(self) -> list[TableCell]:
        """What the run measured for the comparison table."""
        return [cell for section in self.sections for cell in section.cells]

    @cached_property
    def shown(self) -> list[Section]:
        """The sections that have something to show, in the order of the comparison table."""
        rows = registry().rows
        place: dict[str, int] = {}
        for at, row in enumerate(rows):
            for experiment in row.experiments:
                place.setdefault(experiment, at)
        shown = [section for section in self.sections if section.template]
        return sorted(shown, key=lambda section: place.get(section.experiment, len(rows)))

    @property
    def tiles(self) -> list[Tile]:
        """The tiles of all experiments; a smoke run claims nothing."""
        found = [tile for section in self.sections for tile in section.tiles]
        smoke = self.data.journal.profile == "smoke"
        return [replace(tile, state="open") for tile in found] if smoke else found

    @property
    def trials(self) -> list[Trial]:
        """All trials with gates, invalid ones and reruns included."""
        return list(self.data.judged_trials)

    @cached_property
    def words(self) -> Words:
        """The run's one answer, then every result in plain words; and how far to trust them."""
        told = [section.trust for section in self.sections if section.trust]
        told += trust_words(self.data.journal, self.trials)
        return Words(tuple(self._sentences()), f"{'; '.join(told)}." if told else "")

    def _sentences(self) -> Iterator[str]:
        smoke = self.data.journal.profile == "smoke"
        if smoke and any(section.verdicts for section in self.sections) and not self.own:
            yield "Nothing is claimed: a smoke run shows that everything works, end to end."
            return
        if told := [text for section in self.sections for text in section.headline]:
            yield from told
            return
        if clauses := [text for section in self.sections for text in section.answer]:
            yield f"On this machine, {'; '.join(clauses)}."
        leads = any(section.leads for section in self.sections)
        for section in self.sections:
            yield from section.sentences
        for section in self.sections:
            yield from section.otherwise if not leads else ()


def analyse(run_dir: Path) -> Analysis:
    """Read and analyse a run. Raises CorruptResults or ShopbenchError with one line."""
    try:
        return _analysed(run_dir)
    except _NOT_AS_WRITTEN as exc:
        frame = traceback.extract_tb(exc.__traceback__)[-1]
        said = f"{type(exc).__name__} {exc}, {Path(frame.filename).name}:{frame.lineno}"
        raise CorruptResults(
            f"{run_dir}: the journal is not as a run writes it, or the fault is ours: {said}"
        ) from exc


def _analysed(run_dir: Path) -> Analysis:
    data = load_run(run_dir)
    own = own_names(data.journal.settings)
    with showing(own):
        sections = [
            replace(section, experiment=each.folder.name)
            for each in registered()
            for section in each.sections(data)
        ]
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    return Analysis(
        data=data,
        own=own,
        sections=sections,
        verdicts=verdicts if own else name_claims(verdicts),  # the claims are on the shop
    )


@contextmanager
def shown(analysis: Analysis) -> Iterator[None]:
    """Order and looks follow this run's names while its files are made."""
    with showing(analysis.own):
        yield
