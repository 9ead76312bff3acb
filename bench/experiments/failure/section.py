"""Failure: what each journey loses under each fault, in each deployment, and when it is back."""

from collections.abc import Sequence

from bench.experiments.failure import first_screen
from bench.experiments.failure.figures.heat_maps import (
    blast_figures,
    difference_figures,
    first_blast,
)
from bench.experiments.failure.figures.series import series_figures
from bench.experiments.failure.findings import (
    EVERY,
    EXPERIMENT,
    JOURNEY_NAMES,
    OVERLOAD,
    FaultCell,
    Interval,
    Matrix,
    Stretch,
    matrix_of,
)
from bench.experiments.failure.judge import comparables, verdicts_of
from bench.load.visits import FAILED, LESS, OK, UNKNOWN
from bench.report.naming import number
from bench.report.section import Section
from bench.report.spoken import Maker, said, sure
from bench.results.dataset import RunData
from bench.results.journal import TableCell, Verdict

OFF = "(resilience off)"
ROW = "failure-impact"  # of the comparison table
PAIR = ("microservices", "monolith")


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def _impact(verdict: Verdict, parts: list[str]) -> str:
    points = verdict.estimate or 0.0
    side = "more" if points > 0 else "fewer"
    return (
        f"When one component fails, microservices serves {number(abs(points))} points {side} of "
        f"the visits in time than monolith {sure(verdict)}, {verdict.n_blocks} repetitions."
    )


def _isolation(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"When one component of {parts[2]} fails, journeys that do not need it lose "
        f"{number(verdict.estimate)} points {sure(verdict)}."
    )


_SPOKEN: dict[str, Maker] = {"failure/impact": _impact, "failure/isolation": _isolation}


def section(data: RunData) -> Section | None:
    """Return the section of the failure experiment, None if the run has none."""
    matrix = matrix_of(data)
    if matrix is None:
        return None
    maps = blast_figures(matrix)
    paired = set(PAIR) <= set(matrix.arms)
    difference = difference_figures(matrix, PAIR) if paired else []
    series = series_figures(matrix)
    verdicts = verdicts_of(data, matrix)
    decided, otherwise = said(verdicts, _SPOKEN)
    sentences = [*_sentences(matrix), *_compared(matrix), *_overloads(matrix)]
    return Section(
        anchor=EXPERIMENT,
        title="When something fails",
        template="failure/section.html",
        context={
            "matrix": matrix,
            "once": matrix.repetitions == 1,
            "sentences": sentences,
            "maps": maps,
            "difference": difference,
            "series": series,
            "verdicts": verdicts,
            "share_rows": _share_rows(matrix),
            "recovery_rows": _recovery_rows(matrix),
            "missing": _missing(matrix),
            "tainted": _tainted(matrix),
        },
        figures=(*maps, *difference, *series),
        first_figure=first_blast(matrix, [arm for arm in reversed(PAIR) if arm in matrix.arms]),
        answer=first_screen.answer(matrix),
        tiles=first_screen.tiles(matrix, verdicts),
        trust=first_screen.trust(matrix),
        sentences=decided,
        otherwise=otherwise,
        summary=(
            "\n".join(f"- {text}" for text in (*sentences, *_missing(matrix))),
            _summary_table(matrix),
        ),
        verdicts=tuple(verdicts),
        compared=comparables(matrix),
        cells=tuple(
            TableCell(ROW, arm, EXPERIMENT, line)
            for arm in PAIR
            if arm in matrix.arms and (line := _one_line(matrix, arm))
        ),
    )


def _sentences(matrix: Matrix) -> list[str]:
    found = []
    for arm in matrix.arms:
        line = _one_line(matrix, arm)
        if line:
            found.append(f"{arm}: {line}.")
    return found


def _compared(matrix: Matrix) -> list[str]:
    """Of each fault that both arms had more than once: in how many repetitions who served more."""
    if matrix.repetitions < 2 or not set(PAIR) <= set(matrix.arms):
        return []
    found = []
    for experiment in matrix.experiments:
        top, base = ({s.block: s for s in matrix.cells[experiment, arm].stretches} for arm in PAIR)
        both = sorted(top.keys() & base.keys())
        difference = matrix.difference(experiment, EVERY, PAIR)
        if len(both) < 2 or difference is None:
            continue
        more = sum(top[block].served > base[block].served for block in both)
        found.append(
            f"{matrix.label(experiment)}: {PAIR[0]} served more visits in time than {PAIR[1]} in "
            f"{more} of {len(both)} repetitions, by {_interval_points(difference)} points of them."
        )
    return found


def _one_line(matrix: Matrix, arm: str) -> str | None:
    """What faults did to an arm: means over those that every arm with these states has."""
    own = [matrix.cells[experiment, arm] for experiment in _common(matrix, arm)]
    if not own:
        return None
    worst = max(own, key=lambda cell: lost.estimate if (lost := cell.blast_radius()) else 0.0)
    unhurt = sum(not s.recovery.affected for cell in own for s in cell.stretches)
    whole = sum(len(cell.stretches) for cell in own)
    return (
        f"{_mean_share(own)} of the visits served in time while a fault lasted "
        f"and {_mean_share(own, LESS)} with less or late (control "
        f"{_mean_share(own, control=True)} in time; the {len(own)} faults that could be measured "
        f"everywhere); worst {matrix.label(worst.experiment)}, {_points(worst.blast_radius())} "
        f"points lost; {unhurt} of {whole} stretches stayed within tolerance throughout"
    )


