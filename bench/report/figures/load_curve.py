"""Response time against offered load: p50, p95, p99 with intervals, SLO line, overload marks."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from bench.report.figures.style import BAD, WIDTH_IN, Figure, drawing, log_axis, look
from bench.report.measures import QUANTILES, pooled_quantile
from bench.report.naming import ALL, deployment_order, span, words
from bench.report.selection import Cell

MIN_LOADS = 2


def load_curve(
    cells: Sequence[Cell], slo_ms: float, slug: str, capacities: Mapping[str, float]
) -> Figure | None:
    """Draw all loads of one mix; None with fewer than two loads (a curve needs two points).

    `capacities`: requests/s by deployment where the run measured them, marked on the axis.
    """
    levels = sorted((c for c in cells if c.offered_rps), key=lambda c: c.offered_rps)
    if len({c.offered_rps for c in levels}) < MIN_LOADS:
        return None
    names = deployment_order(name for cell in levels for name in cell.deployments)
    with drawing(WIDTH_IN, 3.3, ncols=3, sharex=True, sharey=True) as (canvas, axes):
        for axis, kind in zip(axes, QUANTILES, strict=True):
            axis.set_title(kind)
            for name in names:
                _line(axis, levels, name, QUANTILES[kind])
        axes[1].axhline(slo_ms, color=BAD, lw=1.0, ls=(0, (1, 1.5)))
        axes[1].text(0.02, slo_ms, f"SLO {slo_ms:g} ms", fontsize=7.5, color=BAD, va="bottom",
                     transform=axes[1].get_yaxis_transform())  # fmt: skip
        for axis in axes:
            for name, capacity in capacities.items():
                axis.plot(capacity, 0.0, "|", ms=14, mew=2.0, color=look(name).colour,
                          transform=axis.get_xaxis_transform(), clip_on=False)  # fmt: skip
            log_axis(axis, "y")
            log_axis(axis, "x")
            axis.tick_params(axis="x", labelsize=7, labelrotation=45)
        axes[0].set_ylabel("response time, ms (log)")
        canvas.supxlabel("offered load, requests/s (log)", fontsize=9, y=0.02)
        handles = axes[0].get_legend_handles_labels()
        canvas.legend(*handles, loc="upper left", ncols=4, frameon=False, handlelength=3.2)
        canvas.subplots_adjust(left=0.09, right=0.985, top=0.83, bottom=0.2, wspace=0.06)
    return Figure(
        f"load-{slug}",
        f"Response time against offered load, {words(levels[0].mix)} mix",
        "Open-loop arrivals. Bars: 95 % interval from trial to trial. Hollow points: goodput fell "
        "under 95 % of the offered load, so the value depends on how long the trial lasted. "
        f"{'Ticks across the axis: capacity of each deployment. ' if capacities else ''}"
        f"Loads measured: {', '.join(f'{c.offered_rps:g}' for c in levels)} requests/s; "
        f"{span(len(c.blocks) for c in levels)} valid blocks.",
        canvas,
    )


def _line(axis: Axes, levels: Sequence[Cell], name: str, q: float) -> None:
    style = look(name)
    points = [
        (cell.offered_rps, estimate, cell.saturated(name))
        for cell in levels
        if name in cell.deployments
        and (estimate := pooled_quantile(cell, name, ALL, q)) is not None
    ]
    line = axis.plot(
        [x for x, _, _ in points], [e.value for _, e, _ in points], color=style.colour, lw=1.5,
        label=name,
    )[0]  # fmt: skip
    if style.dashes:
        line.set_dashes(style.dashes)
    for x, estimate, saturated in points:
        axis.plot([x, x], [estimate.low, estimate.high], color=style.colour, lw=1.4)
        axis.plot(x, estimate.value, style.marker, color=style.colour, ms=4.5,
                  mfc="white" if saturated else style.colour)  # fmt: skip
