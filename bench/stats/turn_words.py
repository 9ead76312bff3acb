"""What turns have shown, in words that a person would say. Pure; numbers come from `turns`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from bench.stats.rounds import HALF_WIDTH
from bench.stats.turns import (
    DIVERGED_LIMIT,
    MOST_NAMES,
    OTHERS,
    NameRatio,
    NameVerdict,
    Start,
    diverged_share,
    judged,
    name_ratios,
    shown_names,
)

_SHOWN_MEANWHILE = 4
_SHOWN_RARE = 5
UNITS = {False: "one start of yours", True: "your starts"}  # by whether starts are the unit
OPEN = "open loop"
CLIENT_SHARE = 0.1  # of the faster side's median: above, the client's own time is told


@dataclass(frozen=True)
class Telling:
    """Whom it is about, the baseline first. `client_ms`: the client's own time of a request."""

    first: str
    second: str
    unit: str
    client_ms: float = 0.0


def interim(second: str, start: Start) -> str:
    """One line while it is measured: the most frequent names and how well they are known."""
    found = name_ratios([start], by_start=False)
    parts = [
        f"{each.name} ×{each.ratio.estimate:.3f} ± {each.ratio.half_width:.1%}"
        for each in found[:_SHOWN_MEANWHILE]
        if each.ratio is not None
    ]
    more = f", {len(found) - _SHOWN_MEANWHILE} more" if len(found) > _SHOWN_MEANWHILE else ""
    return f"{second}: {', '.join(parts)}{more}" if parts else f"{second}: {start.visits} visits"


def verdict_lines(telling: Telling, starts: Sequence[Start], *, by_start: bool) -> list[str]:
    """What is said at the end, a line a name, then what was left out."""
    return [*sentences(telling, judged(starts, by_start=by_start)), *left_out(starts)]


def sentences(telling: Telling, found: Sequence[NameVerdict]) -> list[str]:
    """One sentence a name, and one for all names that were asked for too seldom."""
    rare = [each.found for each in found if _is_rare(each)]
    told = [sentence(telling, each) for each in found if not _is_rare(each)]
    if rare:
        listed = ", ".join(f"`{each.name}` ({each.requests})" for each in rare[:_SHOWN_RARE])
        more = f" and {len(rare) - _SHOWN_RARE} more names" if len(rare) > _SHOWN_RARE else ""
        told.append(f"too few requests for an interval: {listed}{more}")
    return told


def _is_rare(verdict: NameVerdict) -> bool:
    found = verdict.found
    return found.ratio is None and not found.failing and verdict.decision.word != "invalid"


def sentence(telling: Telling, verdict: NameVerdict) -> str:
    """One name's result: 'b answers `first` 5.1 % slower than a (…)'."""
    found, word, ratio = verdict.found, verdict.decision.word, verdict.found.ratio
    first, second = telling.first, telling.second
    what = f"`{found.name}`" if found.name != OTHERS else f"the other {found.members} names"
    if found.failing:
        return _wrong(first, second, what, found)
    if word == "invalid" or ratio is None:
        return f"{what}: nothing is said of {second} and {first}: {verdict.decision.reason}"
    times = f"{_ms(found.median_ms[1])} against {_ms(found.median_ms[0])}"
    known = f"×{ratio.estimate:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], {telling.unit}"
    without = without_client(found, telling.client_ms)
    if without is not None:
        known += f"; without the client's own {_ms(telling.client_ms)} ×{without:.3f}"
    if word == "supported":
        return f"{second} answers {what} {_size(ratio.estimate, first)} ({times}; {known})"
    if word == "no difference shown":
        return f"{second} and {first} answer {what} alike, within 3 % ({times}; {known})"
    wide = ", not narrow enough" if ratio.half_width > HALF_WIDTH else ""
    return f"{what}: undecided{wide} ({known}; {verdict.decision.reason})"


def without_client(found: NameRatio, client_ms: float) -> float | None:
    """The ratio less the client's own time in both; None where that is small.

    Small: at most a tenth of the faster side's median.
    """
    first_ms = found.median_ms[0]
    if found.ratio is None or not first_ms > 0:
        return None
    second_ms = first_ms * found.ratio.estimate
    faster = min(first_ms, second_ms)
    if client_ms <= CLIENT_SHARE * faster or client_ms >= faster:
        return None
    return (second_ms - client_ms) / (first_ms - client_ms)


def left_out(starts: Sequence[Start]) -> list[str]:
    """What of the visits does not count, a line each; nothing where all do."""
    visits = sum(start.visits for start in starts)
    diverged = sum(start.diverged for start in starts)
    silent = sum(start.silent for start in starts)
    short = sum(start.cut_short for start in starts)
    lines = []
    if diverged:
        example = next(start.example for start in starts if start.example)
        share = diverged_share(starts)
        told = f"{diverged} of {visits} visits went differently on the two and are left out"
        over = f"; above {DIVERGED_LIMIT:.0%} nothing is judged" if share > DIVERGED_LIMIT else ""
        lines.append(f"{told} ({example}){over}")
    if silent:
        lines.append(f"{silent} of {visits} visits made no request")
    if short:
        lines.append(f"{short} of {visits} visits count up to an answer that was wrong on one side")
    elsewhere = sum(start.elsewhere for start in starts)
    if elsewhere:
        lines.append(f"{elsewhere} requests to other hosts are left out of the comparison")
    rest = len(shown_names(starts).get(OTHERS, ()))
    if rest:
        lines.append(
            f"{MOST_NAMES + rest} names: the {MOST_NAMES} most frequent stand by themselves; "
            "name= in the locustfile puts like requests together"
        )
    return lines


def _wrong(first: str, second: str, what: str, found: NameRatio) -> str:
    parts = [
        f"{name} answered {wrong} of {found.requests} {what} wrongly"
        for name, wrong in ((first, found.first_wrong), (second, found.second_wrong))
        if wrong
    ]
    return f"{' and '.join(parts)} ({found.example}): no time is compared"


def _size(estimate: float, first: str) -> str:
    """'5.1 % slower than a', '3.20 times as slowly as a': from a ratio of times."""
    slower = estimate > 1
    factor = estimate if slower else 1 / estimate
    if log(factor) > log(1.5):
        return f"{factor:.2f} times as {'slowly' if slower else 'fast'} as {first}"
    share = estimate - 1 if slower else 1 - estimate
    return f"{100 * share:.1f} % {'slower' if slower else 'faster'} than {first}"


def _ms(value: float) -> str:
    return f"{value:.3g} ms"
