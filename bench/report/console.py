"""The result in the terminal: plain sentences, the named metrics, where the page is.

Neighbours: `bench.results.journal` has what `build` stored.
"""

from pathlib import Path
from textwrap import shorten

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.registry import registered
from bench.report.build import PAGE
from bench.report.claims import tally
from bench.report.fields import at_95, estimate_text, short_label
from bench.report.merged_runs import picture_of_runs
from bench.report.naming import deployment_order, interval, own_names
from bench.results.journal import RunReader
from bench.results.plain_text import plain
from bench.results.verdict import EXPLORATORY, NAMED, Verdict, experiment_of

_COLOURS = {
    "supported": "green",
    "reached": "green",
    "refuted": "cyan",
    "no difference shown": "white",
    "inconclusive": "yellow",
    "invalid": "red",
    "not reached": "red",
}
_NOTE_LETTERS = 110
OTHERS = "Other verdicts"


def show_results(run_dir: Path, console: Console | None = None) -> None:
    """Print what a run found; the last lines are the answer in words and the page's path.

    Reads `verdicts.json` and the journal only. Raises CorruptResults with one line.
    """
    console = console or Console(highlight=False)
    reader = RunReader(run_dir)
    for note in reader.journal.notes:
        console.print(escape(f"note: {shorten(note, _NOTE_LETTERS, placeholder=' …')}"))
    for title, verdicts in _other_tables(reader.verdicts).items():
        if verdicts:
            console.print(_table(title, verdicts))
    if any(t.gates for t in reader.trials):
        console.print(_quality(reader))
    if reader.cells is not None and not own_names(reader.journal.settings):
        told = tally(picture_of_runs([run_dir]).results)
        console.print(f"{told} (shopbench claims --run {_path(run_dir)})", soft_wrap=True)
    _answer(reader, console)
    console.print(f"report: {_path((run_dir / PAGE).resolve())}", soft_wrap=True)


def _path(path: Path) -> str:
    return escape(plain(str(path)))


def _answer(reader: RunReader, console: Console) -> None:
    """Every result, the metrics named beforehand, then the answer and how far to trust it."""
    console.print()
    for sentence in reader.words.sentences[1:]:
        console.print(escape(sentence))
    named = [v for v in reader.verdicts if v.note.startswith(NAMED)]
    if named:
        console.print(_named_table(named))
    console.print()
    console.print(escape(reader.words.answer or "Nothing could be judged in this run."))
    if reader.words.trust:
        console.print(escape(f"How far to trust it: {reader.words.trust}"))


def _other_tables(verdicts: tuple[Verdict, ...]) -> dict[str, list[Verdict]]:
    """Verdicts that are no ratio of paired rounds, by heading."""
    by_heading: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if not verdict.note.startswith((NAMED, EXPLORATORY)):
            heading = named_or_none(experiment_of(verdict.id))
            by_heading.setdefault(heading or OTHERS, []).append(verdict)
    if not any(v.note.startswith(NAMED) for v in verdicts):
        by_heading.pop(OTHERS, None)  # they are the sentences below
    return by_heading


def named_or_none(experiment: str) -> str:
    """Return the heading of an experiment's verdicts, "" where they have no table of their own."""
    return next((each.told_as for each in registered() if each.name == experiment), "")


def _named_table(verdicts: list[Verdict]) -> Table:
    """One row a metric, with its interval at 95 % whatever level judged it."""
    table = Table(title="Metrics named beforehand", title_justify="left", title_style="bold")
    table.add_column("what")
    for name in ("ratio", "95 % interval", "starts"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    before = ""
    for verdict in verdicts:
        pair = f"{verdict.numerator} : {verdict.denominator}"
        if pair != before:
            table.add_row(f"[bold]{escape(pair)}[/]", "", "", "", "")
        before = pair
        table.add_row(
            escape(short_label(verdict)),
            escape(estimate_text(verdict)),
            escape(interval(*at_95(verdict))),
            str(verdict.n_blocks),
            _word(verdict),
        )
    return table


def _table(title: str, verdicts: list[Verdict]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("question", ratio=1)
    for name in ("estimate", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("n", justify="right")
    table.add_column("verdict", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            escape(verdict.question),
            escape(estimate_text(verdict)),
            escape(interval(verdict.low, verdict.high)),
            str(verdict.n_blocks),
            _word(verdict),
        )
    return table


def _word(verdict: Verdict) -> str:
    return f"[{_COLOURS[verdict.verdict]}]{verdict.verdict}[/]"


def _quality(reader: RunReader) -> str:
    parts = []
    for name in deployment_order(t.deployment for t in reader.trials if t.gates):
        own = [t.status for t in reader.trials if t.deployment == name and t.gates]
        bad, flagged = own.count("invalid"), own.count("flagged")
        parts.append(f"{escape(name)} {len(own)} ({flagged} flagged, {bad} invalid)")
    return f"trials: {'; '.join(parts)}"
