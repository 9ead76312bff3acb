"""The fault × journey heat maps: what was lost, and how much more of it in one arm."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.experiments.failure.findings import EVERY, JOURNEY_NAMES, OVERLOAD, Interval, Matrix
from bench.load.visits import LESS
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import (
    HALF_IN,
    INK,
    MUTED,
    WIDTH_IN,
    Figure,
    drawing,
    file_name,
    text_on,
)

_ROW_IN = 0.36
_DEGRADED_FROM = 0.01
Value = Callable[[str, str], tuple[Interval | None, str]]


@dataclass(frozen=True)
class _Grid:
    """Rows (experiments) and columns (journeys) of a heat map, with their names."""

    rows: list[str]
    journeys: list[str]
    labels: list[str]
    names: list[str]

    @classmethod
    def of(cls, matrix: Matrix, arms: Sequence[str], *, same_visits: bool = False) -> "_Grid":
        """What was wanted in one of the arms; the last column is all journeys together.

        `same_visits`: without overloads, which are twice the capacity of each arm.
        """
        rows = matrix.planned(arms)
        if same_visits:
            rows = [row for row in rows if matrix.cells[row, arms[0]].kind != OVERLOAD]
        return cls(
            rows,
            [*matrix.journeys, EVERY],
            [matrix.label(experiment) for experiment in rows],
            [*(JOURNEY_NAMES.get(j, j) for j in matrix.journeys), "all"],
        )

    @property
    def height(self) -> float:
        """Of the figure, in inches."""
        return 0.85 + _ROW_IN * len(self.rows)


def blast_figures(matrix: Matrix) -> list[Figure]:
    """One heat map for each state of the protections, a panel for each deployment."""
    groups: dict[str, list[str]] = {}
    for arm in matrix.arms:
        groups.setdefault("off" if arm.endswith("(resilience off)") else "on", []).append(arm)
    return [_blast_figure(matrix, state, arms) for state, arms in groups.items()]


def _blast_figure(matrix: Matrix, state: str, arms: Sequence[str]) -> Figure:
    grid = _Grid.of(matrix, arms)
    height = grid.height
    with drawing(WIDTH_IN, height, ncols=len(arms), sharey=True) as (canvas, axes):
        for axis, arm in zip(axes, arms, strict=True):
            _panel(axis, grid, arm, lambda e, j, a=arm: _lost(matrix, e, j, a))  # type: ignore[misc]
        _frame(axes, grid)
        canvas.subplots_adjust(
            left=0.215, right=0.99, top=1 - 0.6 / height, bottom=0.08 / height, wspace=0.06
        )
    how = _how(matrix)
    return Figure(
        file_name(f"blast-radius-{state}"),
        f"Blast radius: what each journey lost under each fault (resilience {state})",
        "Large number: percentage points of the visits due while the fault lasted that were "
        "served within the SLO in the control and not under the fault; dark is bad. Small: 'd' "
        "share of visits answered with less (an order accepted as pending, an overview without a "
        f"part, or late), and n visits. {how} Hatched: not applicable or not measured, the reason "
        "stands below. Intervals and controls of every cell are in the table.",
        canvas,
        group="blast" if any(a.endswith("off)") for a in matrix.arms) else "",
        option=f"resilience {state}",
        narrow=_stacked(matrix, arms, f"blast-narrow-{state}"),
    )


def first_blast(matrix: Matrix, arms: Sequence[str]) -> Figure | None:
    """Draw the arms under each other, for half the width of a desk; None without a fault."""
    if not matrix.planned(arms):
        return None
    return _stacked(matrix, arms, "blast-first")


def _stacked(matrix: Matrix, arms: Sequence[str], name: str) -> Figure:
    """The arms under each other, so that names and numbers can be read on a telephone."""
    grid = _Grid.of(matrix, arms)
    height = 0.1 + len(arms) * (0.55 + _ROW_IN * 0.8 * len(grid.rows))
    with drawing(HALF_IN, height, nrows=len(arms), sharex=True) as (canvas, axes):
        for axis, arm in zip(axes, arms, strict=True):
            _panel(axis, grid, arm, lambda e, j, a=arm: (_lost(matrix, e, j, a)[0], ""))  # type: ignore[misc]
        _frame(axes, grid)
        for axis in axes:
            axis.tick_params(labelsize=8)
            axis.tick_params(axis="x", labeltop=True)
        canvas.subplots_adjust(
            left=0.33, right=0.99, top=1 - 0.5 / height, bottom=0.05 / height,
            hspace=0.55 / (_ROW_IN * 0.8 * len(grid.rows)),
        )  # fmt: skip
    return Figure(
        name,
        "What fails when something breaks",
        "Visits lost of a hundred while the fault lasted, by journey; 0: that journey noticed "
        f"nothing. {_how(matrix)}",
        canvas,
    )


def difference_figures(matrix: Matrix, pair: tuple[str, str]) -> list[Figure]:
    """The difference matrix: share served in time, first minus second arm, in points.

    None where nothing but overloads was planned.
    """
    grid = _Grid.of(matrix, pair, same_visits=True)
    return [_difference_figure(matrix, pair, grid)] if grid.rows else []


def _difference_figure(matrix: Matrix, pair: tuple[str, str], grid: _Grid) -> Figure:
    height = grid.height
    with drawing(WIDTH_IN * 0.72, height) as (canvas, axes):

        def value(experiment: str, journey: str) -> tuple[Interval | None, str]:
            found = matrix.difference(experiment, journey, pair)
            if found is None:
                return None, ""
            return found, f"[{100 * found.low:+.0f}, {100 * found.high:+.0f}]"

        _panel(axes[0], grid, f"{pair[0]} minus {pair[1]}", value, diverging=True)
        _frame(axes, grid)
        canvas.subplots_adjust(left=0.3, right=0.98, top=1 - 0.6 / height, bottom=0.08 / height)
    return Figure(
        "failure-difference",
        f"Difference matrix: {pair[0]} minus {pair[1]}",
        "Percentage points of visits served within the SLO while the fault lasted, the same visits "
        f"in both; 95 % interval below. Purple: {pair[0]} served more; orange: less. "
        f"{_how(matrix)}",
        canvas,
    )


def _how(matrix: Matrix) -> str:
    if matrix.repetitions > 1:
        return f"Mean over n = {matrix.repetitions} repetitions, t interval."
    return "One repetition: intervals are within one run and say nothing of the next."


def _lost(matrix: Matrix, experiment: str, journey: str, arm: str) -> tuple[Interval | None, str]:
    cell = matrix.cells[experiment, arm]
    lost, less = cell.blast_radius(journey), cell.share(journey, LESS)
    if lost is None or less is None:
        return None, ""
    degraded = f"d {100 * less.estimate:.0f} · " if less.estimate >= _DEGRADED_FROM else ""
    return lost, f"{degraded}n {sum(cell.counts(journey))}"


def _panel(axis: Axes, grid: _Grid, title: str, value: Value, *, diverging: bool = False) -> None:
    colours = matplotlib.colormaps["PuOr" if diverging else "YlOrBr"]
    axis.set_title(title, fontsize=8.5, pad=18)
    for y, experiment in enumerate(grid.rows):
        for x, journey in enumerate(grid.journeys):
            found, small = value(experiment, journey)
            if found is None:
                axis.add_patch(
                    Rectangle((x - 0.5, y - 0.5), 1, 1, fc="white", ec="#c4c9d0", hatch="///", lw=0)
                )
                continue
            share = found.estimate
            place = 0.5 + share / 2 if diverging else 0.85 * min(1.0, max(0.0, share))
            red, green, blue, _ = colours(place)
            colour = f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
            cell = axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=colour, ec="white", lw=1))
            points = (100 * found.estimate, 100 * found.low, 100 * found.high)
            mark(
                cell, Mark(title, f"{grid.labels[y]}, {grid.names[x]}", *points, found.n, "points")
            )
            ink = text_on(colour)
            text = f"{100 * share:+.0f}" if diverging else f"{100 * share:.0f}"
            text = "0" if text in {"-0", "+0"} else text
            axis.text(x, y - 0.1 if small else y, text, ha="center", va="center", fontsize=8.5,
                      color=ink)  # fmt: skip
            axis.text(x, y + 0.3, small, ha="center", va="center", fontsize=5.2, color=ink)


def _frame(axes: Sequence[Axes], grid: _Grid) -> None:
    names, labels = grid.names, grid.labels
    for axis in axes:
        axis.grid(visible=False)
        axis.set_xlim(-0.5, len(names) - 0.5)
        axis.set_ylim(len(labels) - 0.5, -0.5)
        axis.set_xticks(range(len(names)), names, fontsize=7)
        axis.xaxis.tick_top()
        axis.tick_params(length=0, pad=2)
        axis.set_yticks(range(len(labels)), labels, fontsize=7.2)
        axis.axvline(len(names) - 1.5, color=INK, lw=0.8)
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
        axis.tick_params(axis="y", colors=MUTED, labelcolor=INK)
