"""Two runs over each other: ratios and percentiles, the first filled, the second hollow."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.figures.forest import ratio_axis, row_label
from bench.report.figures.style import (
    INK,
    MUTED,
    WIDTH_IN,
    Figure,
    drawing,
    log_axis,
    log_limits,
    look,
)
from bench.report.measures import PercentileRow
from bench.report.naming import number, words
from bench.results.journal import Verdict

_SHORT = {"explained by environment": "environment", "no difference shown": "no difference"}
_MAX_ROWS = 40
_ROW_IN = 0.27
_SHIFT = 0.17  # the two runs stand this far above and below their row's middle
Names = tuple[str, str]


def ratio_overlay(pairs: Sequence[tuple[Verdict, Verdict, str]], names: Names) -> Figure | None:
    """Draw the ratio of both runs for each shared question that has one in both."""
    drawn = [p for p in pairs if p[0].estimate is not None and p[1].estimate is not None]
    drawn = drawn[:_MAX_ROWS]
    if not drawn:
        return None
    height = 1.3 + _ROW_IN * len(drawn)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for y, (first, second, word) in enumerate(drawn):
            for verdict, shift, hollow in ((first, -_SHIFT, False), (second, _SHIFT, True)):
                _dot(axis, y + shift, _point(verdict), verdict.numerator, hollow=hollow)
            axis.text(1.02, y, _SHORT.get(word, word), va="center", fontsize=8,
                      transform=axis.get_yaxis_transform(),
                      color=INK if word == "different" else MUTED)  # fmt: skip
        labels = [f"{a.numerator} : {a.denominator} · {row_label(a)}" for a, _, _ in drawn]
        axis.set_yticks(range(len(drawn)), labels)
        axis.tick_params(axis="y", length=0, labelsize=7)
        axis.grid(False, axis="y")
        axis.set_ylim(len(drawn) - 0.4, -0.6)
        axis.axvline(1.0, color=INK, lw=1.0)
        ratio_axis(axis, [verdict for pair in drawn for verdict in pair[:2]])
        axis.set_xlabel("ratio numerator / denominator (log)")
        _key(axis, names)
        canvas.subplots_adjust(left=0.46, right=0.83, top=1 - 0.35 / height, bottom=0.72 / height)
    return Figure(
        "compare-ratios",
        "Ratios of both runs",
        "Geometric mean ratio over starts with its t interval, first run above (filled), "
        f"second below (hollow); n = {drawn[0][0].n_blocks} and {drawn[0][1].n_blocks} starts. "
        f"Right: the verdict on their difference; a line that leaves the axis goes on. "
        f"First {len(drawn)} shared questions.",
        canvas,
    )


def percentile_overlay(
    first: Sequence[PercentileRow], second: Sequence[PercentileRow], names: Names
) -> Figure | None:
    """Draw p50 and p95 of every operation and deployment that both runs measured."""
    theirs = {(row.operation, row.deployment): row for row in second}
    shared = [
        (row, theirs[row.operation, row.deployment])
        for row in first
        if (row.operation, row.deployment) in theirs
    ]
    if not shared:
        return None
    height = 1.15 + _ROW_IN * len(shared)
    with drawing(WIDTH_IN, height, ncols=2, sharex=True, sharey=True) as (canvas, axes):
        estimates = [r.estimates[k] for rows in shared for r in rows for k in ("p50", "p95")]
        axes[0].set_xscale("log")
        axes[0].set_xlim(log_limits((e.value, e.low, e.high) for e in estimates if e is not None))
        for axis, kind in zip(axes, ("p50", "p95"), strict=True):
            axis.set_title(kind)
            for y, rows in enumerate(shared):
                for row, shift in zip(rows, (-_SHIFT, _SHIFT), strict=True):
                    found = row.estimates[kind]
                    if found is not None:
                        point = (found.value, found.low, found.high)
                        _dot(axis, y + shift, point, row.deployment, hollow=shift > 0)
            log_axis(axis, "x")
            axis.tick_params(axis="x", labelsize=7, labelrotation=45)
            axis.tick_params(axis="y", length=0, labelsize=7.5)
            axis.grid(False, axis="y")
        labels = [f"{words(a.operation)} · {a.deployment}" for a, _ in shared]
        axes[0].set_yticks(range(len(shared)), labels)
        axes[0].set_ylim(len(shared) - 0.4, -0.6)
        canvas.supxlabel("response time, ms (log)", fontsize=9, y=0.1 / height)
        _key(axes[0], names)
        canvas.subplots_adjust(
            left=0.27, right=0.985, top=1 - 0.58 / height, bottom=0.6 / height, wspace=0.06
        )
    loads = [number(rows[0].cell.offered_rps) for rows in (first, second)]
    return Figure(
        "compare-percentiles",
        "Response times of both runs",
        f"{words(first[0].cell.mix)} mix at {loads[0]} (first) and {loads[1]} (second) requests/s "
        "offered, 95 % intervals from trial to trial. Bare times of two runs are shown, not "
        "judged: hours and machines lie between them. Only ratios within a run are compared.",
        canvas,
    )


def _point(verdict: Verdict) -> tuple[float, float, float]:
    low, high = verdict.low or 1.0, verdict.high or 1.0
    return verdict.estimate or 1.0, low, high


def _dot(
    axis: Axes, y: float, point: tuple[float, float, float], deployment: str, *, hollow: bool
) -> None:
    style = look(deployment)
    value, low, high = point
    axis.plot([low, high], [y, y], marker="|", color=style.colour, lw=1.2, ms=4.5,
              ls=(0, (2, 1)) if hollow else "-")  # fmt: skip
    axis.plot(value, y, style.marker, color=style.colour, ms=4.2, mew=1.0,
              mfc="white" if hollow else style.colour)  # fmt: skip


def _key(axis: Axes, names: Names) -> None:
    handles = [
        Line2D([], [], marker="o", color=INK, mfc=face, ls=dash, ms=5, label=name)
        for name, face, dash in zip(names, (INK, "white"), ("-", "--"), strict=True)
    ]
    axis.figure.legend(handles=handles, loc="upper left", ncols=1 if _long(names) else 2,
                       frameon=False, fontsize=7.5)  # fmt: skip


def _long(names: Names) -> bool:
    return sum(map(len, names)) > 90
