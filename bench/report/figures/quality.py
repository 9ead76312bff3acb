"""Run-quality strip: every gate of every trial, by deployment, in the order they ran."""

from collections.abc import Sequence
from math import cos, radians, sin

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.figures.marks import Mark, mark
from bench.report.figures.style import BAD, INK, WIDTH_IN, Figure, drawing
from bench.report.naming import deployment_order, number, words
from bench.results.journal import Trial

_PASS = "#cfe3da"
_LETTER_IN = 0.066  # width of a letter of a deployment's name
_LONG_NAME, _LONGEST_NAME, _LETTERS_IN_A_ROW = 22, 60, 80  # what is longer leaves the drawing
_MARKS = {"flag": ("#B26A00", "^"), "fail": (BAD, "X")}
_STATUS = {"valid": "pass", "flagged": "flag", "invalid": "fail"}


def quality_strip(trials: Sequence[Trial]) -> Figure:
    """Draw one row a gate and one column a trial; shape and colour both tell the outcome."""
    gates = list(dict.fromkeys(gate.name for trial in trials for gate in trial.gates))
    names = deployment_order(t.deployment for t in trials)
    tilt, head, right = _head(names)
    height = 0.6 + head + 0.2 * (len(gates) + 1)
    with drawing(WIDTH_IN, height) as (canvas, (axis,)):
        start = 0.0
        for name in names:
            group = [t for t in trials if t.deployment == name]
            middle = start + (len(group) - 1) / 2
            axis.text(middle, -0.75, f"{name} ({len(group)})", fontsize=8, va="bottom",
                      rotation=tilt, rotation_mode="anchor",
                      ha="left" if tilt else "center")  # fmt: skip
            _group(axis, start, group, gates)
            # Room for the name even where a deployment has few trials.
            start += max(len(group), len(trials) / 14) + max(1.0, len(trials) / 60)
        axis.set_yticks(range(len(gates) + 1), ["trial as a whole", *map(words, gates)])
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.set_xticks([])
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.grid(False)
        axis.set_xlim(-1, start)
        axis.set_ylim(len(gates) + 0.6, -0.7)
        _key(axis)
        canvas.subplots_adjust(left=0.19, right=right, top=1 - head / height, bottom=0.32 / height)
    return Figure(
        "quality",
        "Run quality: every gate of every trial",
        f"{len(trials)} trials, in the order they ran within each deployment (number of trials in "
        "brackets). A trial is invalid if one gate fails; its block is kept, marked and rerun "
        "whole, at most twice.",
        canvas,
        data=[
            {"arm": trial.deployment, "trial": trial.trial_id, "status": trial.status,
             **{gate: _outcomes(trial).get(gate, "") for gate in gates}}
            for trial in trials
        ],
    )  # fmt: skip


def _head(names: Sequence[str]) -> tuple[float, float, float]:
    """(tilt in degrees, height in inches, right edge as a share) of the names above the strip."""
    longest = max((len(name) for name in names), default=0) + len(" (00)")
    if len(names) < 5 and longest * len(names) < _LETTERS_IN_A_ROW:
        return 0, 0.35, 0.97
    tilt = 25 if longest < _LONG_NAME else 60
    length = min(longest, _LONGEST_NAME) * _LETTER_IN
    aside, up = length * cos(radians(tilt)), length * sin(radians(tilt))
    return tilt, 0.2 + up, 1 - max(0.1, 0.8 * aside / WIDTH_IN)


def _group(axis: Axes, start: float, group: Sequence[Trial], gates: Sequence[str]) -> None:
    """A band where a gate was checked, a mark where it did not pass."""
    seen = [_outcomes(trial) for trial in group]
    for y, gate in enumerate(("", *gates)):
        for x, outcomes in enumerate(seen):
            if outcomes.get(gate) in _MARKS:
                colour, marker = _MARKS[outcomes[gate]]
                dot = axis.plot(start + x, y, marker, ms=4.6, color=colour, mew=0)
                _say(dot, group[x], gate)
        checked = _stretches([gate in outcomes for outcomes in seen])
        bars = [(start + first - 0.5, float(length)) for first, length in checked]
        axis.broken_barh(bars, (y - 0.36, 0.72), color=_PASS, lw=0, zorder=0)


def _say(dot: Sequence[Artist], trial: Trial, gate: str) -> None:
    found = next((each for each in trial.gates if each.name == gate), None)
    if found is not None and found.value is not None:
        what = f"{trial.trial_id}, {words(gate)}: {found.outcome}, limit {number(found.limit)}"
        mark(dot, Mark(trial.deployment, what, found.value, unit=found.unit))


def _stretches(present: Sequence[bool]) -> list[tuple[int, int]]:
    """(first, length) of each run of True: one bar each, however long the run was."""
    found: list[tuple[int, int]] = []
    for x, yes in enumerate(present):
        if yes and found and sum(found[-1]) == x:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif yes:
            found.append((x, 1))
    return found


def _outcomes(trial: Trial) -> dict[str, str]:
    return {"": _STATUS[trial.status], **{gate.name: gate.outcome for gate in trial.gates}}


def _key(axis: Axes) -> None:
    handles = [
        Line2D([], [], marker="s", color=_PASS, ls="", ms=8, mew=0, label="passed"),
        *(
            Line2D([], [], marker=marker, color=colour, ls="", ms=6, mew=0, label=label)
            for (colour, marker), label in zip(
                _MARKS.values(), ("flagged", "failed: trial invalid"), strict=True
            )
        ),
    ]
    axis.figure.legend(
        handles=handles, loc="lower left", ncols=3, frameon=False, fontsize=8, labelcolor=INK
    )
