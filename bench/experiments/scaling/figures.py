"""Capacity against CPU, a panel for each mix: both arms, ideal lines, what got each replica."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bench.experiments.scaling.findings import Climb
from bench.experiments.scaling.law import Law
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import WIDTH_IN, Figure, drawing, look
from bench.report.naming import number, span, words


def scaling_figure(climbs: Sequence[Climb], laws: Sequence[Law]) -> Figure | None:
    """Draw all climbs; None without a capacity."""
    drawn = [climb for climb in climbs if any(_known(climb))]
    if not drawn:
        return None
    mixes = list(dict.fromkeys(climb.mix for climb in drawn))
    with drawing(WIDTH_IN, 3.7, ncols=len(mixes)) as (canvas, axes):
        for axis, mix in zip(axes, mixes, strict=True):
            axis.set_title(f"{words(mix)} load", fontsize=9)
            for climb in (climb for climb in drawn if climb.mix == mix):
                _climb(axis, climb)
            for law in (law for law in laws if law.mix == mix):
                _law(axis, law)
            axis.set_xlim(0, axis.get_xlim()[1] * 1.1)  # room for the last label
            axis.set_ylim(bottom=0)
            axis.set_xlabel("CPU cores: quotas + databases")
        axes[0].set_ylabel("capacity at the SLO, requests/s")
        axes[0].legend(loc="upper left", frameon=False, fontsize=8)
        canvas.subplots_adjust(left=0.09, right=0.985, top=0.92, bottom=0.14, wspace=0.2)
    blocks = span(step.capacity.n for climb in drawn for step in climb.steps if step.capacity)
    law_text = " Grey band: the scalability law, fitted to at least six levels." if laws else ""
    return Figure(
        "scaling-capacity",
        "Capacity against CPU: the whole copied, or the bottleneck replicated",
        "Geometric mean of the capacities at the SLO over "
        f"{blocks} blocks with 95 % t intervals (without bars: one block). CPU: quotas of the "
        "serving processes (quota-emulated) and what the databases used. Beside a point: what got "
        "the replica that leads to it. Thin lines: each arm's first level scaled in proportion to "
        f"its CPU.{law_text}",
        canvas,
    )


def _known(climb: Climb) -> list[tuple[float, int]]:
    """(cores, level) of the levels that have a capacity."""
    found = []
    for index, step in enumerate(climb.steps):
        used = step.mean("database_cores")
        if step.capacity is not None:
            found.append((step.quota_cores + (used or 0.0), index))
    return found


def _climb(axis: Axes, climb: Climb) -> None:
    style, points = look(climb.deployment), _known(climb)
    levels = [(cores, climb.steps[index].capacity) for cores, index in points]
    heights = [level.value for _, level in levels if level is not None]
    cores = [size for size, _ in levels]
    axis.plot(cores, heights, style.marker, ls=(0, style.dashes), color=style.colour, ms=5, lw=1.3,
              label=climb.deployment)  # fmt: skip
    for size, level in levels:
        if level is None:
            continue
        drawn = axis.plot(size, level.value, style.marker, color=style.colour, ms=5)
        if level.low is not None and level.high is not None:
            drawn += axis.plot(
                [size] * 2, [level.low, level.high], "_-", color=style.colour, lw=1.1
            )
        what = f"{words(climb.mix)} load, {number(size)} cores"
        mark(drawn, Mark(climb.deployment, what, level.value, level.low, level.high, level.n,
                         "requests/s"))  # fmt: skip
    ideal = max(cores) * 1.02
    axis.plot([0, ideal], [0, heights[0] / cores[0] * ideal], color=style.colour, lw=0.6)
    for (size, index), height in zip(points, heights, strict=True):
        if climb.scaled[index] and not climb.whole:
            axis.annotate(f"+{climb.scaled[index]}", (size, height), xytext=(4, -4), fontsize=6.5,
                          va="top", textcoords="offset points", color=style.colour)  # fmt: skip


def _law(axis: Axes, law: Law) -> None:
    colour = look(law.deployment).colour
    axis.plot(law.cores, law.band.middle, color=colour, lw=0.9, ls=(0, (1, 1.5)))
    axis.fill_between(law.cores, law.band.low, law.band.high, color=colour, alpha=0.12, lw=0)
