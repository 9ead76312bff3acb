"""Renders the one HTML page: everything inlined, nothing fetched, readable without JavaScript.

Neighbours: `tables` and `drawings` supply the content, `page.html`/`.css`/`.js` the form.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.claims import registry
from bench.journal import Journal, VerdictWord
from bench.report import drawings, headline, quality, tables
from bench.report.analysis import Analysis
from bench.report.claims import Picture, tally
from bench.report.comparison import comparison, numbers, picture_of
from bench.report.fields import estimate_text, verdict_fields
from bench.report.figures.style import Figure, inline_svg
from bench.report.floor import FloorResult, FloorSide, source_path
from bench.report.ladder import decomposition, sanity_check
from bench.report.limits import banners, limits
from bench.report.naming import ALL, interval, number, own_names, percent, words

HERE = Path(__file__).resolve().parent

CONTENTS = (
    ("result", "Result"),
    ("comparison", "Comparison"),
    ("claims", "Claims"),
    ("ratios", "Ratios"),
    ("ladder", "Ladder"),
    ("load", "Load"),
    ("distribution", "Distribution"),
    ("percentiles", "Percentiles"),
    ("cpu", "CPU"),
    ("floor", "Floor"),
    ("quality", "Quality"),
    ("limits", "Limits"),
    ("reproduce", "Reproduce"),
)
_SHOP_ONLY = {"comparison", "claims", "ladder", "floor"}  # they speak of our two arms
RULE_TEXT = (
    "A round sends the same request to every deployment, in random order; the rounds of one second "
    "are a cluster (median), the clusters of a start its mean, and the interval is over starts. "
    "Holm's step-down over the eight metrics named beforehand of each pair; verdict and interval "
    "at the same level, intervals not simultaneous. Different only if the interval excludes 1 and "
    "the effect is at least 3 %; 'no difference shown' only if the whole interval lies within 3 %; "
    "otherwise inconclusive. At least 6 starts. No verdict where the same code against itself is "
    "off by 2 % or more for certain."
)


def environment() -> Environment:
    """Return the Jinja environment of the report: escaping on, unknown names are errors."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> Markup:
    """Return a style sheet or script of this package, to be inlined."""
    return Markup((HERE / name).read_text(encoding="utf-8"))


def inlined(figures: Sequence[Figure], svgs: Mapping[str, str]) -> dict[str, Markup]:
    """Return each figure's SVG as markup for the page."""
    return {figure.name: Markup(inline_svg(svgs[figure.name], figure)) for figure in figures}


def render_page(analysis: Analysis, drawn: "Drawn", svgs: Mapping[str, str]) -> str:
    """Return the page as HTML. `svgs` maps figure names to their SVG text."""
    template = environment().get_template("page.html")
    return template.render(
        **_content(analysis),
        forests=drawn.forests,
        ladder=drawn.ladder,
        load_curves=drawn.load_curves,
        goodputs=drawn.goodputs,
        tails=drawn.tails,
        percentile_figures=drawn.percentiles,
        cpu=drawn.cpu,
        floor_figure=drawn.floor,
        sections=analysis.sections,
        quality=drawn.quality,
        svg=inlined(drawn.all, svgs),
        css=asset("page.css"),
        js=asset("page.js"),
    )


class Drawn:
    """All figures of a run, by place on the page."""

    def __init__(self, analysis: Analysis) -> None:
        self.forests = drawings.forests(analysis)
        self.ladder = drawings.ladder(analysis)
        self.load_curves = drawings.load_curves(analysis)
        self.goodputs = drawings.goodputs(analysis)
        self.tails = drawings.tails(analysis)
        self.percentiles = drawings.percentiles(analysis)
        self.cpu = drawings.cpu(analysis)
        self.floor = drawings.floor(analysis)
        self.quality = drawings.quality(analysis)
        self.sections = [figure for each in analysis.sections for figure in each.figures]

    @property
    def all(self) -> list[Figure]:
        """Every figure in page order."""
        listed = [
            *self.forests,
            self.ladder,
            *self.sections,
            *self.load_curves,
            *self.goodputs,
            *self.tails,
            *self.percentiles,
            self.cpu,
            self.floor,
            self.quality,
        ]
        return [figure for figure in listed if figure is not None]


