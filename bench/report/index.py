"""The page of all runs: what each found, how its key ratios went from run to run, what to compare.

It lies beside the runs as `index.html` and works from a file. Neighbours: `results.run_list` reads
the runs without their rows, `index.html` and `index.js` lay them out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from urllib.parse import quote as quote_url

from bench.files import replace_file
from bench.report.build import PAGE
from bench.report.fields import at_95, short_label
from bench.report.naming import interval, number
from bench.report.page import asset, environment
from bench.report.scale import Scale
from bench.results.run_list import RESULTS, ListedRun, RunList, runs_in
from bench.results.run_names import short_names
from bench.results.verdict import Verdict

INDEX = "index.html"
_MOST_POINTS = 30  # runs in a trend, the latest


@dataclass(frozen=True)
class Ratio:
    """A ratio that a run named beforehand: its words and its interval at 95 %."""

    label: str
    value: float
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """As it is read."""
        sure = f" {interval(self.low, self.high)}" if self.low is not None else ""
        return f"×{number(self.value)}{sure}"


@dataclass(frozen=True)
class Row:
    """One run on the page. `argument`: what a shell takes as the run; `ratios`: by pair."""

    run: ListedRun
    short: str
    argument: str
    answer: str
    link: str
    ratios: dict[str, list[Ratio]]


@dataclass(frozen=True)
class Point:
    """One run in a trend, in percent of the drawing from its left and its top."""

    x: float
    y: float
    low: float | None
    high: float | None
    told: str


@dataclass(frozen=True)
class Trend:
    """One key ratio over runs, oldest first. `equal`: where ×1 lies, None outside."""

    label: str
    points: tuple[Point, ...]
    latest: str
    equal: float | None
    ends: tuple[str, str]


def write_index(root: Path, found: RunList | None = None) -> Path:
    """Write the page whole or not at all; return it. Raises ShopbenchError (3)."""
    page = root / INDEX
    replace_file(page, render_index(found or runs_in(root)).encode(), sync=False)
    return page


def render_index(found: RunList) -> str:
    """Return the page."""
    short = short_names([run.name for run in found.runs] + [name for name, _ in found.others])
    rows = [_row(run, short[run.name], found.root) for run in found.runs]
    return environment().get_template(INDEX).render(
        rows=rows,
        others=found.others,
        trends=trends(found.runs, short),
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        css=asset("page.css"),
        own_css=asset("runs.css"),
        js=asset("index.js"),
    )  # fmt: skip


def trends(runs: Sequence[ListedRun], short: dict[str, str]) -> dict[str, list[Trend]]:
    """Return how each key ratio went over the runs that have it, by pair.

    Smoke runs claim nothing and are left out, as is what a single run has.
    """
    held: dict[tuple[str, str], list[tuple[ListedRun, Ratio]]] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        for pair, ratios in _ratios(run.named).items() if run.profile != "smoke" else ():
            for ratio in ratios:
                held.setdefault((pair, ratio.label), []).append((run, ratio))
    found: dict[str, list[Trend]] = {}
    for (pair, label), points in held.items():
        if len(points) > 1:
            found.setdefault(pair, []).append(_trend(label, points[-_MOST_POINTS:], short))
    return found


def _row(run: ListedRun, short: str, root: Path) -> Row:
    here = root.resolve() == RESULTS.resolve()
    page = run.path / PAGE
    has_page = page.is_file() and not page.is_symlink()
    return Row(
        run=run,
        short=short,
        argument=quote(short if here and short[0].isalnum() else os.path.abspath(run.path)),
        answer=run.answer(short),
        link=f"{quote_url(run.name, safe='')}/{PAGE}" if has_page else "",
        ratios=_ratios(run.named),
    )


def _ratios(named: Sequence[Verdict]) -> dict[str, list[Ratio]]:
    found: dict[str, list[Ratio]] = {}
    for verdict in named:
        if verdict.estimate is not None and verdict.estimate > 0:
            low, high = at_95(verdict)
            pair = f"{verdict.numerator} : {verdict.denominator}"
            ratio = Ratio(short_label(verdict), verdict.estimate, low, high)
            found.setdefault(pair, []).append(ratio)
    return found


def _trend(label: str, points: list[tuple[ListedRun, Ratio]], short: dict[str, str]) -> Trend:
    scale = Scale.around([(r.value, r.low, r.high) for _, r in points], ratio=True)
    step = 100.0 / len(points)

    def top(value: float | None) -> float | None:
        share = scale.share(value)
        return None if share is None else round(100.0 - share, 2)

    drawn = tuple(
        Point(
            x=round(step * (at + 0.5), 2),
            y=top(ratio.value) or 0.0,
            low=top(ratio.low),
            high=top(ratio.high),
            told=f"{short[run.name]}, {run.started_at:%Y-%m-%d %H:%M}: {ratio.text}",
        )
        for at, (run, ratio) in enumerate(points)
    )
    equal = None if scale.nothing is None else 100.0 - scale.nothing
    ends = tuple(f"×{number(end)}" for end in reversed(scale.ends))
    return Trend(label, drawn, points[-1][1].text, equal, (ends[0], ends[1]))
