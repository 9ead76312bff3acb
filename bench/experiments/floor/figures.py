"""The floor drawn: each arm's rate relative to its bare handler, with the target line."""

from collections.abc import Sequence

from bench.experiments.floor.findings import FloorResult
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, MUTED, WIDTH_IN, Figure, drawing, log_axis, look
from bench.report.naming import interval, number, span, words


def floor_figure(results: Sequence[FloorResult]) -> Figure | None:
    """Draw one row a comparison; None without a ratio."""
    drawn = [r for r in results if r.verdict.estimate is not None]
    if not drawn:
        return None
    height = 0.8 + 0.26 * len(drawn)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for y, result in enumerate(drawn):
            verdict, style = result.verdict, look(result.pair.arm)
            low, high = verdict.low or 1.0, verdict.high or 1.0
            line = axis.plot([low, high], [y, y], "|-", color=style.colour, lw=1.6, ms=6)
            face = style.colour if verdict.verdict == "reached" else "white"
            dot = axis.plot(verdict.estimate or 1.0, y, style.marker, color=style.colour, ms=5,
                            mfc=face)  # fmt: skip
            what = f"{words(result.pair.operation)}, relative to {result.pair.bare}"
            mark([*dot, *line], Mark(result.pair.arm, what, verdict.estimate, verdict.low,
                                     verdict.high, verdict.n_blocks, "×"))  # fmt: skip
            text = f"{number(verdict.estimate)} {interval(verdict.low, verdict.high)}"
            axis.text(1.02, y, f"{text}  {verdict.verdict}", va="center", fontsize=8,
                      transform=axis.get_yaxis_transform())  # fmt: skip
        labels = [f"{words(r.pair.operation)} · {r.pair.arm} : {r.pair.bare}" for r in drawn]
        axis.set_yticks(range(len(drawn)), labels)
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.grid(False, axis="y")
        axis.set_ylim(len(drawn) - 0.4, -0.6)
        axis.axvline(1.0, color=INK, lw=1.0)
        for target in sorted({r.pair.target for r in drawn}):
            axis.axvline(target, color=MUTED, lw=1.0, ls=(0, (3, 2)))
        lows = [r.verdict.low or 1.0 for r in drawn]
        highs = [r.verdict.high or 1.0 for r in drawn]
        axis.set_xscale("log")
        axis.set_xlim(min(0.5, *lows) * 0.93, max(1.05, *highs) * 1.04)
        log_axis(axis, "x", ratio=True)
        axis.tick_params(axis="x", labelsize=7.5, labelrotation=45)
        axis.set_xlabel("rate relative to the bare handler (log; right = closer to the framework)")
        canvas.subplots_adjust(left=0.3, right=0.7, top=1 - 0.1 / height, bottom=0.6 / height)
    return Figure(
        "floor",
        "Rate of each arm relative to its bare handler",
        f"Correct answers a second at saturation, closed loop; geometric mean over "
        f"{span(r.verdict.n_blocks for r in drawn)} paired blocks with 95 % t interval. Dashed: "
        "the target. Hollow: target not reached, or nothing claimed.",
        canvas,
    )
