"""The ladder drawn: every rung relative to the first, with the ratio of each step beside it."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bench.experiments.latency.ladder import METRIC_WORDS, Ladder
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    HALF_IN,
    INK,
    MUTED,
    WIDTH_IN,
    Figure,
    drawing,
    log_axis,
    look,
)
from bench.report.naming import interval, number, span
from bench.results.paired.rounds import MIX

_ROW_IN, _HEAD_IN = 0.23, 0.42
_FIRST_ROW_IN = 0.37


def ladder_figure(found: Sequence[Ladder]) -> Figure | None:
    """Draw one panel for each headline role and metric; None without a second rung."""
    drawn = [ladder for ladder in found if len(ladder.to_first) > 1]
    if not drawn:
        return None
    rows = [len(ladder.to_first) for ladder in drawn]
    height = 0.75 + sum(_HEAD_IN + _ROW_IN * n for n in rows)
    with drawing(
        WIDTH_IN, height, nrows=len(drawn), sharex=True, gridspec_kw={"height_ratios": rows}
    ) as (canvas, axes):
        for axis, ladder in zip(axes, drawn, strict=True):
            _panel(axis, ladder)
        _limits(axes[0], drawn)
        axes[-1].tick_params(axis="x", labelsize=7.5, labelrotation=45)
        axes[-1].set_xlabel("relative to the first rung (log; left = less)")
        canvas.subplots_adjust(
            left=0.135, right=0.56, top=1 - 0.27 / height, bottom=0.6 / height,
            hspace=_HEAD_IN / (_ROW_IN * sum(rows) / len(rows)) * 1.02,
        )  # fmt: skip
    title = "The ladder: where the difference comes from"
    narrow = _narrow(drawn, "ladder-narrow", title, _caption(drawn))
    return Figure("ladder", title, _caption(drawn), canvas, narrow=narrow)


def _panel(axis: Axes, ladder: Ladder) -> None:
    axis.set_title(f"{ladder.title}: {METRIC_WORDS[ladder.metric]}")
    rungs = list(ladder.to_first)
    steps = {step.end: step for step in ladder.steps}
    side = axis.get_yaxis_transform()
    for y, name in enumerate(rungs):
        ratio, style = ladder.to_first[name], look(name)
        line = axis.plot([ratio.low, ratio.high], [y, y], "|-", color=style.colour, lw=1.6, ms=6)
        dot = axis.plot(ratio.estimate, y, style.marker, color=style.colour, ms=5)
        level = axis.text(1.02, y, f"{number(ladder.levels[name].value)} ms", transform=side,
                         va="center", fontsize=8)  # fmt: skip
        mark([*dot, *line, level], _rung(ladder, name))
        step = steps.get(name)
        if y and step is not None and step.ratio is not None:
            previous = ladder.to_first[rungs[y - 1]].estimate
            axis.plot([previous, previous, ratio.estimate], [y - 1, y, y], color=MUTED, lw=0.7,
                      zorder=1)  # fmt: skip
            text = f"×{number(step.ratio.estimate)} {interval(step.ratio.low, step.ratio.high)}"
            axis.text(1.24, y, text, transform=side, va="center", fontsize=8)
            axis.text(1.66, y, _CAUSES.get(step.end, ""), transform=side, va="center", fontsize=7.5,
                      color=MUTED)  # fmt: skip
    axis.axvline(1.0, color=INK, lw=1.0)
    axis.set_yticks(range(len(rungs)), rungs)
    axis.tick_params(axis="y", length=0, labelsize=8.5)
    axis.grid(False, axis="y")
    axis.set_ylim(len(rungs) - 0.4, -0.6)


def first_ladder(found: Sequence[Ladder]) -> Figure | None:
    """Draw the mix alone, for half the width of a desk: time and CPU, a rung under the other.

    None where not all of the mix was measured or there is no second rung.
    """
    drawn = [ladder for ladder in found if ladder.role == MIX and len(ladder.to_first) > 1]
    if not drawn:
        return None
    starts = span(r.n_blocks for ladder in drawn for r in ladder.to_first.values())
    return _narrow(
        drawn,
        "ladder-first",
        "Where the difference comes from",
        "A request of the mixed load, one at a time. Each rung adds what stands under its name; "
        f"beside it, ratio to the rung above with its 95 % interval over {starts} starts.",
    )


def _narrow(drawn: Sequence[Ladder], name: str, title: str, caption: str) -> Figure:
    """Panels under each other, names and values within the width of a telephone."""
    rows = [len(ladder.to_first) for ladder in drawn]
    height = 0.45 + sum(_HEAD_IN + _FIRST_ROW_IN * n for n in rows)
    with drawing(HALF_IN, height, nrows=len(drawn), sharex=True) as (canvas, axes):
        for axis, ladder in zip(axes, drawn, strict=True):
            _first_panel(axis, ladder)
        _limits(axes[0], drawn)
        axes[-1].set_xticks(_round_ticks(axes[0]))
        axes[-1].tick_params(axis="x", labelsize=8)
        axes[-1].set_xlabel("times the first (log; left = less)", fontsize=8.5)
        canvas.subplots_adjust(
            left=0.27, right=0.66, top=1 - 0.27 / height, bottom=0.45 / height,
            hspace=_HEAD_IN / (_FIRST_ROW_IN * sum(rows) / len(rows)) * 1.05,
        )  # fmt: skip
    return Figure(name, title, caption, canvas)


def _round_ticks(axis: Axes) -> list[float]:
    """Halves and doubles on a log axis, as far as it reaches."""
    low, high = axis.get_xlim()
    return [tick for tick in (2.0**power for power in range(-6, 7)) if low <= tick <= high]


def _first_panel(axis: Axes, ladder: Ladder) -> None:
    what = "a request" if ladder.role == MIX else ladder.title
    axis.set_title(f"{'time' if ladder.metric == 'time' else 'CPU'} of {what}", x=-0.68)
    rungs = list(ladder.to_first)
    steps = {step.end: step.ratio for step in ladder.steps}
    side = axis.get_yaxis_transform()
    for y, name in enumerate(rungs):
        ratio, style, step = ladder.to_first[name], look(name), steps.get(name)
        line = axis.plot([ratio.low, ratio.high], [y, y], "|-", color=style.colour, lw=1.8, ms=7)
        dot = axis.plot(ratio.estimate, y, style.marker, color=style.colour, ms=6)
        mark([*dot, *line], _rung(ladder, name))
        told = f"×{number(step.estimate)} {interval(step.low, step.high)}" if y and step else ""
        axis.text(1.03, y - 0.16, f"{number(ladder.levels[name].value)} ms", transform=side,
                  va="center", fontsize=8.5, fontweight="bold")  # fmt: skip
        axis.text(1.03, y + 0.24, told, transform=side, va="center", fontsize=8)
        axis.text(-0.03, y - 0.16, name, transform=side, va="center", ha="right", fontsize=8.5)
        axis.text(-0.03, y + 0.24, _CAUSES.get(name, "") if y else "", transform=side, va="center",
                  ha="right", fontsize=8, color=MUTED)  # fmt: skip
    axis.axvline(1.0, color=INK, lw=1.0)
    axis.set_yticks([])
    axis.grid(False, axis="y")
    axis.set_ylim(len(rungs) - 0.4, -0.6)


def _rung(ladder: Ladder, name: str) -> Mark:
    ratio = ladder.to_first[name]
    what = f"{ladder.title}, {METRIC_WORDS[ladder.metric]}, {number(ladder.levels[name].value)} ms"
    return Mark(name, f"{what}, relative to the first", ratio.estimate, ratio.low, ratio.high,
                ratio.n_blocks, "×")  # fmt: skip


_CAUSES = {
    "modular": "framework (+ saga)",
    "modular-split": "four servers",
    "microservices": "processes, network",
}


def _limits(axis: Axes, drawn: Sequence[Ladder]) -> None:
    ratios = [ratio for ladder in drawn for ratio in ladder.to_first.values()]
    axis.set_xscale("log")
    axis.set_xlim(min(r.low for r in ratios) * 0.85, max(max(r.high for r in ratios), 1.0) * 1.15)
    log_axis(axis, "x", ratio=True)


def _caption(drawn: Sequence[Ladder]) -> str:
    starts = span(r.n_blocks for ladder in drawn for r in ladder.to_first.values())
    return (
        f"Dots: geometric mean over {starts} starts relative to the first rung, with the 95 % t "
        "interval over starts. Beside them: the value, then the ratio to the rung above with its "
        "95 % interval from the same rounds, and what that step adds. Light load: one request at "
        "a time. Gateway and databases are in the CPU, the idle rate is taken off."
    )
