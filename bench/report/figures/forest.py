"""Forest plot of ratios: log axis, line at 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import BAD, INK, MUTED, WIDTH_IN, Figure, drawing, log_axis, look
from bench.report.measures import METRIC_NAMES
from bench.report.naming import number, percent, span, words
from bench.results.journal import Verdict
from bench.results.paired.rounds import MIX, TIME_NAME

_KINDS = {**{name: kind for kind, name in METRIC_NAMES.items()}, TIME_NAME: "time"}
_ROW_IN = 0.235
_REACH = 2.5  # the axis ends this factor beyond the outermost estimates at the latest
_DECIDED = ("supported", "refuted", "no difference shown", "reached", "not reached")


@dataclass(frozen=True)
class ForestRow:
    """A verdict with the words in front of it."""

    label: str
    verdict: Verdict


def row_label(verdict: Verdict) -> str:
    """Return `order, mixed 50/s · p95` for a verdict's id and metric."""
    _, cell, *_ = verdict.id.split("/")
    mix, _, load = cell.partition("@")
    kind = _KINDS.get(verdict.metric, verdict.metric)
    whole = "the mix" if mix == MIX else f"{words(mix)} load"
    what = whole if verdict.operation == "all" else words(verdict.operation)
    where = f" @{load}/s" if load not in {"closed", ""} else ""
    return f"{what}{where} · {'CPU' if kind == 'cpu' else kind}"


def forest(
    groups: Mapping[str, Sequence[ForestRow]],
    slug: str,
    title: str,
    *,
    group: str = "",
    option: str = "",
) -> Figure | None:
    """Draw the rows under their headings, None without any ratio; rows without one say so."""
    if all(row.verdict.estimate is None for rows in groups.values() for row in rows):
        return None
    lines = sum(len(rows) + 1 for rows in groups.values())
    height = 0.85 + _ROW_IN * lines
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        y = 0.0
        ticks: list[tuple[float, str]] = []
        for heading, rows in groups.items():
            axis.text(
                -0.88, y, heading, transform=axis.get_yaxis_transform(), va="center",
                fontweight="bold", fontsize=9,
            )  # fmt: skip
            y += 1
            for row in rows:
                _row(axis, y, row)
                ticks.append((y, row.label))
                y += 1
        axis.set_yticks([t for t, _ in ticks], [label for _, label in ticks])
        axis.tick_params(axis="y", length=0, labelsize=8.5)
        axis.set_ylim(y - 0.4, -0.6)
        axis.axvline(1.0, color=INK, lw=1.1)
        axis.grid(False, axis="y")
        ratio_axis(axis, [row.verdict for rows in groups.values() for row in rows])
        axis.set_xlabel("ratio numerator / denominator (log; 1 = equal)")
        canvas.subplots_adjust(left=0.3, right=0.635, top=1 - 0.12 / height, bottom=0.65 / height)
    return Figure(f"forest-{slug}", title, _caption(groups), canvas, group, option)


def _row(axis: Axes, y: float, row: ForestRow) -> None:
    verdict = row.verdict
    side = axis.get_yaxis_transform()
    if verdict.estimate is None or verdict.low is None or verdict.high is None:
        axis.text(1.02, y, f"no ratio: {verdict.verdict}", transform=side, va="center",
                  fontsize=8, color=MUTED)  # fmt: skip
        return
    style = look(verdict.numerator)
    decided = verdict.verdict in _DECIDED
    line = axis.plot([verdict.low, verdict.high], [y, y], "|-", color=style.colour, lw=1.4, ms=6)
    dot = axis.plot(verdict.estimate, y, style.marker, ms=4.4, color=style.colour,
                    mfc=style.colour if decided else "white", mew=1.0)  # fmt: skip
    pair = f"{verdict.numerator} : {verdict.denominator}"
    mark([*dot, *line], Mark(pair, f"{row.label}, {verdict.verdict}", verdict.estimate, verdict.low,
                             verdict.high, verdict.n_blocks, "×"))  # fmt: skip
    text = f"{number(verdict.estimate)} [{number(verdict.low)}, {number(verdict.high)}]"
    axis.text(1.02, y, text, transform=side, va="center", fontsize=8)
    axis.text(
        1.56, y, f"n={verdict.n_blocks} {_short(verdict)}", transform=side, va="center",
        fontsize=8, color=BAD if verdict.verdict == "invalid" else INK,
    )  # fmt: skip


def _short(verdict: Verdict) -> str:
    return {"no difference shown": "no difference"}.get(verdict.verdict, verdict.verdict)


def ratio_axis(axis: Axes, verdicts: Sequence[Verdict]) -> None:
    """Show every estimate; an interval that reaches far beyond them all leaves the drawing."""
    with_ratio = [v for v in verdicts if v.estimate and v.low and v.high]
    estimates = [v.estimate or 1.0 for v in with_ratio]
    least, most = min([0.9, *estimates]) / _REACH, max([1.1, *estimates]) * _REACH
    low = max(least, min([0.9, *(v.low or 1.0 for v in with_ratio)]) * 0.9)
    high = min(most, max([1.1, *(v.high or 1.0 for v in with_ratio)]) * 1.11)
    axis.set_xlim(low, high)
    log_axis(axis, "x", ratio=True)
    axis.set_xlim(low, high)
    axis.tick_params(axis="x", labelsize=7.5, labelrotation=45)


def _caption(groups: Mapping[str, Sequence[ForestRow]]) -> str:
    rows = [row.verdict for rows in groups.values() for row in rows]
    levels = sorted({percent(v.level) for v in rows if v.estimate is not None})
    blocks = sorted({v.n_blocks for v in rows if v.estimate is not None})
    return (
        "Geometric mean ratio over starts with its t interval at the level of its own "
        f"decision ({', '.join(levels) or 'none'}); n = {span(blocks)} starts. "
        "Hollow: inconclusive. A line that leaves the axis goes on to the number beside it."
    )
