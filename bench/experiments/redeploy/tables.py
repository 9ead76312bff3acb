"""The tables of the section, and the words that its sentences and cells share."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from bench.experiments.redeploy.counting import Counted
from bench.experiments.redeploy.findings import ORDER, Findings, interval_of
from bench.experiments.redeploy.records import What
from bench.report.naming import interval, number

RELEASE_HEADS = [
    "Released · deployment", "Releases", "No failed visit", "Failed", "Slow", "Disturbed [95 %]",
    "Visits", "Refused", "for, s",
]  # fmt: skip
TIME_HEADS = ["Released · deployment", "Release, s", "In service, s", "Cold start, s", "CPU, s"]
STEP_HEADS = ["Step · deployment", "Times", "Seconds", "Visits", "Failed", "Slow", "Disturbed"]


def release_rows(found: Findings) -> list[list[str]]:
    """Every good release: what it disturbed, means over its repetitions."""
    return [[name, *_visit_cells(own)] for name, own in _good(found)]


def time_rows(found: Findings) -> list[list[str]]:
    """Every good release: how long it took, and its CPU."""
    return [[name, *_time_cells(own)] for name, own in _good(found)]


def _good(found: Findings) -> list[tuple[str, list[Counted]]]:
    """The good releases of valid stretches, by arm and component."""
    return [
        (f"{component} · {arm}", own)
        for arm in found.arms
        for component in ORDER
        if (own := [each for each in found.of("release", arm, component) if each.valid])
    ]


def _visit_cells(own: Sequence[Counted]) -> list[str]:
    return [
        str(len(own)),
        f"{sum(not each.failed for each in own)} of {len(own)}",
        mean_text([each.failed for each in own]),
        mean_text([each.slow for each in own]),
        with_interval([each.disturbed for each in own]),
        mean_text([each.visits for each in own]),
        mean_text([each.refused for each in own]),
        mean_text([each.refused_for_s for each in own]),
    ]


def _time_cells(own: Sequence[Counted]) -> list[str]:
    changes = [each.change for each in own]
    return [
        with_interval([change.seconds for change in changes]),
        mean_text([change.in_service_s for change in changes]),
        mean_text([change.cold_start_s for change in changes]),
        mean_text([change.cpu_s for change in changes]),
    ]


def step_rows(found: Findings, what: What) -> list[list[str]]:
    """The changes of another kind, step by step."""
    rows = []
    for arm in found.arms:
        own = [each for each in found.of(what, arm) if each.valid]
        for step in dict.fromkeys(each.change.step for each in own):
            these = [each for each in own if each.change.step == step]
            rows.append(
                [
                    f"{step or what} · {arm}",
                    str(len(these)),
                    mean_text([each.change.seconds for each in these]),
                    mean_text([each.visits for each in these]),
                    mean_text([each.failed for each in these]),
                    mean_text([each.slow for each in these]),
                    mean_text([each.disturbed for each in these]),
                ]
            )
    return rows


def touch_rows(found: Findings) -> list[list[str]]:
    """Which operations each process takes part in."""
    return [
        [
            f"{touch.component} · {arm}",
            f"{len(touch.touched)} of {len(touch.asked)}",
            f"{100 * len(touch.touched) / max(1, len(touch.asked)):.0f} %",
        ]
        for arm in found.arms
        for touch in found.touched(arm)
    ]


def touch_lines(found: Findings) -> list[str]:
    """The same by name, of those that do not take part in all."""
    return [
        f"{touch.component}: {', '.join(touch.touched).replace('_', ' ')}"
        for arm in found.arms
        for touch in found.touched(arm)
        if touch.touched != touch.asked
    ]


def spread_rows(found: Findings) -> list[list[str]]:
    """Two versions side by side: who answered how much, and what failed."""
    return [
        [
            f"{each.change.component} · {arm}",
            ", ".join(f"{name}: {count}" for name, count in each.change.spread.items()),
            str(each.failed),
            str(each.slow),
            "yes" if each.change.held else each.change.said,
        ]
        for arm in found.arms
        for each in found.of("side by side", arm)
    ]


def mean_text(values: Sequence[float | None]) -> str:
    """The mean of what is known, short; a dash for nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = fmean(known)
    whole = round(mean)
    return f"{whole:,}".replace("-", "−") if abs(mean - whole) < 0.005 else signed(mean)


def signed(value: float) -> str:
    """Three significant digits, at the most two decimals."""
    text = number(abs(value), 3 if abs(value) >= 1 else 2)
    return f"−{text}" if value < 0 else text


def with_interval(values: Sequence[float]) -> str:
    """The mean with its interval, where there is one."""
    found = interval_of(values)
    text = mean_text(values)
    return text if found is None else f"{text} {interval(found.low, found.high)}"


def plural(count: float, word: str) -> str:
    """`1 visit`, `2.5 visits`."""
    return f"{mean_text([count])} {word}" if count == 1 else f"{mean_text([count])} {word}s"
