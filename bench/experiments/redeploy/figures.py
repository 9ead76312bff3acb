"""Every good release drawn as a dot: the visits it disturbed, and the seconds it took."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes

from bench.experiments.redeploy.counting import Counted
from bench.experiments.redeploy.findings import ORDER, Findings
from bench.experiments.redeploy.records import TWO
from bench.report.figures.style import INK, MUTED, WIDTH_IN, Figure, drawing, look

_LOOKS_OF = {two: name for name, two in TWO.items()}


def release_figure(found: Findings) -> Figure | None:
    """Draw the releases, one row for each component of each arm; None without any."""
    rows = [
        (f"{component} · {arm}", arm, own)
        for arm in found.arms
        for component in ORDER
        if (own := [each for each in found.of("release", arm, component) if each.valid])
    ]
    if not rows:
        return None
    height = 0.9 + 0.27 * len(rows)
    with drawing(WIDTH_IN, height, ncols=2, sharey=True) as (canvas, (left, right)):
        for y, (_, arm, own) in enumerate(rows):
            _dots(left, y, arm, [each.disturbed for each in own])
            _dots(right, y, arm, [each.change.seconds for each in own])
            _cold(right, y, own)
        left.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=8)
        left.set_ylim(len(rows) - 0.5, -0.5)
        left.axvline(0.0, color=INK, lw=0.8)
        left.set_xlabel("visits disturbed by a release")
        right.set_xlabel("seconds until only the new one serves")
        right.set_xlim(left=0)
        for axis in (left, right):
            axis.tick_params(axis="y", length=0)
            axis.grid(False, axis="y")
        canvas.subplots_adjust(
            left=0.33, right=0.985, top=1 - 0.1 / height, bottom=0.5 / height, wspace=0.06
        )
    return Figure(
        "redeploy-releases",
        "What a release under load disturbs, and how long it takes",
        "A dot is one release, the bar their mean. Left: visits that failed or were slow from the "
        "order until a second after it was done, less what the quiet window of the same load lets "
        "expect. Right: from the order until only the new release serves; grey bar: the start of "
        "the new process until it is ready.",
        canvas,
    )


def _dots(axis: Axes, y: int, arm: str, values: Sequence[float]) -> None:
    style = look(_LOOKS_OF.get(arm, arm))
    fill = "white" if arm in _LOOKS_OF else style.colour
    axis.plot(values, [y] * len(values), style.marker, color=style.colour, mfc=fill, ms=4)
    mean = fmean(values)
    axis.plot([mean, mean], [y - 0.32, y + 0.32], color=style.colour, lw=1.6)


def _cold(axis: Axes, y: int, own: Sequence[Counted]) -> None:
    cold = [each.change.cold_start_s for each in own if each.change.cold_start_s is not None]
    if cold:
        axis.barh(y, fmean(cold), height=0.22, color=MUTED, alpha=0.35, lw=0)
