"""The headline results in the terminal, and where the page is. Neighbours: `bench.journal`."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.journal import RunReader, Verdict
from bench.report.build import PAGE
from bench.report.claims import tally
from bench.report.fields import estimate_text
from bench.report.naming import deployment_order, interval, own_names
from bench.report.picture import picture_of_runs
from bench.report.verdicts import EXPLORATORY, NAMED

_COLOURS = {
    "supported": "green",
    "reached": "green",
    "refuted": "cyan",
    "no difference shown": "white",
    "inconclusive": "yellow",
    "invalid": "red",
    "not reached": "red",
}


def show_results(run_dir: Path, console: Console | None = None) -> None:
    """Print the named verdicts, the floor, the trials' quality and the page's address.

    Reads `verdicts.json` and the journal only. Raises CorruptResults with one line.
    """
    console = console or Console(highlight=False)
    reader = RunReader(run_dir)
    named = [v for v in reader.verdicts if v.note.startswith(NAMED)]
    floor = [v for v in reader.verdicts if v.id.startswith("floor/")]
    claims = [v for v in reader.verdicts if v.id.startswith("consistency/")]
    others = [v for v in reader.verdicts if not v.note.startswith((NAMED, EXPLORATORY))]
    if named:
        console.print(_table("Metrics named beforehand", named))
    if floor:
        console.print(_table("Rate against the bare handler", floor))
    if claims:
        console.print(_table("Data consistency", claims))
    if not named and not floor and not claims:
        if others:
            console.print(_table("Verdicts", others))
        else:
            console.print("Nothing could be judged in this run.")
    if reader.trials:
        console.print(_quality(reader))
    for note in reader.journal.notes:
        console.print(f"note: {escape(note)}")
    if reader.cells is not None and not own_names(reader.journal.settings):
        told = tally(picture_of_runs([run_dir]).results)
        console.print(f"{told} (shopbench claims --run {escape(str(run_dir))})", soft_wrap=True)
    console.print(f"report: {escape(str((run_dir / PAGE).resolve()))}", soft_wrap=True)


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
            estimate_text(verdict),
            escape(interval(verdict.low, verdict.high)),
            str(verdict.n_blocks),
            f"[{_COLOURS[verdict.verdict]}]{verdict.verdict}[/]",
        )
    return table


def _quality(reader: RunReader) -> str:
    parts = []
    for name in deployment_order(t.deployment for t in reader.trials if t.gates):
        own = [t.status for t in reader.trials if t.deployment == name and t.gates]
        bad, flagged = own.count("invalid"), own.count("flagged")
        parts.append(f"{escape(name)} {len(own)} ({flagged} flagged, {bad} invalid)")
    return f"trials: {'; '.join(parts)}"
