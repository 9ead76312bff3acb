"""Capacity against CPU, and every probe of the searches: offered load against p95."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.experiments.capacity.findings import Probe, SearchResult, Summary
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    BAD,
    MUTED,
    WIDTH_IN,
    Figure,
    drawing,
    log_axis,
    look,
    spread_labels,
)
from bench.report.naming import deployment_order, number, span, words

_LABEL_GAP = 0.13  # of the axis height: two lines of text


def capacity_against_cpu(found: Sequence[Summary], budget_cores: int) -> Figure | None:
    """Draw CPU cores used (x) against sustained load (y) for one mix; None without a capacity.

    Large points: capacity by search, with its bracket. Small ones: other loads that passed.
    """
    drawn = [summary for summary in found if any(s.at_capacity for s in summary.searches)]
    if not drawn:
        return None
    with drawing(WIDTH_IN, 3.6) as (canvas, (axis,)):
        for summary in drawn:
            _points(axis, summary)
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=0)
        _per_core_lines(axis, drawn)
        axis.set_xlabel("CPU cores used, gateway and databases included")
        axis.set_ylabel("sustained load, requests/s")
        canvas.subplots_adjust(left=0.1, right=0.79, top=0.97, bottom=0.14)
    mix = drawn[0].mix
    searches = span(len(summary.searches) for summary in drawn)
    return Figure(
        f"capacity-cpu-{mix}",
        f"Capacity against CPU, {words(mix)} load",
        "Large points: the highest load that met the objective, one a search "
        f"({searches} a deployment), with the bracket up to the lowest load that failed. Small "
        "points: other loads that met it, and so the demand of that load. Thin lines: requests/s "
        f"for each core used, at capacity. All deployments had the same budget of {budget_cores} "
        f"CPU core{'s' if budget_cores != 1 else ''}; cores used = CPU of a request × goodput. "
        "Hollow: a search that found no end.",
        canvas,
    )


def probes_figure(found: Sequence[SearchResult], slo_ms: float) -> Figure | None:
    """Draw every counted probe of one mix: offered load against p95, pass or fail, SLO line."""
    counted = [
        (search, probe, part[0])
        for search in found
        for probe in search.probes
        if probe.passed is not None and (part := probe.part("p95_ms")) is not None
    ]
    if not counted:
        return None
    with drawing(WIDTH_IN, 3.4) as (canvas, (axis,)):
        for search, probe, p95_ms in counted:
            _mark(axis, search.end.deployment, probe, p95_ms)
        axis.axhline(slo_ms, color=BAD, lw=1.0, ls=(0, (1, 1.5)))
        axis.text(0.01, slo_ms, f"SLO {slo_ms:g} ms", fontsize=7.5, color=BAD, va="bottom",
                  transform=axis.get_yaxis_transform())  # fmt: skip
        log_axis(axis, "y")
        log_axis(axis, "x")
        axis.tick_params(axis="x", labelsize=7.5)
        axis.set_xlabel("offered load, requests/s (log)")
        axis.set_ylabel("p95 response time, ms (log)")
        axis.legend(handles=_legend(counted), loc="upper left", bbox_to_anchor=(1.01, 1.0),
                    frameon=False, fontsize=8)  # fmt: skip
        canvas.subplots_adjust(left=0.1, right=0.78, top=0.97, bottom=0.15)
    mix = found[0].end.mix
    n = span(probe.sample.requests for _, probe, _ in counted)
    return Figure(
        f"capacity-probes-{mix}",
        f"Every probe of the capacity search, {words(mix)} load",
        f"{len(counted)} probes with {n} requests each; p95 of one probe, without interval. "
        "Filled: met the whole objective; crosses: failed a part of it, not always the p95. Beyond "
        "capacity the p95 depends on how long the probe lasted.",
        canvas,
    )


def _points(axis: Axes, summary: Summary) -> None:
    style = look(summary.deployment)
    for search in summary.searches:
        for probe in search.probes:
            if probe.passed and probe not in search.at_capacity and probe.cores is not None:
                dot = axis.plot(probe.cores, probe.offered_rps, ".", color=style.colour, ms=3.5)
                what = f"a load that passed, {number(probe.cores)} cores"
                mark(dot, Mark(summary.deployment, what, probe.offered_rps, unit="requests/s"))
        cores = [probe.cores for probe in search.at_capacity if probe.cores is not None]
        if not cores or search.end.low_rps is None:
            continue
        x = sum(cores) / len(cores)
        if search.end.high_rps is not None:
            axis.plot(
                [x, x], [search.end.low_rps, search.end.high_rps], "_-", color=style.colour, lw=1.4
            )
        dot = axis.plot(x, search.end.low_rps, style.marker, color=style.colour, ms=6.5,
                        mfc=style.colour if search.end.closed else "white")  # fmt: skip
        what = f"search {search.end.search + 1}, {number(x)} cores, load that passed and failed"
        mark(dot, Mark(summary.deployment, what, search.end.low_rps, search.end.low_rps,
                       search.end.high_rps, unit="requests/s"))  # fmt: skip


def _per_core_lines(axis: Axes, drawn: Sequence[Summary]) -> None:
    """A line from the origin through each capacity; its name beside the right edge."""
    right, top = axis.get_xlim()[1], axis.get_ylim()[1]
    known = [summary for summary in drawn if summary.rps is not None and summary.cores]
    slopes = [summary.rps_per_core or 0.0 for summary in known]
    heights = spread_labels([min(slope * right, top) / top for slope in slopes], _LABEL_GAP)
    for summary, slope, height in zip(known, slopes, heights, strict=True):
        style, end = look(summary.deployment), min(right, top / slope)
        axis.plot([0, end], [0, slope * end], color=style.colour, lw=0.6)
        rps = summary.rps.value if summary.rps else 0.0
        axis.text(
            1.02, height, f"{summary.deployment}\n{number(rps)}/s, {number(slope)} a core",
            transform=axis.transAxes, fontsize=7.5, va="top" if height > 0.9 else "center",
            color=style.colour,
        )  # fmt: skip
    axis.set_xlim(0, right)
    axis.set_ylim(0, top)


def _mark(axis: Axes, deployment: str, probe: Probe, p95_ms: float) -> None:
    style = look(deployment)
    marker = style.marker if probe.passed else "x"
    dot = axis.plot(probe.offered_rps, p95_ms, marker, color=style.colour, ms=5, mew=1.4,
                    alpha=0.85)  # fmt: skip
    what = (
        f"p95 at {number(probe.offered_rps)} requests/s, {'passed' if probe.passed else 'failed'}"
    )
    mark(dot, Mark(deployment, what, p95_ms, n=probe.sample.requests, unit="ms"))


def _legend(counted: Sequence[tuple[SearchResult, Probe, float]]) -> list[Line2D]:
    names = deployment_order(search.end.deployment for search, _, _ in counted)
    rows = [
        Line2D([], [], color=look(n).colour, marker=look(n).marker, ls="", label=n) for n in names
    ]
    return [*rows, Line2D([], [], color=MUTED, marker="x", ls="", label="failed (same colour)")]
