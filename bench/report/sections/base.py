"""What a section of the report consists of. Neighbours: `page` and `summary` place it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.journal import TableCell, Verdict
from bench.report.figures.style import Figure

Place = Literal["ladder", "load", "cpu", "floor", "quality"]


@dataclass(frozen=True)
class Section:
    """One section: `template` is rendered with `section` and the page's macros in reach.

    `after`: the fixed section of the page that it follows. `summary`: Markdown paragraphs.
    `headline`: what the first screen says in place of the verdicts, one sentence each.
    `verdicts` go into verdicts.json with all others. `cells`: what the experiment measured for
    the comparison table; each names its row in `bench/claims.toml`.
    """

    anchor: str
    title: str
    after: Place
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    headline: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    cells: tuple[TableCell, ...] = ()
