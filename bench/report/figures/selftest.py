"""The selftest drawn: every set's interval against its truth, and the shop's own noise."""

from collections.abc import Mapping, Sequence
from math import ceil, exp, floor
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bench.report.figures.style import BAD, INK, MUTED, WIDTH_IN, Figure, drawing, log_axis, look
from bench.report.naming import span

_KINDS = ("p50", "p95", "p99", "cpu")
MOST_TICKS = 5
_ANONYMOUS = "#0072B2"


def sets_figure(planted: Mapping[str, Any]) -> Figure | None:
    """Draw one row a set, one panel a comparison; None without sets."""
    sets: Sequence[Mapping[str, Any]] = planted.get("sets") or ()
    blocks = span(each["n_blocks"] for each in sets)
    whats = list(dict.fromkeys(each["what"] for each in sets))
    if not whats:
        return None
    most = max(each["number"] for each in sets)
    height = 1.0 + 0.13 * most
    with drawing(WIDTH_IN, height, ncols=len(whats), sharey=True) as (canvas, axes):
        for axis, what in zip(axes, whats, strict=True):
            _panel(axis, what, [each for each in sets if each["what"] == what])
            axis.set_ylim(most + 0.7, 0.3)
        axes[0].set_yticks([number for number in range(1, most + 1) if number % 5 == 0 or most < 5])
        axes[0].set_ylabel("set")
        canvas.subplots_adjust(left=0.07, right=0.99, top=1 - 0.3 / height, bottom=0.5 / height,
                               wspace=0.12)  # fmt: skip
    return Figure(
        "selftest-sets",
        "Planted effects: what each set found",
        f"Ratio to the base server, one row a set of {blocks} paired blocks, 95 % t "
        "interval, log axis. Line: the planted truth, as the servers state "
        "it. Filled: called different. Red: the interval misses the truth (about 1 in 20 must). "
        "Dashed: 1.",
        canvas,
    )


def _panel(axis: Axes, what: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for each in rows:
        misses = not each["low"] <= each["truth"] <= each["high"]
        colour = BAD if misses else _ANONYMOUS
        axis.plot([each["low"], each["high"]], [each["number"]] * 2, "-", color=colour, lw=1.2)
        found = each["word"] == "supported"
        axis.plot(each["estimate"], each["number"], "o", color=colour, ms=3.5,
                  mfc=colour if found else "white")  # fmt: skip
    truth = rows[0]["truth"]
    axis.axvline(truth, color=INK, lw=0.9)
    if truth != 1.0:
        axis.axvline(1.0, color=MUTED, lw=0.9, ls=(0, (3, 2)))
    axis.set_title(what, fontsize=8)
    low = min(0.985, *(each["low"] for each in rows))
    high = max(1.015, *(each["high"] for each in rows))
    axis.set_xscale("log")
    axis.set_xlim(low / 1.01, high * 1.01)
    ticks = _ratio_ticks(low, high)
    axis.set_xticks(ticks, [f"×{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.tick_params(axis="x", labelsize=6.5, labelrotation=60)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Round ratios within the axis, at most five."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        if last - first < MOST_TICKS:
            return [round(number * step, 2) for number in range(first, last + 1)]
    return [1.0]


def noise_figure(aa: Mapping[str, Any]) -> Figure | None:
    """Draw every A/A block's ratio; None without blocks."""
    cells = [cell for cell in aa.get("cells") or () if len(cell["logs"]) >= 2]
    cells.sort(key=lambda cell: (_KINDS.index(cell["kind"]), cell["mix"], cell["deployment"]))
    if not cells:
        return None
    blocks = span(len(cell["logs"]) for cell in cells)
    height = 0.8 + 0.27 * len(cells)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for y, cell in enumerate(cells):
            _cell_row(axis, y, cell)
        labels = [f"{c['kind']} · {c['mix'].replace('_', ' ')} · {c['deployment']}" for c in cells]
        axis.set_yticks(range(len(cells)), labels)
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.grid(False, axis="y")
        axis.set_ylim(len(cells) - 0.4, -0.6)
        axis.axvline(1.0, color=INK, lw=0.9)
        reach = max(0.03, *(abs(log) for cell in cells for log in cell["logs"])) * 1.1
        axis.set_xscale("log")
        axis.set_xlim(exp(-reach), exp(reach))
        log_axis(axis, "x", ratio=True)
        axis.tick_params(axis="x", labelsize=7.5, labelrotation=45)
        axis.set_xlabel("ratio of two trials of the same deployment (log)")
        canvas.subplots_adjust(left=0.33, right=0.97, top=1 - 0.1 / height, bottom=0.62 / height)
    return Figure(
        "selftest-noise",
        "The shop against itself: this machine's noise",
        f"Each dot: one block of two trials of the same deployment, n = {blocks} blocks a row.",
        canvas,
    )


def _cell_row(axis: Axes, y: int, cell: Mapping[str, Any]) -> None:
    style = look(cell["deployment"])
    offsets = np.linspace(-0.2, 0.2, len(cell["logs"]))
    axis.plot(np.exp(cell["logs"]), y + offsets, style.marker, color=style.colour, ms=2.8, lw=0)