def machine_facts(journal: Journal) -> list[tuple[str, str]]:
    """Return the machine's and the versions' facts as text."""
    return [
        *((words(name), _text(value)) for name, value in journal.machine.items()),
        *((f"{name} version", value) for name, value in journal.versions.items()),
    ]


def _content(analysis: Analysis) -> dict[str, Any]:
    """Everything on the page that is not a figure."""
    journal, cell = analysis.data.journal, analysis.main_cell
    own = own_names(journal.settings)
    sql_names, sql_rows = tables.sql_rows(analysis)
    gate_names, gate_rows = quality.gate_rows(analysis.trials)
    return {
        "journal": journal,
        "requests": sum(s.requests for s in analysis.data.trials),
        "contents": _contents(analysis),
        "own": bool(own),
        "subject": " and ".join(own) if own else "Monolith and microservices",
        "banners": banners(analysis),
        "taint": drawings.taint(analysis),
        "named": analysis.named,
        "rule_text": RULE_TEXT,
        "answer": tables.answer,
        "decomposition": decomposition(analysis.ladders),
        "plain_words": headline.plain_words(analysis),
        "trust": headline.trust_line(analysis),
        **claim_content(picture_of(analysis)),
        "verdict_rows": [verdict_fields(v) for v in analysis.verdicts],
        "verdict_words": get_args(VerdictWord),
        "sanity": sanity_check(analysis.ladders),
        "percentile_rows": [tables.percentile_fields(row) for row in analysis.percentiles],
        "main_mix": cell.mix if cell and not cell.in_rounds else "",
        "errors": tables.error_rows(analysis.data.load_trials),
        "costs": [] if own else tables.cost_rows(analysis.data.load_trials),
        "sql_names": sql_names,
        "sql_rows": sql_rows,
        "quality_rows": tables.quality_rows(analysis.trials),
        "failed_gates": tables.failed_gates(analysis.trials),
        "gate_names": gate_names,
        "gate_rows": gate_rows,
        "stop_rows": quality.stop_rows(journal),
        "resume_rows": quality.resume_rows(journal),
        "limits": limits(analysis),
        "facts": machine_facts(journal),
        "settings": [(name, _text(value)) for name, value in journal.settings.items()],
        "words": words,
        "ALL": ALL,
        **_floor(analysis.floors, analysis.data.path),
    }


def claim_content(picture: Picture) -> dict[str, Any]:
    """Everything that the macros of `claims.html` show."""
    return {
        "comparison": comparison(picture),
        "claim_results": picture.results,
        "claim_rules": registry().rules,
        "claims_tally": tally(picture.results),
        "several": picture.several,
        "which": "these runs" if picture.several else "this run",
        "numbers": numbers,
        "estimate_text": estimate_text,
        "number": number,
        "interval": interval,
        "percent": percent,
    }


def _contents(analysis: Analysis) -> list[tuple[str, str]]:
    """Anchors and titles in page order."""
    found = []
    own = own_names(analysis.data.journal.settings)
    for anchor, title in CONTENTS:
        if not (own and anchor in _SHOP_ONLY):
            found.append((anchor, title))
        found += [(s.anchor, s.title) for s in analysis.sections if s.after == anchor]
    return found


def _floor(floors: Sequence[FloorResult], run_dir: Path) -> dict[str, Any]:
    sources = list(dict.fromkeys(result.pair.source for result in floors))
    links = {}
    for source in sources:
        path = source_path(source)
        links[source] = os.path.relpath(path, run_dir.resolve()) if path else ""
    sides = {
        f"{words(result.pair.operation)} · {side.name}": side
        for result in floors
        for side in (result.arm, result.bare)
    }
    return {
        "floors": floors,
        "floor_first": {
            source: next(i for i, r in enumerate(floors) if r.pair.source == source)
            for source in sources
        },
        "source_links": links,
        "floor_costs": [_side_row(label, side) for label, side in sides.items()],
    }


def _side_row(label: str, side: FloorSide) -> list[str]:
    times = (number(side.times_ms[name]) for name in ("service", "app", "db"))
    cpu_ms = number(side.cpu_ms.value) if side.cpu_ms else "–"
    counts = (number(side.statements), number(side.commits))
    return [label, *counts, cpu_ms, *times, f"{side.failed:,}"]


def _text(value: object) -> str:
    if isinstance(value, str | int | float | bool) or value is None:
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)
