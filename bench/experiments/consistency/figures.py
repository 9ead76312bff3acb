"""Inconsistent orders over time, with every fault marked: one strip a deployment and phase."""

from collections.abc import Sequence
from math import isnan, nan

from matplotlib.axes import Axes

from bench.experiments.consistency.findings import EpisodeResult
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import BAD, MUTED, WIDTH_IN, Figure, drawing, look
from bench.results.episodes import Sampled

_KINDS = (("db:", "database", "#56B4E9"), ("a worker", "worker", "#E69F00"), ("", "process", BAD))


def strip_figure(results: Sequence[EpisodeResult]) -> Figure | None:
    """Draw what each look saw; None without a look."""
    shown = [result for result in results if result.samples]
    if not shown:
        return None
    height = 0.75 + 1.15 * len(shown)
    with drawing(WIDTH_IN, height, nrows=len(shown)) as (canvas, axes):
        for axis, result in zip(axes, shown, strict=True):
            _strip(axis, result)
        axes[-1].set_xlabel("seconds since the buyers began")
        canvas.subplots_adjust(
            left=0.08, right=0.99, top=1 - 0.3 / height, bottom=0.5 / height, hspace=0.75
        )
    return Figure(
        "consistency-strip",
        "Orders seen inconsistent while faults are injected",
        "Each look at the databases: orders that break I7 or I8 at that moment, 0 drawn too. "
        "Ticks below: kill -9 of a process (red), a worker (orange), a database (blue); a fault "
        "point (grey). A gap in the line: a database did not answer.",
        canvas,
        data=[
            {"arm": result.episode.deployment, "phase": result.episode.phase,
             "seconds": round(sample.time_s - result.begun_s, 3), "inconsistent": _seen(sample)}
            for result in shown
            for sample in result.samples
        ],
    )  # fmt: skip


def _seen(sample: Sampled) -> float:
    """Orders seen half done; no number where a database did not answer."""
    if sample.unreadable:
        return nan
    return len({seen.subject for seen in sample.seen if seen.invariant in {"I7", "I8"}})


def _strip(axis: Axes, result: EpisodeResult) -> None:
    begun_s = result.begun_s
    times = [sample.time_s - begun_s for sample in result.samples]
    counts = [_seen(sample) for sample in result.samples]
    style = look(result.episode.deployment)
    line = axis.plot(times, counts, drawstyle="steps-post", color=style.colour, lw=1.0)
    most = max([2.0, *(count for count in counts if not isnan(count))])
    seen = max([0.0, *(count for count in counts if not isnan(count))])
    mark(line, Mark(result.episode.deployment, f"{result.episode.phase}, most at once", seen,
                    n=len(counts), unit="orders"))  # fmt: skip
    for fault in result.faults:
        colour = MUTED
        if fault.kind == "kill":
            colour = next(c for prefix, _, c in _KINDS if fault.target.startswith(prefix))
        at = fault.time_s - begun_s
        axis.plot([at, at], [-0.22 * most, -0.06 * most], color=colour, lw=1.1)
    axis.set_ylim(-0.26 * most, 1.1 * most)
    axis.set_xlim(left=0)
    axis.locator_params(axis="y", integer=True, nbins=4)
    axis.set_title(f"{result.episode.deployment}, {result.episode.phase}", fontsize=8.5)
    axis.tick_params(labelsize=7.5)
