"""Goodput against offered load, and what became of the rest: sheds, timeouts, errors, late answers.

The companion of `load_curve`: the only thing to say of a deployment beyond its capacity.
"""

from collections import Counter

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.experiments.capacity.figures.load_curve import (
    Loads,
    capacity_words,
    load_axis,
    shade_key,
)
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, WIDTH_IN, Figure, drawing, look
from bench.report.naming import words
from bench.report.selection import SATURATED, Cell
from bench.stats.proportions import Share, wilson

# Kind of a lost request -> marker; the deployment keeps its colour.
KINDS = {
    "shed (429, 503)": "o",
    "no answer in time": "X",
    "other error": "s",
    "answered after the trial": "^",
    "skipped by the generator": "v",
}
_SHED = ("status 429", "status 503")
_SILENT = ("timeout", "timed out", "no answer", "connection", "refused", "reset")
_SMALLEST_PERCENT = 0.01


def lost_requests(cell: Cell, deployment: str) -> tuple[Counter[str], int]:
    """Return how many planned requests were lost by kind, and how many were planned."""
    lost: Counter[str] = Counter()
    planned = 0
    for sample in cell.samples(deployment):
        failed = 0
        for reason, count in sample.errors.items():
            lost[_kind(reason)] += count
            failed += count
        unnamed = max(0, sample.failures["all"] - failed)
        lost["no answer in time"] += unnamed
        lost["answered after the trial"] += max(
            0, sample.requests - sample.failures["all"] - sample.in_window
        )
        lost["skipped by the generator"] += sample.trial.skipped
        planned += sample.requests + sample.trial.skipped
    return +lost, planned


def good_share(cell: Cell, deployment: str) -> Share | None:
    """Return the share of planned requests answered correctly within the trial (Wilson, 95 %)."""
    lost, planned = lost_requests(cell, deployment)
    return wilson(planned - sum(lost.values()), planned) if planned else None


def goodput_curve(loads: Loads) -> Figure:
    """Draw goodput as a share of the offered load, and beside it the lost share by kind."""
    with drawing(WIDTH_IN, 3.1, ncols=2, sharex=True) as (canvas, (good, lost)):
        good.set_title("goodput / offered, %")
        lost.set_title("lost requests by kind, % of planned (log)")
        for name in loads.deployments:
            _goodput(good, loads, name)
        kinds = _lost(lost, loads)
        for axis in (good, lost):
            load_axis(axis, loads)
        good.set_ylim(min(SATURATED * 100 - 5, good.get_ylim()[0]), 101)
        good.axhline(100 * SATURATED, color=INK, lw=0.8, ls=(0, (1, 1.5)))
        canvas.supxlabel("offered load, requests/s", fontsize=9, y=0.02)
        looks = {name: look(name) for name in loads.deployments}
        handles: list[Artist] = [
            _handle(name, each.marker, each.colour) for name, each in looks.items()
        ]
        handles += [_handle(kind, KINDS[kind], INK, line=False) for kind in kinds]
        handles += shade_key(loads)
        canvas.legend(handles=handles, loc="upper left", ncols=4, frameon=False, fontsize=7.5,
                      columnspacing=1.2)  # fmt: skip
        canvas.subplots_adjust(left=0.07, right=0.985, top=0.74, bottom=0.22, wspace=0.14)
    return Figure(
        f"goodput-{loads.mix}",
        f"Goodput and errors against offered load, {words(loads.mix)} mix",
        "Goodput: requests answered correctly before the trial ended, as a share of those planned, "
        "with the 95 % Wilson interval over all requests of a load (requests of one trial depend "
        "on each other, so it is rather too narrow). Dotted: 95 %, below which a load counts as "
        f"saturated. {'Nothing was lost at any load. ' if not kinds else ''}"
        f"{capacity_words(loads)}{loads.told}",
        canvas,
        "goodput",
        f"{words(loads.mix)} mix",
    )


def _kind(reason: str) -> str:
    lowered = reason.lower()
    if lowered.startswith(_SHED):
        return "shed (429, 503)"
    return "no answer in time" if any(part in lowered for part in _SILENT) else "other error"


def _goodput(axis: Axes, loads: Loads, name: str) -> None:
    style = look(name)
    points = [
        (cell.offered_rps, share)
        for cell in loads.cells
        if name in cell.deployments and (share := good_share(cell, name)) is not None
    ]
    line = axis.plot(
        [x for x, _ in points], [100 * s.estimate for _, s in points], color=style.colour, lw=1.5
    )[0]
    if style.dashes:
        line.set_dashes(style.dashes)
    mark(line, Mark(name))
    for x, share in points:
        bar = axis.plot([x, x], [100 * share.low, 100 * share.high], color=style.colour, lw=1.4)
        dot = axis.plot(x, 100 * share.estimate, style.marker, color=style.colour, ms=4.5)
        mark([*dot, *bar], Mark(name, f"goodput at {x:g} requests/s", 100 * share.estimate,
                                100 * share.low, 100 * share.high, share.n, "%"))  # fmt: skip


def _lost(axis: Axes, loads: Loads) -> list[str]:
    """Draw every kind of loss that occurred; return the kinds."""
    seen: dict[str, None] = {}
    for i, name in enumerate(loads.deployments):
        aside = (i - (len(loads.deployments) - 1) / 2) * 0.006 * loads.cells[-1].offered_rps
        for cell in loads.cells:
            lost, planned = lost_requests(cell, name) if name in cell.deployments else ({}, 0)
            for kind, count in lost.items():
                seen[kind] = None
                dot = axis.plot(cell.offered_rps + aside, 100 * count / planned, KINDS[kind], ms=5,
                                color=look(name).colour, mfc="none", mew=1.2)  # fmt: skip
                what = f"{kind} at {cell.offered_rps:g} requests/s"
                mark(dot, Mark(name, what, 100 * count / planned, n=planned, unit="% of planned"))
    if not seen:
        axis.text(0.5, 0.5, "nothing was lost", transform=axis.transAxes, ha="center", va="center")
        axis.set_yticks([])
        return []
    axis.set_yscale("log")
    axis.set_ylim(_SMALLEST_PERCENT, 130)
    axis.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    axis.minorticks_off()
    return [kind for kind in KINDS if kind in seen]


def _handle(label: str, marker: str, colour: str, *, line: bool = True) -> Line2D:
    return Line2D([], [], marker=marker, color=colour, ls="-" if line else "", ms=5, label=label,
                  mfc=colour if line else "none")  # fmt: skip
