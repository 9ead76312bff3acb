"""The selftest drawn: every set's interval against what was planted."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import BAD, INK, MUTED, WIDTH_IN, Figure, drawing, log_axis

_COLOUR = "#0072B2"
ROW_IN, SPREAD = 0.42, 0.36


def sets_figure(planted: Mapping[str, Any]) -> Figure | None:
    """Draw a row for each comparison with all its sets; None without sets."""
    sets: Sequence[Mapping[str, Any]] = planted.get("sets") or ()
    whats = list(dict.fromkeys(each["what"] for each in sets))
    if not whats:
        return None
    height = 0.9 + ROW_IN * len(whats)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        for y, what in enumerate(whats):
            _row(axis, y, [each for each in sets if each["what"] == what])
        axis.axvline(1.0, color=MUTED, lw=0.9, ls=(0, (3, 2)))
        axis.set_yticks(range(len(whats)), whats)
        axis.set_ylim(len(whats) - 0.4, -0.6)
        axis.tick_params(axis="y", length=0, labelsize=7.5)
        axis.grid(False, axis="y")
        axis.set_xscale("log")
        low = min(0.98, *(each["low"] for each in sets))
        high = max(1.02, *(each["high"] for each in sets))
        axis.set_xlim(low / 1.01, high * 1.01)
        log_axis(axis, "x", ratio=True)
        axis.tick_params(axis="x", labelsize=7.5, labelrotation=45)
        axis.set_xlabel("ratio to the base (log)")
        canvas.subplots_adjust(left=0.36, right=0.97, top=1 - 0.1 / height, bottom=0.65 / height)
    return Figure(
        "selftest-sets",
        "Planted effects: what sets of six starts find",
        f"Each line: the 95 % interval of one set of six starts, drawn from "
        f"{planted.get('starts', 0)} recorded ones. Mark: what the services say was planted. Red: "
        "the set misses it (about 1 in 20 must). Thick: called different. Dashed: 1.",
        canvas,
    )


def _row(axis: Axes, y: int, rows: Sequence[Mapping[str, Any]]) -> None:
    for at, each in enumerate(rows):
        offset = SPREAD * (2 * at / max(1, len(rows) - 1) - 1)
        misses = not each["covered"]
        width = 1.4 if each["word"] == "supported" else 0.6
        line = axis.plot(
            [each["low"], each["high"]],
            [y + offset] * 2,
            "-",
            color=BAD if misses else _COLOUR,
            lw=width,
        )
        middle = (each["low"] * each["high"]) ** 0.5
        mark(line, Mark("", f"{each['what']}, set {at + 1}", middle, each["low"], each["high"],
                        unit="×"))  # fmt: skip
    truth = sum(each["truth"] for each in rows) / len(rows)
    axis.plot([truth] * 2, [y - SPREAD - 0.06, y + SPREAD + 0.06], "-", color=INK, lw=1.2)
