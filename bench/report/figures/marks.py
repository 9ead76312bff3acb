"""What a drawn thing shows: said at hover or focus, hidden with its arm, a line of the CSV.

A figure's code calls `mark` for what it has drawn. Neighbours: `style` keeps the marks with the
drawing and puts them into the page, `page.js` says them and switches arms off.
"""

import base64
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, cast

from matplotlib.artist import Artist
from matplotlib.figure import Figure as Drawing

from bench.report.naming import interval, number
from bench.results.plain_text import plain

_GROUP = re.compile(r'<g id="mark-(\d+)-\d+">')


@dataclass(frozen=True)
class Mark:
    """A value with its interval and n. `arm`: the deployment it is of, "" for none.

    Without a value it says nothing and only goes away with its arm.
    """

    arm: str
    what: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""

    @property
    def told(self) -> str:
        """In words: `microservices · order: 11.0 ms [10.1, 11.9], n = 6`."""
        if self.value is None:
            return ""
        ends = f" {interval(self.low, self.high)}" if self.low is not None else ""
        count = f", n = {self.n:,}" if self.n is not None else ""
        size = f"×{number(self.value)}" if self.unit == "×" else f"{number(self.value)} {self.unit}"
        name = " · ".join(part for part in (self.arm, self.what) if part)
        return plain(f"{name}: {size.strip()}{ends}{count}")


class Canvas(Drawing):
    """A drawing that knows what its parts show."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.marks: list[Mark] = []


def mark(artists: Artist | Iterable[Artist], shown: Mark) -> None:
    """Say what these parts of a drawing show."""
    found = [artists] if isinstance(artists, Artist) else list(artists)
    for at, artist in enumerate(found):
        marks = cast(Canvas, artist.get_figure(root=True)).marks
        if at == 0:
            marks.append(shown)
        artist.set_gid(f"mark-{len(marks) - 1}-{at}")


def told_in(svg: str, marks: Sequence[Mark]) -> str:
    """Return the SVG with the words of each mark as a title, and its arm."""

    def group(found: re.Match[str]) -> str:
        shown = marks[int(found[1])]
        arm = f' data-arm="{escape(plain(shown.arm))}"' if shown.arm else ""
        if not shown.told:
            return f"<g{arm}>"
        return f'<g class="mark"{arm}><title>{escape(shown.told)}</title>'

    return _GROUP.sub(group, svg)


def csv_link(marks: Sequence[Mark], data: Sequence[Mapping[str, object]]) -> str:
    """Return the numbers of a figure as a link to a CSV file that needs no server; "" for none.

    `data`: of a figure whose curves say more than its marks.
    """
    records = data or [asdict(each) for each in marks if each.value is not None]
    if not records:
        return ""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in each.items()} for each in records)
    coded = base64.b64encode(lines.getvalue().encode()).decode()
    return f"data:text/csv;charset=utf-8;base64,{coded}"


def _cell(value: object) -> object:
    return plain(value) if isinstance(value, str) else value
