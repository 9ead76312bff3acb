"""Ratio against hop latency: one panel a setting, one line an operation, line at 1."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bench.experiments.network.findings import SETTING_WORDS, Curve, Point
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    INK,
    MUTED,
    WIDTH_IN,
    Figure,
    Look,
    drawing,
    log_axis,
    spread_labels,
)
from bench.report.naming import span

# By operation, not by deployment: colours of their own (Okabe & Ito), told apart by dashes too.
_LOOKS = {
    "product_read": Look("#009E73", (), "o"),
    "order": Look("#0072B2", (5, 1.5), "s"),
    "overview": Look("#D55E00", (2, 1.2), "^"),
    "mixed": Look("#555555", (6, 1.5, 1.5, 1.5), "D"),
}
_OTHER = Look("#CC79A7", (1, 1), "v")
_LABEL_GAP = 0.055  # of the axis


def hop_figure(curves: Sequence[Curve]) -> Figure | None:
    """Draw the curves of one pair; None without any ratio."""
    drawn = [curve for curve in curves if _points(curve)]
    if not drawn:
        return None
    settings = list(dict.fromkeys(curve.setting for curve in drawn))
    with drawing(WIDTH_IN, 3.7, ncols=len(settings), sharex=True, sharey=True) as (canvas, axes):
        for axis, setting in zip(axes, settings, strict=True):
            panel = [curve for curve in drawn if curve.setting == setting]
            axis.set_title(SETTING_WORDS.get(setting, setting))
            for curve in panel:
                _line(axis, curve)
            axis.axhline(1.0, color=INK, lw=1.1)
            axis.set_xlabel("added round trip of each hop, ms", fontsize=8.5)
        limits = [v for curve in drawn for p in _points(curve) for v in _ends(p)]
        axes[0].set_ylim(min([0.9, *limits]) * 0.93, max([1.1, *limits]) * 1.07)
        log_axis(axes[0], "y", ratio=True)
        largest = max(p.hop_ms for curve in drawn for p in _points(curve))
        for axis, setting in zip(axes, settings, strict=True):
            axis.set_xlim(-0.03 * largest, 1.42 * largest)
            axis.set_xticks(sorted({p.hop_ms for c in drawn for p in _points(c)}))
            axis.tick_params(axis="x", labelsize=7.5)
            _labels(axis, [curve for curve in drawn if curve.setting == setting])
        axes[0].set_ylabel(f"p50 of {drawn[0].top} / {drawn[0].base} (log)")
        canvas.subplots_adjust(left=0.085, right=0.99, top=0.92, bottom=0.135, wspace=0.05)
    counts = span(p.ratio.n_blocks for c in drawn for p in _points(c) if p.ratio)
    return Figure(
        "network-hops",
        f"Response time of {drawn[0].top} against {drawn[0].base} as the network gets slower",
        "Above 1 the services are slower. Geometric mean ratio of the medians over paired blocks, "
        f"bars: 95 % t interval, n = {counts} blocks a point, not corrected for their number. "
        "A ring on the line at 1: where the interpolated ratio passes it. Emulated by a proxy: "
        "half of the added time in each direction, no loss.",
        canvas,
    )


def _points(curve: Curve) -> list[Point]:
    return [point for point in curve.swept if point.ratio is not None]


def _ends(point: Point) -> tuple[float, float]:
    assert point.ratio is not None
    return point.ratio.low, point.ratio.high


def _line(axis: Axes, curve: Curve) -> None:
    style = _LOOKS.get(curve.mix, _OTHER)
    points = _points(curve)
    estimates = [p.ratio.estimate for p in points if p.ratio]
    line = axis.plot([p.hop_ms for p in points], estimates, color=style.colour, lw=1.5,
                     marker=style.marker, ms=4.5)[0]  # fmt: skip
    if style.dashes:
        line.set_dashes(style.dashes)
    mark(line, Mark(curve.label))
    for point in points:
        bar = axis.plot([point.hop_ms] * 2, _ends(point), "_-", color=style.colour, lw=1.2, ms=5)
        if point.ratio is not None:
            what = f"{SETTING_WORDS.get(curve.setting, curve.setting)}, {point.hop_ms:g} ms"
            mark(bar, Mark(curve.label, what, point.ratio.estimate, *_ends(point),
                           point.ratio.n_blocks, "×"))  # fmt: skip
    if curve.crossing is not None and curve.crossing.at is not None:
        axis.plot(curve.crossing.at, 1.0, "o", ms=8, mfc="none", mec=style.colour, mew=1.6)


def _labels(axis: Axes, curves: Sequence[Curve]) -> None:
    """Name the lines at their right ends."""
    to_axes = axis.transData + axis.transAxes.inverted()
    ends = [_points(curve)[-1] for curve in curves]
    placed = [float(to_axes.transform((p.hop_ms, p.ratio.estimate))[1]) for p in ends if p.ratio]
    for curve, end, y in zip(curves, ends, spread_labels(placed, _LABEL_GAP), strict=True):
        style = _LOOKS.get(curve.mix, _OTHER)
        x = float(to_axes.transform((end.hop_ms, 1.0))[0])
        axis.text(x + 0.02, y, curve.label, transform=axis.transAxes, fontsize=7.5,
                  color=style.colour if style is not _OTHER else MUTED, va="center")  # fmt: skip
