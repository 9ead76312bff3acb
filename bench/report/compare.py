"""Lays two runs over each other: one page, one sentence, and the same as JSON.

Neighbours: `run_comparison` judges, `environment` tells what could explain it, `figures.overlay`
draws.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import ShopbenchError
from bench.report.analysis import Analysis, analyse
from bench.report.build import write_text
from bench.report.environment import Difference, environment_differences
from bench.report.fields import estimate_with_interval
from bench.report.figures.overlay import percentile_overlay, ratio_overlay
from bench.report.figures.style import Figure, svg_text
from bench.report.measures import PercentileRow
from bench.report.naming import interval, percent
from bench.report.page import asset, environment, inlined, machine_facts
from bench.report.run_comparison import Agreement, Change, agreement, changes, other_flips
from bench.results.journal import Journal, RunReader
from bench.results.verdict import Verdict


@dataclass(frozen=True)
class Comparison:
    """Two runs compared. `page`: the HTML file; `different`: what else is not the same."""

    page: Path
    runs: tuple[Journal, Journal]
    different: tuple[Difference, ...]
    named: tuple[Change, ...]
    exploratory: tuple[Change, ...]
    agreement: Agreement

    def as_json(self) -> dict[str, Any]:
        """Return everything the page judges, for a program."""
        return {
            "runs": [_run(journal) for journal in self.runs],
            "page": str(self.page),
            **asdict(self.agreement),
            "environment_differences": [asdict(each) for each in self.different],
            "named": [_record(change) for change in self.named],
            "exploratory": [_record(change) for change in self.exploratory],
        }


def compare_runs(a: Path, b: Path, out: Path | None = None) -> Comparison:
    """Compare run `b` with run `a` and write one HTML page about it.

    `out`: a file, or a folder to put it in; by default beside run `a`. Raises CorruptResults and
    ShopbenchError with one line (2 if both are the same run).
    """
    if a.resolve() == b.resolve():
        RunReader(a)  # what is no run at all is said first
        raise ShopbenchError("both runs are the same folder: nothing to compare", 2)
    first, second = analyse(a), analyse(b)
    different = environment_differences(first.data.journal, second.data.journal)
    named, exploratory = changes(first, second, different)
    found = Comparison(
        page=_target(first, second, out),
        runs=(first.data.journal, second.data.journal),
        different=tuple(different),
        named=tuple(named),
        exploratory=tuple(exploratory),
        agreement=agreement(named, exploratory, other_flips(first, second), different),
    )
    try:
        found.page.parent.mkdir(parents=True, exist_ok=True)
        write_text(found.page, render(found, first, second))
    except OSError as exc:
        raise ShopbenchError(f"cannot write {found.page}: {exc.strerror}", 3) from exc
    return found


def render(found: Comparison, first: Analysis, second: Analysis) -> str:
    """Return the page."""
    figures = overlays(found, first, second)
    differing = {each.name for each in found.different}
    template = environment().get_template("compare.html")
    return template.render(
        first=found.runs[0],
        second=found.runs[1],
        agreement=found.agreement,
        different=found.different,
        same_schedule=found.runs[0].seed == found.runs[1].seed,
        named=[_row(c) for c in found.named],
        exploratory=[_row(c) for c in found.exploratory],
        facts=[(*row, row[0] in differing or row[1] != row[2]) for row in _side_by_side(found)],
        figures=figures,
        svg=inlined(figures, {f.name: svg_text(f) for f in figures}),
        css=asset("page.css"),
        js=asset("page.js"),
    )


def overlays(found: Comparison, first: Analysis, second: Analysis) -> list[Figure]:
    """Return the overlay figures that both runs have data for."""
    names = (found.runs[0].run_id, found.runs[1].run_id)
    judged = [c for c in (*found.named, *found.exploratory) if not c.asked.unit]
    drawn = [
        ratio_overlay([(c.first, c.second, c.word) for c in judged if c.first and c.second], names),
        percentile_overlay(_percentiles(first), _percentiles(second), names),
    ]
    return [figure for figure in drawn if figure is not None]


def _percentiles(analysis: Analysis) -> list[PercentileRow]:
    return [row for section in analysis.sections for row in section.percentiles]


def _row(change: Change) -> dict[str, str]:
    moved = change.moved
    shown = [_told(verdict) for verdict in (change.first, change.second)]
    return {
        "question": change.asked.label,
        "first": shown[0],
        "second": shown[1],
        "moved": moved.size if moved else "–",
        "interval": f"{interval(moved.low, moved.high)} at {percent(moved.level)}"
        if moved
        else "–",
        "holm": "–" if change.step is None else f"{change.step.adjusted_p:.3f}",
        "word": change.word,
        "reason": change.reason,
    }


def _record(change: Change) -> dict[str, Any]:
    moved = change.moved
    return {
        "question": change.asked.label,
        "id": change.asked.id,
        "first": _side(change, 0),
        "second": _side(change, 1),
        "second_to_first": None if moved is None else asdict(moved),
        "holm_adjusted_p": change.step.adjusted_p if change.step else None,
        "holm_rejected": change.rejected,
        "word": change.word,
        "reason": change.reason,
        "flipped": change.flipped,
    }  # fmt: skip


def _told(verdict: Verdict | None) -> str:
    if verdict is None:
        return "no verdict asked for"
    return f"{estimate_with_interval(verdict)} ({verdict.verdict})"


def _side(change: Change, which: int) -> dict[str, Any] | None:
    verdict = (change.first, change.second)[which]
    if verdict is None:
        return None
    names = ("estimate", "low", "high", "level", "n_blocks", "verdict")
    return {name: getattr(verdict, name) for name in names}


def _run(journal: Journal) -> dict[str, Any]:
    names = ("run_id", "started_at", "commit", "dirty", "profile", "seed", "controlled", "machine")
    return {name: getattr(journal, name) for name in names}


def _side_by_side(found: Comparison) -> list[tuple[str, str, str]]:
    ours, theirs = (dict(_facts(journal)) for journal in found.runs)
    names = dict.fromkeys([*ours, *theirs])
    return [(name, ours.get(name, "–"), theirs.get(name, "–")) for name in names]


def _facts(journal: Journal) -> list[tuple[str, str]]:
    return [
        ("commit", journal.commit + (" + local changes" if journal.dirty else "")),
        ("command", journal.command),
        ("profile", journal.profile),
        ("started", journal.started_at),
        ("seed", str(journal.seed)),
        ("CPU budget and pinning", "enforced" if journal.controlled else "NOT enforced"),
        ("trials", str(len(journal.trials))),
        *machine_facts(journal),
    ]


def _target(first: Analysis, second: Analysis, out: Path | None) -> Path:
    name = f"compare-{first.data.journal.run_id}-{second.data.journal.run_id}.html"
    if out is None:
        return first.data.path.resolve().parent / name
    return out / name if out.is_dir() else out
