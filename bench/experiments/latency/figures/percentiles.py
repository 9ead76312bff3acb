"""Response-time percentiles as dots with intervals: one row a deployment, one panel a percentile.

Neighbours: `measures` pools the rows; `tail` draws the whole distribution.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from bench.report.figures.marks import Mark, mark
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
from bench.report.measures import QUANTILES
from bench.report.naming import deployment_order, span, words
from bench.report.selection import Cell
from bench.stats.quantiles import QuantileEstimate

# (deployment, operation, metric kind) -> estimate
Estimates = Mapping[tuple[str, str, str], QuantileEstimate | None]

_ROW_IN = 0.155


def percentile_dots(
    cells: Sequence[Cell], estimates: Estimates, operations: Sequence[str]
) -> Figure:
    """Draw p50, p95 and p99 of every operation and deployment on one shared log axis.

    `cells`: one, or those of paired rounds, which are one an operation.
    """
    first = cells[0]
    deployments = deployment_order(name for cell in cells for name in cell.deployments)
    rows = _rows(operations, deployments)
    height = 1.15 + _ROW_IN * (max(rows.values()) + 1)
    with drawing(WIDTH_IN, height, ncols=3, sharex=True, sharey=True) as (canvas, axes):
        for axis, kind in zip(axes, QUANTILES, strict=True):
            axis.set_title(kind)
            _panel(axis, estimates, rows, kind)
        _common(axes[0], rows, operations, len(deployments))
        drawn = [e for key, e in estimates.items() if e is not None and key[:2] in _keys(rows)]
        limits = log_limits((e.value, e.low, e.high) for e in drawn)
        for axis in axes:
            _stripes(axis, rows, operations)
            axis.set_xscale("log")
            axis.set_xlim(limits)
            log_axis(axis, "x")
            _thin(axis)
        canvas.supxlabel(f"{first.time_name}, ms (log)", fontsize=9, y=0.012)
        _key(axes[0], deployments, height)
        canvas.subplots_adjust(left=0.15, right=0.985, top=1 - 0.62 / height, bottom=0.5 / height)
    return Figure(
        name=f"percentiles-{'rounds' if first.in_rounds else first.mix}",
        title=_title(first),
        caption=_caption(cells, estimates),
        canvas=canvas,
        group="percentiles",
        option="single requests" if first.in_rounds else f"{words(first.mix)} mix",
    )


def _rows(operations: Sequence[str], deployments: Sequence[str]) -> dict[tuple[str, str], float]:
    step = len(deployments) + 1.1
    return {
        (operation, deployment): i * step + j
        for i, operation in enumerate(operations)
        for j, deployment in enumerate(deployments)
    }


def _keys(rows: Mapping[tuple[str, str], float]) -> set[tuple[str, str]]:
    return {(deployment, operation) for operation, deployment in rows}


def _panel(
    axis: Axes,
    estimates: Estimates,
    rows: Mapping[tuple[str, str], float],
    kind: str,
) -> None:
    for (operation, deployment), y in rows.items():
        found = estimates.get((deployment, operation, kind))
        style = look(deployment)
        if found is None:
            axis.text(
                0.02, y, "too few requests", transform=axis.get_yaxis_transform(),
                fontsize=6, color=MUTED, va="center",
            )  # fmt: skip
            continue
        line = axis.plot([found.low, found.high], [y, y], "|-", color=style.colour, lw=1.3, ms=4.5)
        open_face = "white" if found.clusters == 1 else style.colour
        dot = axis.plot(
            found.value, y, style.marker, color=style.colour, mfc=open_face, ms=3.6, mew=0.9
        )  # hollow: the interval knows one trial only
        mark([*dot, *line], Mark(deployment, f"{words(operation)}, {kind}", found.value, found.low,
                                 found.high, found.n, "ms"))  # fmt: skip


def _common(
    axis: Axes, rows: Mapping[tuple[str, str], float], operations: Sequence[str], count: int
) -> None:
    middles = [min(y for (op, _), y in rows.items() if op == o) + (count - 1) / 2
               for o in operations]  # fmt: skip
    axis.set_yticks(middles, [words(o) for o in operations])
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.set_ylim(max(rows.values()) + 0.9, -0.9)


def _stripes(axis: Axes, rows: Mapping[tuple[str, str], float], operations: Sequence[str]) -> None:
    """Shade every second operation, so that a dot far right still belongs to its name."""
    for operation in operations[1::2]:
        ys = [y for (name, _), y in rows.items() if name == operation]
        axis.axhspan(min(ys) - 1.0, max(ys) + 1.0, color="#f4f6f8", lw=0, zorder=0)


def _thin(axis: Axes) -> None:
    axis.tick_params(axis="x", labelsize=7, labelrotation=45)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")


def _key(axis: Axes, deployments: Sequence[str], height: float) -> None:
    handles = [
        axis.plot([], [], look(d).marker, color=look(d).colour, ls="-", ms=4.5, label=d)[0]
        for d in deployments
    ]
    axis.figure.legend(
        handles=handles, loc="upper left", ncols=min(4, len(handles)), frameon=False,
        bbox_to_anchor=(0.0, 1.0), fontsize=8.5, labelcolor=INK, handlelength=1.6,
    )  # fmt: skip


def _title(cell: Cell) -> str:
    if cell.in_rounds:
        return "Percentiles of the service time, one request at a time"
    return f"Response-time percentiles, {cell.label}"


def _caption(cells: Sequence[Cell], estimates: Estimates) -> str:
    found = [e for e in estimates.values() if e is not None]
    in_rounds = cells[0].in_rounds
    unit = "start" if in_rounds else "trial"
    blocks = span(len(cell.blocks or cell.spoiled) for cell in cells)
    requests = f"{span(e.n for e in found)} requests a dot, " if found else ""
    what = (
        "Service time = answer − sent, ms"
        if in_rounds
        else "Response time = answer − planned arrival, ms"
    )
    whisker = (
        f"whiskers: 95 % interval from {unit} to {unit} (delete-one jackknife)"
        if any(e.clusters > 1 for e in found)
        else f"whiskers: 95 % order-statistic interval within one {unit}, which says nothing "
        f"about another {unit} (hollow markers)"
    )
    return (
        f"{what}. {requests}{blocks} {'starts' if in_rounds else 'blocks'}; {whisker}. "
        "Failed and unanswered requests are in it, unanswered ones as their time until the "
        "timeout. A whisker that leaves the axis goes on: see the table. "
        "p50 needs 20 requests, p95 200 and p99 1,000; operations with fewer stand in the "
        "table only."
    )
