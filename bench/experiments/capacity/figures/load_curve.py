"""Response time against offered load: p50, p95, p99 with intervals, SLO line, capacity, overload.

Neighbours: `goodput` shows what is left to say beyond the capacity.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    BAD,
    MUTED,
    WIDTH_IN,
    Figure,
    drawing,
    log_axis,
    log_limits,
    look,
)
from bench.report.measures import QUANTILES, pooled_quantile
from bench.report.naming import ALL, deployment_order, number, span, words
from bench.report.selection import SATURATED, Cell
from bench.stats.quantiles import QuantileEstimate

MIN_LOADS = 2
OVERLOAD = "overload: goodput, sheds, errors only"
_SHADE = "#e6eaee"
_BEYOND = 1.06  # the axis goes this far beyond the last load


@dataclass(frozen=True)
class Loads:
    """All measured loads of one mix, lowest first, and what is known of the capacities.

    `capacities`: requests/s by deployment where the run knows them; `source` says from what.
    `overloaded`: whether a deployment is at or beyond 95 % of its capacity in a cell.
    """

    mix: str
    cells: tuple[Cell, ...]
    capacities: Mapping[str, float]
    source: str
    overloaded: Callable[[Cell, str], bool]

    @property
    def deployments(self) -> list[str]:
        """Deployments with a trial at any load."""
        return deployment_order(name for cell in self.cells for name in cell.deployments)

    @property
    def limit_rps(self) -> float | None:
        """95 % of the smallest capacity: beyond it no response time is compared."""
        return SATURATED * min(self.capacities.values()) if self.capacities else None

    @property
    def told(self) -> str:
        """The loads in words, with their share of the smallest capacity where it is known."""
        smallest = min(self.capacities.values(), default=None)
        parts = [
            f"{c.offered_rps:g}" + (f" ({c.offered_rps / smallest:.0%})" if smallest else "")
            for c in self.cells
        ]
        of = " requests/s (of the smallest capacity)" if smallest else " requests/s"
        return f"Loads measured: {', '.join(parts)}{of}; {span(map(_blocks, self.cells))} blocks."


def loads_of(
    cells: Sequence[Cell],
    mix: str,
    capacities: Mapping[str, float],
    source: str,
    overloaded: Callable[[Cell, str], bool],
) -> Loads | None:
    """Return the open-loop loads of a mix; None with fewer than two (a curve needs two points)."""
    found = sorted(
        (c for c in cells if c.mix == mix and c.offered_rps), key=lambda c: c.offered_rps
    )
    if len({c.offered_rps for c in found}) < MIN_LOADS:
        return None
    return Loads(mix, tuple(found), capacities, source, overloaded)


def load_curve(loads: Loads, slo_ms: float) -> Figure:
    """Draw one panel a percentile; a deployment's line ends where its overload begins."""
    with drawing(WIDTH_IN, 3.5, ncols=3, sharex=True, sharey=True) as (canvas, axes):
        for axis, kind in zip(axes, QUANTILES, strict=True):
            axis.set_title(kind)
            for name in loads.deployments:
                _line(axis, loads, name, kind)
        low, high = _span_ms(loads)
        axes[0].set_yscale("log")
        axes[0].set_ylim(low, max(high, slo_ms * 1.5) if high * 8 > slo_ms else high)
        log_axis(axes[0], "y")
        for axis, kind in zip(axes, QUANTILES, strict=True):
            load_axis(axis, loads)
            if kind == "p95":
                _slo(axis, slo_ms)
        axes[0].set_ylabel("response time, ms (log)")
        canvas.supxlabel("offered load, requests/s", fontsize=9, y=0.02)
        handles = [*axes[0].get_legend_handles_labels()[0], *shade_key(loads)]
        canvas.legend(handles=handles, loc="upper left", ncols=5, frameon=False, handlelength=3.0,
                      fontsize=8, columnspacing=1.2)  # fmt: skip
        canvas.subplots_adjust(left=0.09, right=0.985, top=0.84, bottom=0.2, wspace=0.06)
    return Figure(
        f"load-{loads.mix}",
        f"Response time against offered load, {words(loads.mix)} mix",
        f"Open-loop arrivals. Bars: 95 % interval from trial to trial. SLO: p95 ≤ {slo_ms:g} ms"
        f"{'' if slo_ms < high * 8 else ' (far above this axis)'}. {capacity_words(loads)}"
        "Where a deployment is at or beyond 95 % of its capacity no response time is drawn: it "
        f"would depend on the trial's length; goodput and errors are below. {loads.told}",
        canvas,
        "load",
        f"{words(loads.mix)} mix",
    )


