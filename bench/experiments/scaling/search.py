"""A short search for the highest load that meets the objective, from a good guess. Pure.

Steps up while loads pass, or down while they fail, twice as far each time; then bisects until the
two ends are one step apart. From a guess within a step that is two probes. Not confirmed: a level
is searched in every block, and the interval over the blocks says how sure it is.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

from bench.experiments.capacity_search import Bracket, Step

_SLACK = 1.002  # rounding to four digits


@dataclass(frozen=True)
class Guess:
    """Where to begin, in requests a second; `step` is a factor above 1."""

    rps: float
    step: float
    max_probes: int
    max_rps: float
    min_rps: float = 1.0


ShortSearch = Generator[Step, bool | None, Bracket]


def short_search(guess: Guess) -> ShortSearch:
    """Yield loads to probe, be sent passed, failed or None (cannot be judged); return the ends."""
    low: float | None = None
    high: float | None = None
    rate, stride = _rounded(min(guess.rps, guess.max_rps)), guess.step
    for _ in range(guess.max_probes):
        passed = yield Step(rate, "double" if low is None or high is None else "bisect")
        if passed is None:
            return Bracket(low, high, confirmed=False, reason=f"{rate:g}/s: no valid trial")
        if passed:
            low = rate
        else:
            high = rate
        if low is not None and high is not None:
            if high <= low * guess.step * _SLACK:
                return Bracket(low, high, confirmed=True)
            rate = _rounded(math.sqrt(low * high))
            continue
        if passed and rate >= guess.max_rps:
            return Bracket(low, None, confirmed=False, reason="the generator's limit")
        rate = _rounded(min(rate * stride, guess.max_rps) if passed else rate / stride)
        stride *= stride
        if rate < guess.min_rps:
            return Bracket(None, high, confirmed=False, reason="no load passed")
    return Bracket(low, high, confirmed=False, reason=f"{guess.max_probes} probes")


def capacity_of(bracket: Bracket) -> float | None:
    """The geometric middle of the bracket; None where an end is open."""
    if bracket.low_rps is None or bracket.high_rps is None:
        return None
    return math.sqrt(bracket.low_rps * bracket.high_rps)


def _rounded(rate: float) -> float:
    """Four significant digits: what a trial's name can hold."""
    return float(f"{rate:.4g}")
