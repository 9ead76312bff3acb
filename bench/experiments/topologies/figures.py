"""Every partition against the best, one panel a metric: dot, interval, line at 1."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.experiments.topologies.findings import KIND_WORDS, Place, Ranking
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, WIDTH_IN, Figure, drawing, log_axis
from bench.report.naming import number, percent, span

_ROW_IN = 0.24
# Number of processes, gateway included: light to dark, each with a marker of its own.
_LOOKS = {1: ("#E69F00", "o"), 3: ("#56B4E9", "s"), 4: ("#0072B2", "^"), 5: ("#33258C", "D")}
_OTHER = ("#555555", "X")


def partition_figure(ranked: Sequence[Ranking]) -> Figure | None:
    """Draw all metrics, partitions sorted by the first; None without a ranking."""
    if not ranked:
        return None
    names = [place.name for place in ranked[0].places]
    height = 1.15 + _ROW_IN * len(names)
    with drawing(WIDTH_IN, height, ncols=len(ranked), sharey=True) as (canvas, axes):
        for axis, each in zip(axes, ranked, strict=True):
            axis.set_title(KIND_WORDS[each.kind])
            for place in each.places:
                _dot(axis, names.index(place.name), place, KIND_WORDS[each.kind])
            ends = [e for p in each.places if p.ratio for e in (p.ratio.low, p.ratio.high)]
            axis.axvline(1.0, color=INK, lw=1.1)
            axis.set_xlim(min([0.97, *ends]) * 0.97, max([1.1, *ends]) * 1.05)
            axis.set_xscale("log")
            log_axis(axis, "x", ratio=True)
            axis.tick_params(axis="x", labelsize=7, labelrotation=45)
        axes[0].set_yticks(range(len(names)), [_short(name) for name in names])
        axes[0].tick_params(axis="y", length=0, labelsize=7.5)
        axes[0].set_ylim(len(names) - 0.4, -0.6)
        canvas.supxlabel("ratio to the best partition (log; 1 = as good)", fontsize=8.5, y=0.015)
        canvas.legend(handles=_legend(ranked), loc="upper right", ncols=5, frameon=False,
                      fontsize=8)  # fmt: skip
        canvas.subplots_adjust(
            left=0.17, right=0.985, top=1 - 0.52 / height, bottom=0.62 / height, wspace=0.08
        )
    levels = sorted({percent(p.ratio.level) for r in ranked for p in r.places if p.ratio})
    return Figure(
        "topologies",
        "Every partition against the best one of each metric",
        f"Sorted by {KIND_WORDS[ranked[0].kind]}. Geometric mean ratio over paired blocks with its "
        f"t interval at the level of Holm's decision ({levels[0]} to {levels[-1]}); "
        f"n = {span(r.n_blocks for r in ranked)} blocks. Filled: the best, or not told apart from "
        "it. Hollow: worse. u, i, o, p: users, inventory, orders, payments; + in one process. "
        "The best was chosen from the same blocks, so the distances lean a little high.",
        canvas,
    )


def _dot(axis: Axes, y: int, place: Place, kind: str) -> None:
    colour, marker = _LOOKS.get(place.processes, _OTHER)
    what = f"{place.name}, {kind}, {number(place.level.value)} ms"
    if place.ratio is None:
        best = axis.plot(1.0, y, marker, color=colour, ms=6)
        mark(best, Mark("", f"{what}, the best", 1.0, unit="×"))
        return
    ratio = place.ratio
    line = axis.plot([ratio.low, ratio.high], [y, y], "|-", color=colour, lw=1.3, ms=5)
    dot = axis.plot(ratio.estimate, y, marker, color=colour, ms=4.8,
                    mfc="white" if place.apart else colour)  # fmt: skip
    mark([*dot, *line], Mark("", what, ratio.estimate, ratio.low, ratio.high, ratio.n_blocks, "×"))


def _short(name: str) -> str:
    if "|" not in name:
        return name
    return " | ".join("+".join(part[0] for part in block.split("+")) for block in name.split("|"))


def _legend(ranked: Sequence[Ranking]) -> list[Line2D]:
    counts = sorted({place.processes for place in ranked[0].places})
    return [
        Line2D([], [], ls="", marker=_LOOKS.get(n, _OTHER)[1], color=_LOOKS.get(n, _OTHER)[0],
               label=f"{n} process{'es' if n > 1 else ''}")
        for n in counts
    ]  # fmt: skip
