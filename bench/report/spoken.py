"""Decided verdicts of single experiments as a person would say them, for the first lines.

Neighbours: `headline` places them; what has no sentence here is said as its question and word.
"""

from collections.abc import Callable

from bench.journal import Verdict
from bench.report.fields import verdict_line
from bench.report.naming import interval, number, words

_DECIDED = ("supported", "refuted")


def is_worth_saying(verdict: Verdict) -> bool:
    """Return whether a verdict belongs in the first lines: decided, or of data and nothing lost."""
    return verdict.verdict in _DECIDED or _nothing_lost(verdict)


def spoken(verdict: Verdict) -> str:
    """Return a verdict in words with its estimate and interval."""
    parts = verdict.id.split("/")
    if parts[:2] == ["consistency", "after"] and is_worth_saying(verdict):
        return _data(verdict)
    if verdict.estimate is None or verdict.verdict not in _DECIDED:
        return verdict_line(verdict)
    maker = _MAKERS.get("/".join(parts[:2])) or _MAKERS.get(parts[0])
    return maker(verdict, parts) if maker else verdict_line(verdict)


def _nothing_lost(verdict: Verdict) -> bool:
    return verdict.id.startswith("consistency/after/") and verdict.note.startswith("I1-I11 valid")


def _data(verdict: Verdict) -> str:
    what = "Nothing was" if _nothing_lost(verdict) else "Data was"
    return f"{what} lost or left wrong in {verdict.numerator} ({verdict.note})."


def _sure(verdict: Verdict) -> str:
    return interval(verdict.low, verdict.high) if verdict.low is not None else ""


def _saturation(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"At saturation {verdict.numerator} serves {number(verdict.estimate)} times as much of the "
        f"{words(parts[1])} load as {verdict.denominator} {_sure(verdict)}."
    )


def _capacity(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"The highest {words(parts[1])} load that meets the service level is "
        f"{number(verdict.estimate)} times as high in {verdict.numerator} as in "
        f"{verdict.denominator} {_sure(verdict)}."
    )


def _impact(verdict: Verdict, parts: list[str]) -> str:
    points = verdict.estimate or 0.0
    side = "more" if points > 0 else "fewer"
    return (
        f"When one component fails, microservices serves {number(abs(points))} points {side} of "
        f"the visits in time than monolith {_sure(verdict)}, {verdict.n_blocks} repetitions."
    )


def _isolation(verdict: Verdict, parts: list[str]) -> str:
    return (
        f"When one component of {parts[2]} fails, journeys that do not need it lose "
        f"{number(verdict.estimate)} points {_sure(verdict)}."
    )


def _during(verdict: Verdict, parts: list[str]) -> str:
    counts = verdict.note.partition(";")[0]
    return f"Orders seen half done for a while under kills and faults: {counts}."


_MAKERS: dict[str, Callable[[Verdict, list[str]], str]] = {
    "capacity:saturation": _saturation,
    "capacity": _capacity,
    "failure/impact": _impact,
    "failure/isolation": _isolation,
    "consistency/during": _during,
}
