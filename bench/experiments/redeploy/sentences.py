"""The verdicts on releases as a person would say them, for the first lines of a report."""

from __future__ import annotations

from collections.abc import Mapping

from bench.experiments.redeploy.records import EXPERIMENT
from bench.report.naming import interval, number
from bench.report.spoken import Maker, sure
from bench.results.verdict import Verdict

_WHAT = {"service": "one service", "gateway": "the gateway", "whole": "all five processes"}


def _compared(verdict: Verdict, parts: list[str]) -> str:
    """Visits or seconds of a release on either side."""
    what, other = _WHAT[parts[1]], verdict.denominator
    if "(" in verdict.numerator:  # `microservices (two gateways)`
        what = f"the {verdict.numerator.partition('(')[2].rstrip(')')}"
    if verdict.metric == "release_s":
        times = f"{number(verdict.estimate)} times as long {sure(verdict)}"
        return f"A release of {what} takes {times} as one of {other}."
    visits = verdict.estimate or 0.0
    word = "fewer" if visits < 0 else "more"
    low, high = sorted(abs(end or 0.0) for end in (verdict.low, verdict.high))
    return (
        f"A release of {what} under load disturbs {number(abs(visits))} visits {word} than one of "
        f"{other} {interval(low, high)}."
    )


def _lost(verdict: Verdict, parts: list[str]) -> str:
    """What a component loses when it is released, or that it loses nothing."""
    arm, component = parts[2], parts[3]
    where = arm if arm.startswith(component) else f"{component} of {arm}"
    lost = "no visit" if not verdict.estimate else f"{number(verdict.estimate)} visits"
    return f"A release of {where} fails {lost} ({verdict.note})."


MAKERS: Mapping[str, Maker] = {
    **{f"{EXPERIMENT}/{name}": _compared for name in _WHAT},
    f"{EXPERIMENT}/no-loss": _lost,
}
