"""Two drawings: what there is in each arm, and what one request of each operation calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.report.figures.style import WIDTH_IN, Figure, drawing, log_axis, look, plain
from bench.report.section import ARMS

Row = tuple[str, float, float]  # label, monolith, microservices
Corner = Literal["lower right", "upper right"]
_BAR = 0.38
_PALE = 0.35


@dataclass(frozen=True)
class CallRow:
    """One operation: by arm the calls between processes, and the exchanges with databases."""

    label: str
    between: tuple[float, float]
    databases: tuple[float, float]


def counts_figure(rows: Sequence[Row]) -> Figure:
    """Draw the counts of both arms, a pair of bars each."""
    height = 0.8 + 0.34 * len(rows)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for at, arm in enumerate(ARMS):
            values = [(one, other)[at] for _, one, other in rows]
            places = [row + (at - 0.5) * _BAR for row in range(len(rows))]
            axis.barh(places, values, _BAR * 0.94, color=look(arm).colour, label=arm)
            for place, value in zip(places, values, strict=True):
                axis.annotate(f"{value:,.0f}", (max(value, 0.8), place), xytext=(3, 0),
                              textcoords="offset points", va="center", fontsize=7.5)  # fmt: skip
        axis.set_xlim(0.8, 1.8 * max(max(one, other) for _, one, other in rows))
        log_axis(axis, "x")
        _finish(axis, canvas, [row[0] for row in rows], height)
    return Figure(
        "complexity-counts",
        "What there is to know, to set up and to break",
        "Counted by the same counter in both arms; logarithmic axis. The tables below have more.",
        canvas,
    )


def calls_figure(rows: Sequence[CallRow]) -> Figure:
    """Draw the calls of one request of each operation, to processes and then to databases."""
    height = 0.8 + 0.34 * len(rows)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for at, arm in enumerate(ARMS):
            places = [row + (at - 0.5) * _BAR for row in range(len(rows))]
            between = [row.between[at] for row in rows]
            databases = [row.databases[at] for row in rows]
            colour, thick = look(arm).colour, _BAR * 0.94
            if any(between):
                axis.barh(places, between, thick, color=colour, label=f"{arm}: other processes")
            axis.barh(places, databases, thick, left=between, color=colour, alpha=_PALE,
                      label=f"{arm}: databases")  # fmt: skip
            for place, *parts in zip(places, between, databases, strict=True):
                axis.annotate(plain(round(sum(parts), 1)), (sum(parts), place), xytext=(3, 0),
                              textcoords="offset points", va="center", fontsize=7.5)  # fmt: skip
        axis.set_xlabel("calls of one request")
        _finish(axis, canvas, [row.label for row in rows], height, "upper right")
    return Figure(
        "complexity-calls",
        "Calls that one request makes inside the deployment",
        "Counted by the proxy on every connection between processes and to databases, less what "
        "the shop does when nobody asks. A transaction is several exchanges with its database.",
        canvas,
    )


def _finish(
    axis: Axes, canvas: Canvas, labels: Sequence[str], height: float, legend: Corner = "lower right"
) -> None:
    axis.set_yticks(range(len(labels)), labels)
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.grid(False, axis="y")
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.legend(loc=legend, frameon=False, fontsize=8)
    canvas.subplots_adjust(left=0.27, right=0.97, top=1 - 0.1 / height, bottom=0.55 / height)
