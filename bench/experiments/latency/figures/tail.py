"""The whole distribution of response times on a 1/(1-p) axis, cut where the data ends."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    WIDTH_IN,
    Figure,
    below,
    drawing,
    file_name,
    log_axis,
    look,
    spread_labels,
)
from bench.report.measures import columns
from bench.report.naming import words
from bench.report.selection import Cell
from bench.results.dataset import Column
from bench.stats.quantiles import SAMPLES_BEYOND

_POINTS = 160
_TICKS = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def percentile_curve(values: Column) -> tuple[np.ndarray, np.ndarray]:
    """Return (1/(1-p), response time in ms) up to where fewer than 10 samples lie beyond."""
    n = values.size
    last = n - SAMPLES_BEYOND
    if last < 1:
        return np.empty(0), np.empty(0)
    beyond = np.unique(np.geomspace(n - 1 if n > 1 else 1, SAMPLES_BEYOND, _POINTS).astype(int))
    ranks = n - beyond[::-1]
    ordered = np.partition(values, ranks - 1)
    return n / (n - ranks), ordered[ranks - 1]


def percentile_plot(cell: Cell, operation: str, slug: str) -> Figure:
    """Draw every deployment's response-time distribution for one operation."""
    with drawing(WIDTH_IN, 4.0) as (canvas, (axis,)):
        ends: dict[str, tuple[float, float]] = {}
        counts: dict[str, int] = {}
        data: list[dict[str, object]] = []
        for deployment in cell.deployments:
            values = np.concatenate([*columns(cell.samples(deployment), operation), np.empty(0)])
            counts[deployment] = values.size
            x, y = percentile_curve(values)
            if not x.size:
                continue
            style = look(deployment)
            line = axis.plot(x, y, color=style.colour, lw=1.8, label=deployment)[0]
            if style.dashes:
                line.set_dashes(style.dashes)
            data += _records(deployment, x, y)
            last = Mark(deployment, f"p{100 * (1 - 1 / x[-1]):.4g}, the last one drawn",
                        float(y[-1]), n=values.size, unit="ms")  # fmt: skip
            mark(line, last)
            ends[deployment] = (float(x[-1]), float(y[-1]))
        _axes(axis, ends, cell.time_name)
        canvas.subplots_adjust(left=0.09, right=0.83, top=0.97, bottom=0.13)
    shown = ", ".join(f"{name} n = {n:,}" for name, n in counts.items())
    return Figure(
        name=f"tail-{slug}-{file_name(operation)}",
        title=f"Distribution of the {cell.time_name}: {words(operation)}",
        caption=(
            f"{cell.label}; {shown}. Each curve ends "
            "where fewer than 10 requests remain beyond it. Pooled rows, failed requests included."
        ),
        canvas=canvas,
        group="tail",
        option=words(operation),
        data=data,
    )


def _records(deployment: str, x: np.ndarray, y: np.ndarray) -> list[dict[str, object]]:
    return [
        {
            "arm": deployment,
            "percentile": round(100 * (1 - 1 / float(a)), 4),
            "ms": round(float(b), 4),
        }
        for a, b in zip(x, y, strict=True)
    ]


def _axes(axis: Axes, ends: Mapping[str, tuple[float, float]], time_name: str) -> None:
    if not ends:
        axis.text(0.5, 0.5, "fewer than 10 requests", transform=axis.transAxes, ha="center")
        axis.set_axis_off()
        return
    axis.set_ylabel(f"{time_name}, ms (log)")
    axis.set_xlabel("percentile (axis: 1 / (1 − p), log)")
    axis.set_xscale("log")
    furthest = max(x for x, _ in ends.values())
    ticks = [p for p in _TICKS if 1 / (1 - p) <= furthest * 1.05]
    axis.set_xticks([1 / (1 - p) for p in ticks], [f"p{100 * p:.6g}" for p in ticks])
    axis.minorticks_off()
    axis.set_xlim(1.0, furthest * 1.05)
    log_axis(axis, "y")
    low, high = np.log10(axis.get_ylim())
    names = list(ends)
    gap = (high - low) * 0.055
    placed = below(spread_labels([float(np.log10(ends[n][1])) for n in names], gap), gap, high)
    for name, y in zip(names, placed, strict=True):
        axis.annotate(
            name, xy=ends[name], xytext=(1.02, 10**y), textcoords=axis.get_yaxis_transform(),
            va="center", fontsize=8.5, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look(name).colour, "lw": 0.8},
        )  # fmt: skip
