"""Renders the one HTML page: everything inlined, nothing fetched, readable without JavaScript.

Neighbours: sections bring the content, `page.html`/`.css`/`.js` the form.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.claims import registry
from bench.registry import registered
from bench.report import quality
from bench.report.analysis import Analysis
from bench.report.claims import Picture, tally
from bench.report.comparison import comparison, missing, next_words, numbers, picture_of
from bench.report.fields import (
    answer,
    estimate_text,
    estimate_with_interval,
    verdict_fields,
)
from bench.report.figures.quality import quality_strip
from bench.report.figures.style import Figure, inline_svg, svg_text
from bench.report.limits import banners, limits
from bench.report.naming import ALL, interval, number, percent, words
from bench.results.journal import Journal
from bench.results.verdict import VerdictWord

MAX_SETTING = 4_000  # characters of a setting that are shown
HERE = Path(__file__).resolve().parent

BEFORE = (("result", "Result"), ("comparison", "Comparison"))
CLAIMS = (("claims", "Claims"), ("measure", "How to measure the rest"), ("verdicts", "Verdicts"))
AFTER = (
    ("quality", "Quality"),
    ("limits", "Limits"),
    ("reproduce", "Reproduce"),
)
_SHOP_ONLY = {"comparison", "claims", "measure"}  # they speak of our two arms


def environment() -> Environment:
    """Return the Jinja environment of the report: escaping on, unknown names are errors."""
    return Environment(
        loader=FileSystemLoader([HERE, *{each.folder.parent for each in registered()}]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def asset(name: str) -> Markup:
    """Return a style sheet or script of this package, to be inlined."""
    return Markup((HERE / name).read_text(encoding="utf-8"))


def inlined(figures: Sequence[Figure], svgs: Mapping[str, str]) -> dict[str, Markup]:
    """Return each figure's SVG as markup for the page, narrow forms too."""
    narrow = [figure.narrow for figure in figures if figure.narrow is not None]
    texts = {**svgs, **{figure.name: svg_text(figure) for figure in narrow}}
    both = [*figures, *narrow]
    return {figure.name: Markup(inline_svg(texts[figure.name], figure)) for figure in both}


def render_page(analysis: Analysis, svgs: Mapping[str, str]) -> str:
    """Return the page as HTML. `svgs` maps figure names to their SVG text."""
    template = environment().get_template("page.html")
    figures = figures_of(analysis)
    return template.render(
        **_content(analysis),
        sections=analysis.shown,
        first_figures=_first_figures(analysis),
        quality=quality_strip(analysis.trials),
        svg=inlined(figures, svgs),
        css=asset("page.css"),
        js=asset("page.js"),
    )


def figures_of(analysis: Analysis) -> list[Figure]:
    """Return every figure in page order."""
    drawn = [figure for section in analysis.shown for figure in section.figures]
    return [*_first_figures(analysis), *drawn, quality_strip(analysis.trials)]


def _first_figures(analysis: Analysis) -> list[Figure]:
    """The figures of the first screen, in the order of the experiments."""
    return [each.first_figure for each in analysis.sections if each.first_figure is not None]


def machine_facts(journal: Journal) -> list[tuple[str, str]]:
    """Return the machine's and the versions' facts as text."""
    return [
        *((words(name), _text(value)) for name, value in journal.machine.items()),
        *((f"{name} version", value) for name, value in journal.versions.items()),
    ]


def _content(analysis: Analysis) -> dict[str, Any]:
    """Everything on the page that is not a figure."""
    journal, own = analysis.data.journal, analysis.own
    gate_names, gate_rows = quality.gate_rows(analysis.trials)
    picture = picture_of(analysis)
    return {
        "journal": journal,
        "requests": sum(s.requests for s in analysis.data.trials),
        "contents": _contents(analysis, lacking=bool(missing(picture))),
        "own": bool(own),
        "subject": " and ".join(own) if own else "Monolith and microservices",
        "banners": banners(analysis),
        "answer": answer,
        "plain_words": analysis.words.sentences,
        "trust": analysis.words.trust,
        "next": "" if analysis.own else next_words(journal.profile, picture),
        "notes": journal.notes,
        "tiles": analysis.tiles,
        **claim_content(picture),
        "verdict_rows": [verdict_fields(v) for v in analysis.verdicts],
        "verdict_words": get_args(VerdictWord),
        "quality_line": quality.quality_line(analysis.trials),
        "quality_rows": quality.quality_rows(analysis.trials),
        "failed_gates": quality.failed_gates(analysis.trials),
        "gate_names": gate_names,
        "gate_rows": gate_rows,
        "stop_rows": quality.stop_rows(journal),
        "resume_rows": quality.resume_rows(journal),
        "limits": limits(analysis),
        "facts": machine_facts(journal),
        "settings": [(name, _text(value)) for name, value in journal.settings.items()],
        "words": words,
        "ALL": ALL,
    }


def claim_content(picture: Picture) -> dict[str, Any]:
    """Everything that the macros of `claims.html` show."""
    return {
        "comparison": comparison(picture),
        "claim_results": picture.results,
        "claim_rules": registry().rules,
        "claims_tally": tally(picture.results),
        "several": picture.several,
        "missing": missing(picture),
        "numbers": numbers,
        "estimate_text": estimate_text,
        "estimate_with_interval": estimate_with_interval,
        "number": number,
        "interval": interval,
        "percent": percent,
    }


def _contents(analysis: Analysis, *, lacking: bool) -> list[tuple[str, str]]:
    """Anchors and titles in page order, of what is there."""
    absent = _SHOP_ONLY if analysis.own else set()
    absent = absent | (set() if lacking else {"measure"})
    absent = absent | (set() if analysis.verdicts else {"verdicts"})
    found = [(s.anchor, s.contents or s.title) for s in analysis.shown if not s.folded]
    folded = [(s.anchor, s.contents or s.title) for s in analysis.shown if s.folded]
    whole = [*BEFORE, *found, *CLAIMS, *folded, *AFTER]
    return [each for each in whole if each[0] not in absent]


def _text(value: object) -> str:
    if isinstance(value, str | int | float | bool) or value is None:
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= MAX_SETTING:
        return text
    return f"{len(text):,} characters: what an experiment counted or timed; see journal.json"
