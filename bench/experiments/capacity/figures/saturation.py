"""Throughput at saturation: every pass of every deployment, one panel a mix."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bench.experiments.capacity.records import Levels
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import MUTED, WIDTH_IN, Figure, drawing, look
from bench.report.naming import number, span, words

_ASIDE = 0.16  # of a row, for the dots of single passes
_REACH = 1.15  # the axis goes so far beyond the fastest window


def saturation_figure(found: Sequence[Levels]) -> Figure | None:
    """Draw right answers a second: passes as dots, mean with interval beside; None without any."""
    drawn = [levels for levels in found if any(levels.units)]
    if not drawn:
        return None
    rows = max(len(levels.deployments) for levels in drawn)
    size = (WIDTH_IN, 0.9 + 0.38 * rows)
    with drawing(*size, ncols=len(drawn)) as (canvas, axes):
        for axis, levels in zip(axes, drawn, strict=True):
            _panel(axis, levels, first=axis is axes[0])
        canvas.supxlabel("right answers a second", fontsize=9, y=0.02)
        canvas.subplots_adjust(left=0.15, right=0.985, top=0.87, bottom=0.24, wspace=0.12)
    return Figure(
        "saturation",
        "Throughput at saturation",
        "Closed loop. Grey dots: single passes "
        f"({span(len(levels.units) for levels in drawn)} a mix); above them the geometric mean "
        "with its 95 % t interval over passes. What slows the machine slows the windows of one "
        "pass alike, so ratios (below) are better known than these levels.",
        canvas,
    )


def _panel(axis: Axes, levels: Levels, *, first: bool) -> None:
    names = levels.deployments
    axis.set_title(f"{words(levels.mix)} load")
    for row, name in enumerate(names):
        style, height = look(name), len(names) - 1 - row
        passes = [unit[name] for unit in levels.units if name in unit]
        axis.plot(passes, [height - _ASIDE] * len(passes), ".", color=MUTED, ms=3.5, alpha=0.7)
        level, mean = levels.level(name), levels.mean_rps(name)
        line = []
        if level is not None:
            ends = [level.low, level.high]
            line = axis.plot(ends, [height] * 2, color=style.colour, lw=1.6)
        if mean is not None:
            dot = axis.plot(mean, height, style.marker, color=style.colour, ms=6)
            low, high = (level.low, level.high) if level is not None else (None, None)
            what = f"{words(levels.mix)} load"
            shown = Mark(name, what, mean, low, high, len(passes), "right answers/s")
            mark([*dot, *line], shown)
            axis.annotate(number(mean), (mean, height), xytext=(0, 6), ha="center", fontsize=7.5,
                          textcoords="offset points", color=style.colour)  # fmt: skip
    # an interval from few passes may reach far: it leaves the drawing, and the table has its ends
    axis.set_xlim(0, _REACH * max(value for unit in levels.units for value in unit.values()))
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_yticks(range(len(names)), names[::-1] if first else [""] * len(names))
    axis.grid(visible=False, axis="y")