def _common(matrix: Matrix, arm: str) -> list[str]:
    """Faults measured in this arm and in all others with the same state of the protections."""
    alike = [each for each in matrix.arms if each.endswith(OFF) == arm.endswith(OFF)]
    return [
        experiment
        for experiment in matrix.experiments
        if matrix.cells[experiment, arm].kind != OVERLOAD
        and all(matrix.cells[experiment, each].stretches for each in alike)
    ]


def _mean_share(cells: Sequence[FaultCell], outcome: int = OK, *, control: bool = False) -> str:
    shares = [cell.share(EVERY, outcome, control=control) for cell in cells]
    seen = [share.estimate for share in shares if share is not None]
    return _percent(sum(seen) / len(seen)) if seen else "–"


def _overloads(matrix: Matrix) -> list[str]:
    """Whether goodput came back after an overload, for each arm that had one."""
    found = []
    for cell in matrix.cells.values():
        if cell.kind != OVERLOAD or not cell.stretches:
            continue
        lags = [s.recovery.lag_s for s in cell.stretches]
        seen = [lag for lag in lags if lag is not None]
        back = (
            f"goodput was back {number(max(seen))} s after the overload at the latest"
            if len(seen) == len(lags)
            else f"goodput was not back in {len(lags) - len(seen)} of {len(lags)} repetitions "
            "while it was watched"
        )
        found.append(f"{cell.arm}, twice its capacity for {_window(cell)} s: {back}.")
    return found


def _window(cell: FaultCell) -> str:
    first = cell.stretches[0]
    return f"{first.cleared_s - first.onset_s:.0f}"


def _share_rows(matrix: Matrix) -> list[list[str]]:
    return [
        [
            f"{matrix.label(cell.experiment)} · {cell.arm} · {JOURNEY_NAMES.get(j, j)}",
            *(
                _share(cell.share(j, outcome), both=outcome == 0)
                for outcome in (0, LESS, FAILED, UNKNOWN)
            ),
            str(sum(cell.counts(j))),
            _share(cell.share(j, control=True), both=True),
            _interval_points(cell.blast_radius(j)),
        ]
        for cell in matrix.cells.values()
        if cell.stretches
        for j in (*matrix.journeys, EVERY)
    ]


def _recovery_rows(matrix: Matrix) -> list[list[str]]:
    rows = []
    for cell in matrix.cells.values():
        own = cell.stretches
        if not own:
            continue
        rows.append(
            [
                f"{matrix.label(cell.experiment)} · {cell.arm}",
                _middle([s.first_error_s for s in own]),
                _middle([s.told_s for s in own]),
                _middle([s.since_onset("detected_s") for s in own]),
                _middle([s.recovery.time_s for s in own], never="not seen"),
                _middle([s.recovery.lag_s for s in own], never="not seen"),
                f"{sum(s.lost_visits for s in own) / len(own):.0f}",
                _middle([_consistent(s) for s in own], never="not seen"),
                _middle([_settled(s.trial.facts, s.cleared_s) for s in own], never="not settled"),
            ]
        )
    return rows


def _consistent(stretch: Stretch) -> float | None:
    """Seconds from the clearing to consistent data; 0: it was so by then."""
    value = stretch.trial.facts.get("consistent_s")
    return None if value is None else max(0.0, value - stretch.cleared_s)


def _settled(facts: dict[str, float], cleared_s: float) -> float | None:
    return facts["settled_s"] - cleared_s if facts.get("settled") == 1.0 else None


def _middle(values: Sequence[float | None], never: str = "–") -> str:
    """Mean and range over repetitions; how often there was none."""
    seen = [value for value in values if value is not None]
    if not seen:
        return never
    text = f"{sum(seen) / len(seen):.1f}"
    if len(seen) > 1:
        text += f" [{min(seen):.1f}–{max(seen):.1f}]"
    return text if len(seen) == len(values) else f"{text}; {len(values) - len(seen)} × {never}"


def _missing(matrix: Matrix) -> list[str]:
    return [
        f"{matrix.label(cell.experiment)} · {cell.arm}: {cell.missing}."
        for cell in matrix.cells.values()
        if cell.missing and cell.planned
    ]


def _tainted(matrix: Matrix) -> str:
    """Which cells rest on trials that failed a gate; all of them in fewer words."""
    measured = [cell for cell in matrix.cells.values() if cell.stretches]
    bad = [cell for cell in measured if any(stretch.tainted for stretch in cell.stretches)]
    if len(bad) == len(measured) > 1:
        return "every cell"
    return "; ".join(f"{matrix.label(cell.experiment)} · {cell.arm}" for cell in bad)


def _summary_table(matrix: Matrix) -> str:
    heads = ["Fault", *matrix.arms]
    lines = [heads, ["---"] * len(heads)]
    for experiment in matrix.experiments:
        cells = [matrix.cells[experiment, arm] for arm in matrix.arms]
        lines.append(
            [
                matrix.label(experiment),
                *(_interval_points(c.blast_radius()) if c.stretches else _why(c) for c in cells),
            ]
        )
    how = "within one run" if matrix.repetitions == 1 else f"{matrix.repetitions} repetitions"
    head = (
        f"Percentage points of all visits lost while the fault lasted (95 % interval, {how}):\n\n"
    )
    return head + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _why(cell: FaultCell) -> str:
    return cell.missing.split(":")[0] if cell.planned else "–"


def _share(found: Interval | None, *, both: bool) -> str:
    if found is None:
        return "–"
    text = _percent(found.estimate)
    return f"{text} [{100 * found.low:.0f}, {100 * found.high:.0f}]" if both else text


def _interval_points(found: Interval | None) -> str:
    if found is None:
        return "–"
    return f"{_points(found)} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def _points(found: Interval | None) -> str:
    return "–" if found is None else f"{100 * found.estimate:.0f}".replace("-0", "0")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
