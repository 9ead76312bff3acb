"""CPU-ms per request, stacked by component; the total carries the interval."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, WIDTH_IN, Figure, component_colour, drawing, text_on
from bench.report.measures import Level, cpu_ms_per_request, level_of, mean_parts
from bench.report.naming import (
    component_label,
    component_order,
    interval,
    is_database,
    number,
    span,
)
from bench.report.selection import Cell

_PER_LETTER = 0.0125  # share of the axis that a letter of a segment's name takes


def cpu_stack(cells: Sequence[Cell], slug: str) -> Figure | None:
    """Draw one panel a mix, one bar a deployment; None where no CPU was accounted."""
    drawn = [cell for cell in cells if any(mean_parts(cell.samples(d)) for d in cell.deployments)]
    if not drawn:
        return None
    bars = sum(len(cell.deployments) for cell in drawn)
    height = 1.35 + 0.3 * bars + 0.42 * len(drawn)
    ratios = [len(cell.deployments) for cell in drawn]
    with drawing(
        WIDTH_IN, height, nrows=len(drawn), sharex=True, gridspec_kw={"height_ratios": ratios}
    ) as (canvas, axes):
        widest = max(
            sum(mean_parts(cell.samples(d)).values()) for cell in drawn for d in cell.deployments
        )
        for axis, cell in zip(axes, drawn, strict=True):
            _panel(axis, cell, widest)
        axes[-1].set_xlabel("CPU-ms per request")
        _key(axes[0], drawn)
        canvas.subplots_adjust(
            left=0.15, right=0.74, top=1 - 0.3 / height, bottom=1.05 / height, hspace=0.38
        )
    unit = "starts" if drawn[0].in_rounds else "blocks"
    counts = span(len(cell.blocks or cell.spoiled) for cell in drawn)
    idle = (
        "Beside a bar: the total less the idle rate, and what that was. "
        if (drawn[0].in_rounds)
        else ""
    )
    return Figure(
        f"cpu-{slug}",
        "CPU per request by component",
        "CPU-ms of every process of the deployment, gateway and databases (hatched) included, "
        "divided by the requests served in the CPU window, which ends when the outbox is empty. "
        f"{idle}Parts: mean over trials; total: geometric mean with 95 % t interval; "
        f"{counts} {unit}. The load generator is not in it.",
        canvas,
    )


def _panel(axis: Axes, cell: Cell, widest: float) -> None:
    axis.set_title(cell.label, fontsize=9)
    for y, deployment in enumerate(cell.deployments):
        samples = cell.samples(deployment)
        left = 0.0
        for name, width in mean_parts(samples).items():
            bar = axis.barh(
                y, width, left=left, height=0.62, color=component_colour(name), edgecolor="white",
                linewidth=0.8, hatch="////" if is_database(name) else None,
            )  # fmt: skip
            part = f"{cell.label}, {'database ' * is_database(name)}{component_label(name)}"
            mark(bar, Mark(deployment, part, width, n=len(samples), unit="CPU-ms per request"))
            label = "" if is_database(name) else component_label(name)
            if label and width > widest * (_PER_LETTER * len(label) + 0.025):
                axis.text(left + width / 2, y, label, ha="center", va="center", fontsize=7,
                          color=text_on(component_colour(name)))  # fmt: skip
            left += width
        total = level_of([cpu_ms_per_request(s) for s in samples])
        text = axis.annotate(
            _total(total, left, in_rounds=cell.in_rounds), (left, y), (5, 0), va="center",
            textcoords="offset points", fontsize=8, color=INK,
        )  # fmt: skip
        if total is not None:
            mark(text, Mark(deployment, f"{cell.label}, in all less the idle rate", total.value,
                            total.low, total.high, total.n, "CPU-ms per request"))  # fmt: skip
    axis.set_yticks(range(len(cell.deployments)), cell.deployments)
    axis.set_ylim(len(cell.deployments) - 0.4, -0.6)
    axis.set_xlim(0, widest * 1.02)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")


def _total(level: Level | None, drawn_ms: float, *, in_rounds: bool) -> str:
    """The total beside a bar; of rounds without what is used unasked, which the bar shows too."""
    if level is None:
        return "not accounted"
    text = f"{number(level.value)} {interval(level.low, level.high)}"
    return f"{text} + {number(max(0.0, drawn_ms - level.value), 2)} idle" if in_rounds else text


def _key(axis: Axes, drawn: Sequence[Cell]) -> None:
    names = component_order(
        name for cell in drawn for d in cell.deployments for name in mean_parts(cell.samples(d))
    )
    nouns = {component_label(name): component_colour(name) for name in reversed(names)}
    handles = [Patch(facecolor=nouns[noun], label=noun) for noun in reversed(nouns)]
    handles.append(
        Patch(facecolor="#c9ced4", edgecolor="white", hatch="////", label="hatched: its database")
    )
    axis.figure.legend(
        handles=handles, loc="lower left", ncols=4, frameon=False, fontsize=7.5, handlelength=1.4,
        columnspacing=1.0,
    )  # fmt: skip
