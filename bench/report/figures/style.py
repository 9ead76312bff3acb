"""Looks shared by all figures: fixed colour-blind-safe colours, line styles, axes, saving.

The same deployment has the same colour, line style and marker in every figure of every run.
Neighbours: the other modules of this package draw; `build` saves.
"""

import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.files import replace_file
from bench.report.figures.marks import Canvas, csv_link, told_in
from bench.report.naming import DEPLOYMENTS, number, shown_order

WIDTH_IN = 7.6
HALF_IN = 4.6  # of a figure that stands beside another one, and whole on a telephone
_LONGEST_NAME = 150  # of a figure: a file name has room for 255 letters
INK, MUTED, GRID = "#1b1f24", "#57606a", "#d8dee4"
BAD = "#b42318"
ON_LIGHT = "#1b1f23"  # ink on a coloured ground, which is as light in the dark form
# What a page draws in its own colours, light or dark; white only where it is a ground.
_THEMED = {INK: "--ink", MUTED: "--muted", GRID: "--line", BAD: "--bad", "#f4f6f8": "--soft",
           "#e6eaee": "--soft"}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How a deployment is drawn."""

    colour: str
    dashes: tuple[float, ...]  # () = solid
    marker: str


@dataclass(frozen=True)
class Figure:
    """A finished drawing with its words. `name`: of its files, without suffix, and in its ids.

    `group` and `option`: figures of one group are shown one at a time, chosen by option. `data`:
    its numbers, where its marks do not say them all. `narrow`: the same, drawn `HALF_IN` wide for
    a telephone; without it a wide figure is scrolled there.
    """

    name: str
    title: str
    caption: str
    canvas: Canvas
    group: str = ""
    option: str = ""
    data: Sequence[Mapping[str, object]] = ()
    narrow: "Figure | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", file_name(self.name))

    @property
    def csv(self) -> str:
        """A link to its numbers."""
        return csv_link(self.canvas.marks, self.data)

    @property
    def wide(self) -> bool:
        """Whether it is too wide for a telephone and has to be scrolled there."""
        return bool(self.canvas.get_figwidth() > HALF_IN)


# Okabe & Ito (2008), told apart by all common kinds of colour blindness and by line style.
_LOOKS = {
    "monolith": Look("#D55E00", (), "o"),
    "modular": Look("#009E73", (5, 1.5), "s"),
    "modular-split": Look("#56B4E9", (2, 1.2), "^"),
    "microservices": Look("#0072B2", (6, 1.5, 1.5, 1.5), "D"),
}
_OTHERS = (
    Look("#CC79A7", (1, 1), "v"),
    Look("#8C6D00", (4, 1, 1, 1, 1, 1), "P"),
    Look("#555555", (3, 2), "X"),
)

# Services of the user's own in the order they were given: the two of most contrast first.
_OWN_LOOKS = (
    *(_LOOKS[name] for name in ("monolith", "microservices", "modular", "modular-split")),
    *_OTHERS,
)

_COMPONENT_COLOURS = {
    "monolith": "#D55E00",
    "users+inventory+orders+payments": "#999933",
    "gateway": "#7F7F7F",
    "users": "#CC79A7",
    "inventory": "#009E73",
    "orders": "#0072B2",
    "payments": "#E69F00",
    "all": "#56B4E9",
    "shop": "#56B4E9",
}

_BLOCK_COLOURS = ("#882255", "#44AA99", "#DDCC77")  # processes of several components

_RC: Any = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a name may hold dollar signs
    "svg.fonttype": "none",  # real text: selectable, read aloud, a tenth of the size
    "svg.hashsalt": "shopbench",  # the same run gives the same file
    "hatch.linewidth": 0.7,
}


# Tick labels on a log axis by the ratio between its ends: as fine as there is room for.
_TICK_STEPS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (1.6, (*(1 + i / 10 for i in range(10)), *(2 + i / 2 for i in range(16)))),
    (4.0, (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)),
    (15.0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)),
    (3000.0, (1.0, 2.0, 5.0)),
    (float("inf"), (1.0,)),
)


def look(deployment: str) -> Look:
    """Return the fixed look of a deployment; a free topology gets one by its name."""
    order = shown_order()
    if order != DEPLOYMENTS and deployment in order:
        return _OWN_LOOKS[order.index(deployment) % len(_OWN_LOOKS)]
    known = _LOOKS.get(deployment)
    return known or _OTHERS[sum(deployment.encode()) % len(_OTHERS)]


def component_colour(component: str) -> str:
    """Return a component's colour; a database has its component's colour (drawn hatched)."""
    name = component.removeprefix("db:")
    if name in _COMPONENT_COLOURS:
        return _COMPONENT_COLOURS[name]
    return _BLOCK_COLOURS[sum(name.encode()) % len(_BLOCK_COLOURS)] if "+" in name else "#B0B0B0"


def text_on(colour: str) -> str:
    """Return white or black, whichever reads better on a colour (WCAG relative luminance).

    The page exchanges the colours of `_THEMED` in the dark, but not these.
    """
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return (
        "white" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.25 else ON_LIGHT
    )


@contextmanager
def drawing(width: float, height: float, **grid: Any) -> Iterator[tuple[Canvas, list[Axes]]]:
    """Give a canvas of a size in inches with its axes (row by row) in the house look."""
    with matplotlib.rc_context(_RC):
        canvas = Canvas(figsize=(width, height))
        axes: Any = canvas.subplots(squeeze=False, **grid)
        yield canvas, list(axes.flat)


def log_axis(axes: Axes, which: str, *, ratio: bool = False) -> None:
    """Make x or y logarithmic with plain numbers at 1-2-5 steps (finer ones on short axes)."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    decades = high / low if low > 0 else 1.0
    steps = next(subs for limit, subs in _TICK_STEPS if decades < limit)
    prefix = "×" if ratio else ""
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=60))
    axis.set_major_formatter(FuncFormatter(lambda v, _: prefix + plain(v)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(LogLocator(base=10, subs=(1.0,), numticks=60))


def file_name(text: str) -> str:
    """Return a text as a part of a file name and an id; two texts never share one."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", text)
    if safe == text and len(text) <= _LONGEST_NAME:
        return safe
    return f"{safe[:40]}-{zlib.crc32(text.encode()):08x}"


def log_limits(
    points: Iterable[tuple[float, float, float]], *, reach: float = 3.0
) -> tuple[float, float] | None:
    """Return the ends of a log axis for (value, low, high): all values, and their intervals.

    An interval that goes on for more than `reach` times beyond every value leaves the drawing,
    so that one unsettled quantile does not squeeze all others. None without a point.
    """
    found = list(points)
    if not found:
        return None
    values = [value for value, _, _ in found]
    low = max(min(low for _, low, _ in found), min(values) / reach)
    high = min(max(high for _, _, high in found), max(values) * reach)
    return low / 1.12, high * 1.12


def plain(value: float) -> str:
    """Return a tick label without exponent or trailing zeros."""
    return f"{value:,.6g}" if value >= 1e-4 else number(value, 1)


def spread_labels(positions: Sequence[float], gap: float) -> list[float]:
    """Push label positions apart to at least `gap` while moving each as little as possible.

    Linear units (take the logarithm first on a log axis). Keeps the order of the positions.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    groups: list[list[int]] = [[i] for i in order]
    centres = [positions[i] for i in order]
    i = 0
    while i + 1 < len(groups):
        reach = gap * (len(groups[i]) + len(groups[i + 1])) / 2.0
        if centres[i + 1] - centres[i] >= reach:
            i += 1
            continue
        merged = groups[i] + groups[i + 1]
        centres[i : i + 2] = [sum(positions[k] for k in merged) / len(merged)]
        groups[i : i + 2] = [merged]
        i = max(0, i - 1)
    placed = [0.0] * len(positions)
    for group, centre in zip(groups, centres, strict=True):
        for k, index in enumerate(group):
            placed[index] = centre + gap * (k - (len(group) - 1) / 2.0)
    return placed


def below(positions: Sequence[float], gap: float, limit: float) -> list[float]:
    """Push label positions down under a limit, still at least `gap` apart, in the same order."""
    found = list(positions)
    for i in sorted(range(len(found)), key=lambda i: -found[i]):
        found[i] = min(found[i], limit)
        limit = found[i] - gap
    return found


def svg_text(figure: Figure) -> str:
    """Return the figure as SVG without anything that depends on the clock."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_RC):
        figure.canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def inline_svg(svg: str, figure: Figure) -> str:
    """Return the SVG as a part of an HTML page: own ids, no DTD, metadata or outside address."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s+xmlns(:xlink)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = told_in(_themed(body), figure.canvas.marks)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{figure.name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{figure.name}-\1)", body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{figure.name}-\1"', body)
    size = re.search(r'<svg[^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"', body)
    if size is None:
        raise ValueError(f"{figure.name}: the SVG has no viewBox")
    head = (
        f'<svg viewBox="0 0 {size[1]} {size[2]}" role="img" '
        f'aria-labelledby="{figure.name}-title" style="--natural:{float(size[1]) * 1.72:.0f}px'
        f'{"" if figure.wide else ";--least:0"}">'
        f'<title id="{figure.name}-title">{escape(figure.title)}</title>'
    )
    return re.sub(r"<svg[^>]*>", lambda _: head, body, count=1)


def _themed(svg: str) -> str:
    """The drawing in the colours of the page it stands in."""
    for colour, name in _THEMED.items():
        svg = svg.replace(f": {colour}", f": var({name})")
    return re.sub(
        r"<(?:path|use|g)\b[^>]*>", lambda tag: tag[0].replace(": #ffffff", ": var(--paper)"), svg
    )


def save(figure: Figure, folder: Path, svg: str) -> None:
    """Write `<name>.svg` and `<name>.png` into a folder, each whole or not at all."""
    replace_file(folder / f"{figure.name}.svg", svg.encode(), sync=False)
    buffer = io.BytesIO()
    with matplotlib.rc_context(_RC):
        figure.canvas.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    replace_file(folder / f"{figure.name}.png", buffer.getvalue(), sync=False)
