"""Two drawings: what there is in each arm, and what one request of each operation calls."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.figures.style import MUTED, WIDTH_IN, Figure, drawing, log_axis, look
from bench.report.naming import number
from bench.report.section import ARMS

Row = tuple[str, float, float]  # label, monolith, microservices
_BAR = 0.36


def _bars(name: str, title: str, caption: str, rows: Sequence[Row], *, log: bool) -> Figure:
    height = 0.9 + 0.36 * len(rows)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for at, arm in enumerate(ARMS):
            places = [row + (at - 0.5) * _BAR for row in range(len(rows))]
            values = [(one, other)[at] for _, one, other in rows]
            axis.barh(places, values, _BAR * 0.92, color=look(arm).colour, label=arm)
            for place, value in zip(places, values, strict=True):
                axis.annotate(number(value), (value, place), xytext=(3, 0), va="center",
                              textcoords="offset points", fontsize=7.5)  # fmt: skip
        axis.set_yticks(range(len(rows)), [row[0] for row in rows])
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.grid(False, axis="y")
        axis.set_ylim(len(rows) - 0.4, -0.6)
        most = max(max(one, other) for _, one, other in rows)
        if log:
            axis.set_xlim(0.8, most * 1.9)
            log_axis(axis, "x")
            axis.set_xlabel("number (log)", color=MUTED)
        else:
            axis.set_xlim(0, most * 1.12)
        axis.legend(loc="lower right", frameon=False, fontsize=8)
        canvas.subplots_adjust(left=0.27, right=0.97, top=1 - 0.1 / height, bottom=0.5 / height)
    return Figure(name, title, caption, canvas)


def counts_figure(rows: Sequence[Row]) -> Figure:
    """Draw the counts of both arms, a pair of bars each."""
    return _bars(
        "complexity-counts",
        "What there is to know, to set up and to break",
        "Counted by the same counter in both arms; logarithmic axis. The table below says what "
        "each line counts.",
        rows,
        log=True,
    )


def calls_figure(rows: Sequence[Row]) -> Figure:
    """Draw the calls of one request of each operation."""
    return _bars(
        "complexity-calls",
        "Calls that one request makes, to other processes and to databases",
        "Counted by the proxy on every connection inside the deployment, less what the shop does "
        "when nobody asks.",
        rows,
        log=False,
    )
