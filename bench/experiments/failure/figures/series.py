"""Visits by the second around a fault, by outcome, a panel for each deployment."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.experiments.failure.findings import FaultCell, Matrix, Stretch
from bench.load.visits import OK
from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import INK, MUTED, WIDTH_IN, Figure, drawing, file_name

# ok, degraded, failed, unknown: told apart by lightness too
COLOURS = ("#56B4E9", "#F0E442", "#D55E00", "#33258C")
WORDS = ("in time", "with less or late", "failed", "unknown")
BEFORE_S = 3


def series_figures(matrix: Matrix) -> list[Figure]:
    """One figure for each fault that was measured somewhere, chosen by tab."""
    found = []
    for experiment in matrix.experiments:
        cells = [matrix.cells[experiment, arm] for arm in matrix.arms]
        measured = [cell for cell in cells if cell.stretches]
        if measured:
            found.append(_figure(matrix, experiment, measured))
    return found


def _figure(matrix: Matrix, experiment: str, cells: Sequence[FaultCell]) -> Figure:
    rows = (len(cells) + 1) // 2
    height = 0.75 + 2.0 * rows
    columns = min(2, len(cells))
    with drawing(WIDTH_IN, height, nrows=rows, ncols=columns, sharey=True, sharex=True) as (
        canvas,
        axes,
    ):
        for axis, cell in zip(axes, cells, strict=False):
            _panel(axis, cell)
        for axis in axes[len(cells) :]:
            axis.set_visible(False)
        axes[0].set_ylabel("visits due in the second")
        canvas.supxlabel("seconds since the fault", fontsize=8.5, y=0.012)
        canvas.legend(handles=_legend(), loc="upper right", ncols=6, frameon=False, fontsize=7.5)
        canvas.subplots_adjust(
            left=0.075, right=0.985, top=1 - 0.52 / height, bottom=0.45 / height, wspace=0.06,
            hspace=0.3,
        )  # fmt: skip
    label = matrix.label(experiment)
    n = max(len(cell.stretches) for cell in cells)
    return Figure(
        file_name(f"failure-{experiment.partition(':')[2]}"),
        f"Through a fault: {label}",
        f"Every visit by the second it was due in and by what became of it; mean over n = {n} "
        f"repetition{'s' if n > 1 else ''}. Shaded: from the injection to the beginning of the "
        "clearing. Black line: served in time in the control, the same visits without the fault. "
        "Dotted: first of three seconds back within tolerance of it.",
        canvas,
        group="failure-series",
        option=label,
        data=_records(cells),
    )


def _table(cell: FaultCell) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Visits by second and outcome, mean over the repetitions, the last seconds before too."""
    whole = min(len(s.seconds) for s in cell.stretches)
    after = np.mean([s.seconds[:whole] for s in cell.stretches], axis=0)
    return np.vstack([np.mean([_before(s) for s in cell.stretches], axis=0), after])


def _records(cells: Sequence[FaultCell]) -> list[dict[str, object]]:
    return [
        {"arm": cell.arm, "second": second, **dict(zip(WORDS, map(float, counts), strict=True))}
        for cell in cells
        for second, counts in enumerate(_table(cell), start=-BEFORE_S)
    ]


def _panel(axis: Axes, cell: FaultCell) -> None:
    whole = min(len(s.seconds) for s in cell.stretches)
    usual = np.mean([s.control_seconds[:whole, OK] for s in cell.stretches], axis=0)
    table = _table(cell)
    edges = np.arange(-BEFORE_S, whole + 1)
    bottom = np.zeros(len(table))
    for outcome, colour in enumerate(COLOURS):
        top = bottom + table[:, outcome]
        axis.stairs(top, edges, baseline=bottom, fill=True, color=colour, lw=0)
        bottom = top
    for second, counts in zip(edges[:-1], table, strict=True):
        column = axis.bar(second + 0.5, counts.sum(), width=1.0, color="none", lw=0)
        told = ", ".join(f"{count:.3g} {word}" for count, word in zip(counts, WORDS, strict=True))
        what = f"second {second} ({told}), visits"
        mark(column, Mark(cell.arm, what, float(counts.sum()), n=len(cell.stretches)))
    axis.stairs(usual, np.arange(whole + 1), color=INK, lw=1.0)
    window = float(np.mean([s.cleared_s - s.onset_s for s in cell.stretches]))
    axis.axvspan(0, window, color="#000000", alpha=0.12, lw=0)
    times = [s.recovery.time_s for s in cell.stretches]
    if all(t is not None for t in times) and any(times):
        axis.axvline(float(np.mean([t for t in times if t is not None])), color=INK, lw=1.1, ls=":")
    axis.set_title(cell.arm, fontsize=8.5)
    axis.set_xlim(-BEFORE_S, whole)
    axis.set_ylim(0, None)
    axis.tick_params(labelsize=7)


def _before(stretch: Stretch) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The last seconds before the fault, shape (BEFORE_S, 4)."""
    found = np.zeros((BEFORE_S, 4))
    second = np.floor(stretch.visits.due_s - stretch.onset_s).astype(int) + BEFORE_S
    inside = (second >= 0) & (second < BEFORE_S)
    np.add.at(found, (second[inside], stretch.visits.outcome[inside]), 1)
    return found


def _legend() -> list[Patch]:
    patches = [Patch(color=c, label=w) for c, w in zip(COLOURS, WORDS, strict=True)]
    window = Patch(facecolor="#dddddd", label="fault")
    return [*patches, window, Patch(facecolor="none", edgecolor=MUTED, label="control, in time")]
