"""Lays two runs over each other: what moved, by how much, and could the surroundings explain it?

Ratios are compared, never bare times of one run with bare times of another: both arms of a
ratio shared machine and minute. Neighbours: `environment`, `figures.overlay`, `compare.html`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.errors import ShopbenchError
from bench.journal import Verdict
from bench.report.analysis import Analysis, PercentileRow, analyse
from bench.report.build import write_text
from bench.report.environment import Difference, environment_differences
from bench.report.figures.overlay import percentile_overlay, ratio_overlay
from bench.report.figures.style import Figure, svg_text
from bench.report.naming import interval, number, percent, words
from bench.report.page import asset, environment, inlined, machine_facts
from bench.report.questions import Question, questions_of
from bench.report.verdicts import SMOKE_NOTE, evidence
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, ratio_of_ratios
from bench.stats.verdicts import decide

Word = Literal["different", "no difference shown", "inconclusive", "not attributable"]
MAX_LOAD_RATIO = 1.25  # further apart, two loads are two questions
FLIPS = ({"supported", "refuted"},)


@dataclass(frozen=True)
class Change:
    """One question asked in both runs: ratio of the second run's ratio to the first's."""

    question: Question
    first: Verdict
    second: Verdict
    ratio: PairedRatio | None
    word: Word
    reason: str

    @property
    def flipped(self) -> bool:
        """Whether the verdict went from supported to refuted or back."""
        return {self.first.verdict, self.second.verdict} in FLIPS


def compare_runs(a: Path, b: Path, out: Path | None = None) -> Path:
    """Write one HTML page that lays run `b` over run `a`; return its path.

    `out`: a file, or a folder to put it in; by default beside run `a`. Raises CorruptResults and
    ShopbenchError with one line (2 if both are the same run).
    """
    if a.resolve() == b.resolve():
        raise ShopbenchError("both runs are the same folder: nothing to compare", 2)
    first, second = analyse(a), analyse(b)
    path = _target(first, second, out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, render(first, second))
    except OSError as exc:
        raise ShopbenchError(f"cannot write {path}: {exc.strerror}", 3) from exc
    return path


def changes(
    first: Analysis, second: Analysis, different: list[Difference]
) -> tuple[list[Change], list[Change]]:
    """Return (named, exploratory) changes of the questions that both runs answer.

    Named ones by Holm over those both runs named, at the matching interval level.
    """
    ours, theirs = _by_key(first), _by_key(second)
    shared = [(q, theirs[key]) for key, q in ours.items() if key in theirs]
    named = [(a, b) for a, b in shared if a.named and b.named]
    p_values = {a.id: r.p_value for a, b in named if (r := _ratio(a, b, 0.95)) is not None}
    levels = {name: step.level for name, step in holm(p_values).items()}
    found = [
        _change(first, second, pair, levels.get(pair[0].id, 0.95), different) for pair in shared
    ]
    return (
        [c for c in found if (c.question.id in {a.id for a, _ in named})],
        [c for c in found if (c.question.id not in {a.id for a, _ in named})],
    )


def render(first: Analysis, second: Analysis) -> str:
    """Return the page."""
    different = environment_differences(first.data.journal, second.data.journal)
    named, exploratory = changes(first, second, different)
    figures = overlays(first, second, [*named, *exploratory])
    template = environment().get_template("compare.html")
    return template.render(
        first=first.data.journal,
        second=second.data.journal,
        different=different,
        same_schedule=first.data.journal.seed == second.data.journal.seed,
        named=[_row(c) for c in named],
        exploratory=[_row(c) for c in exploratory],
        flips=[c.question.text for c in (*named, *exploratory) if c.flipped],
        facts=_side_by_side(first, second),
        figures=figures,
        svg=inlined(figures, {f.name: svg_text(f) for f in figures}),
        css=asset("page.css"),
        js=asset("page.js"),
    )


def overlays(first: Analysis, second: Analysis, found: list[Change]) -> list[Figure]:
    """Return the overlay figures that both runs have data for."""
    names = (first.data.journal.run_id, second.data.journal.run_id)
    drawn = [
        ratio_overlay([(c.first, c.second, c.word) for c in found], names),
        percentile_overlay(_main_rows(first), _main_rows(second), names),
    ]
    return [figure for figure in drawn if figure is not None]


def _change(
    first: Analysis,
    second: Analysis,
    pair: tuple[Question, Question],
    level: float,
    different: list[Difference],
) -> Change:
    a, b = pair
    smoke = "smoke" in (first.data.journal.profile, second.data.journal.profile)
    word, reason, ratio = _judged(pair, level, different, smoke=smoke)
    return Change(a, _verdict(first, a), _verdict(second, b), ratio, word, reason)


def _judged(
    pair: tuple[Question, Question], level: float, different: list[Difference], *, smoke: bool
) -> tuple[Word, str, PairedRatio | None]:
    ratio = _ratio(*pair, level)
    loads = [question.cell.offered_rps for question in pair]
    if max(loads) > MAX_LOAD_RATIO * min(loads):
        return "inconclusive", f"the loads differ: {loads[0]:g} and {loads[1]:g} requests/s", ratio
    if ratio is None:
        return "inconclusive", "one of the runs has fewer than 2 valid blocks", None
    if smoke:
        return "inconclusive", SMOKE_NOTE, ratio
    decision = decide(ratio, claim="different", kind=pair[0].kind)
    if decision.word == "supported" and different:
        names = ", ".join(d.name for d in different[:3])
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        return "not attributable", f"the surroundings differ too ({names}{more})", ratio
    if decision.word == "supported":
        return "different", decision.reason, ratio
    word: Word = "no difference shown" if decision.word == "no difference shown" else "inconclusive"
    return word, decision.reason, ratio


def _ratio(a: Question, b: Question, level: float) -> PairedRatio | None:
    try:
        return ratio_of_ratios(evidence(b).logs, evidence(a).logs, level=level)
    except StatisticsError:
        return None


def _by_key(analysis: Analysis) -> dict[tuple[str, int], Question]:
    """Questions by their id without the load, and the load's rank among those of its mix.

    A run derives its loads from a probe, so two runs of one machine differ a little in them.
    """
    found = {}
    for question in questions_of(analysis.data, analysis.cells):
        experiment, mix, rps = question.cell.key
        loads = sorted(c.offered_rps for c in analysis.cells if c.key[:2] == (experiment, mix))
        pair = (question.numerator, question.denominator, question.operation, question.kind)
        found["/".join((experiment, mix, *pair)), loads.index(rps)] = question
    return found


def _main_rows(analysis: Analysis) -> list[PercentileRow]:
    return analysis.rows_of(analysis.main_cell) if analysis.main_cell else []


def _verdict(analysis: Analysis, question: Question) -> Verdict:
    return next(v for v in analysis.verdicts if v.id == question.id)


def _row(change: Change) -> dict[str, str]:
    def shown(verdict: Verdict) -> str:
        return f"×{number(verdict.estimate)} {interval(verdict.low, verdict.high)}"

    ratio = change.ratio
    return {
        "question": f"{change.question.numerator} : {change.question.denominator}, "
        f"{words(change.question.cell.mix)}, {words(change.question.operation)}, "
        f"{change.question.kind}",
        "first": f"{shown(change.first)} ({change.first.verdict})",
        "second": f"{shown(change.second)} ({change.second.verdict})",
        "ratio": f"×{number(ratio.estimate)}" if ratio else "–",
        "interval": f"{interval(ratio.low, ratio.high)} at {percent(ratio.level)}"
        if ratio
        else "–",
        "word": change.word,
        "reason": change.reason,
    }


def _side_by_side(first: Analysis, second: Analysis) -> list[tuple[str, str, str]]:
    ours, theirs = dict(_facts(first)), dict(_facts(second))
    names = dict.fromkeys([*ours, *theirs])
    return [(name, ours.get(name, "–"), theirs.get(name, "–")) for name in names]


def _facts(analysis: Analysis) -> list[tuple[str, str]]:
    journal = analysis.data.journal
    return [
        ("commit", journal.commit + (" + local changes" if journal.dirty else "")),
        ("command", journal.command),
        ("started", journal.started_at),
        ("seed", str(journal.seed)),
        ("CPU budget and pinning", "enforced" if journal.controlled else "NOT enforced"),
        ("trials", str(len(analysis.trials))),
        *machine_facts(journal),
    ]


def _target(first: Analysis, second: Analysis, out: Path | None) -> Path:
    name = f"compare-{first.data.journal.run_id}-{second.data.journal.run_id}.html"
    if out is None:
        return first.data.path.resolve().parent / name
    return out / name if out.is_dir() else out