def load_axis(axis: Axes, loads: Loads) -> None:
    """Tick the measured loads, mark the capacities, shade what lies beyond the smallest."""
    rates = sorted({cell.offered_rps for cell in loads.cells})
    right = rates[-1] * _BEYOND
    axis.set_xlim(0, right)
    axis.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axis.tick_params(axis="x", labelsize=7, labelrotation=60)
    limit = loads.limit_rps
    if limit is not None and limit < right:
        axis.axvspan(limit, right, color=_SHADE, lw=0, zorder=0)
        axis.text((limit + right) / 2, 0.98, "overload", ha="center", va="top", fontsize=6.5,
                  color=MUTED, transform=axis.get_xaxis_transform())  # fmt: skip
    for name, capacity in loads.capacities.items():
        if capacity <= right:
            axis.plot(capacity, 0.0, "|", ms=14, mew=2.2, color=look(name).colour,
                      transform=axis.get_xaxis_transform(), clip_on=False)  # fmt: skip


def shade_key(loads: Loads) -> list[Patch]:
    """Return the legend's entry for the shaded stretch, if there is one."""
    limit = loads.limit_rps
    if limit is None or limit >= loads.cells[-1].offered_rps * _BEYOND:
        return []
    return [Patch(facecolor=_SHADE, label=OVERLOAD)]


def capacity_words(loads: Loads) -> str:
    """Return the sentence about the capacity ticks, empty where no capacity is known."""
    if not loads.capacities:
        return ""
    told = ", ".join(f"{name} {number(rps)}" for name, rps in loads.capacities.items())
    return f"Ticks across the axis: capacity in requests/s ({told}; {loads.source}). "


def _slo(axis: Axes, slo_ms: float) -> None:
    if slo_ms > axis.get_ylim()[1]:
        return
    axis.axhline(slo_ms, color=BAD, lw=1.0, ls=(0, (1, 1.5)))
    axis.text(0.02, slo_ms, f"SLO {slo_ms:g} ms", fontsize=7.5, color=BAD, va="bottom",
              transform=axis.get_yaxis_transform())  # fmt: skip


def _span_ms(loads: Loads) -> tuple[float, float]:
    every = [
        e for n in loads.deployments for q in QUANTILES.values() for _, e in _points(loads, n, q)
    ]
    return log_limits((e.value, e.low, e.high) for e in every) or (1.0, 10.0)


def _points(loads: Loads, name: str, q: float) -> list[tuple[float, QuantileEstimate]]:
    return [
        (cell.offered_rps, estimate)
        for cell in loads.cells
        if name in cell.deployments
        and not loads.overloaded(cell, name)
        and (estimate := pooled_quantile(cell, name, ALL, q)) is not None
    ]


def _line(axis: Axes, loads: Loads, name: str, kind: str) -> None:
    style = look(name)
    points = _points(loads, name, QUANTILES[kind])
    line = axis.plot(
        [x for x, _ in points], [e.value for _, e in points], color=style.colour, lw=1.5,
        label=name,
    )[0]  # fmt: skip
    if style.dashes:
        line.set_dashes(style.dashes)
    mark(line, Mark(name))
    for x, estimate in points:
        bar = axis.plot([x, x], [estimate.low, estimate.high], color=style.colour, lw=1.4)
        dot = axis.plot(x, estimate.value, style.marker, color=style.colour, ms=4.5)
        mark([*dot, *bar], Mark(name, f"{kind} at {number(x)} requests/s", estimate.value,
                                estimate.low, estimate.high, estimate.n, "ms"))  # fmt: skip


def _blocks(cell: Cell) -> int:
    return len(cell.blocks or cell.spoiled)
