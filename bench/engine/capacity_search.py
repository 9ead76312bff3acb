"""A search for the highest load that meets a service level, from a good guess. Pure.

Steps up while loads pass, or down while they fail, each time further, but never by more than a
factor of four: a load far below what is looked for sends too few requests to be judged. Then it
bisects until the two ends are one step apart. From a guess within a step that is two probes. One
search confirms nothing: it is repeated, and the interval over the repetitions says how sure the
middle is.
Neighbours: `capacity` and `scaling` run the probes.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

_SLACK = 1.002  # rounding to four digits
_MAX_STRIDE = 4.0


@dataclass(frozen=True)
class Guess:
    """Where to begin, in requests a second; `step` is a factor above 1."""

    rps: float
    step: float
    max_probes: int
    max_rps: float
    min_rps: float = 1.0


@dataclass(frozen=True)
class Bracket:
    """The highest load that passed and the lowest above it that failed, in requests a second.

    `closed`: both were found, one step apart. Otherwise `reason` says what was left open.
    """

    low_rps: float | None
    high_rps: float | None
    closed: bool
    reason: str = ""

    @property
    def middle_rps(self) -> float | None:
        """The geometric middle; None where an end is open."""
        if self.low_rps is None or self.high_rps is None:
            return None
        return math.sqrt(self.low_rps * self.high_rps)


Search = Generator[float, bool | None, Bracket]


def search(guess: Guess) -> Search:
    """Yield loads to probe, be sent passed, failed or None (cannot be judged); return the ends."""
    low: float | None = None
    high: float | None = None
    rate, stride = _rounded(min(guess.rps, guess.max_rps)), guess.step
    for _ in range(guess.max_probes):
        passed = yield rate
        if passed is None:
            return Bracket(low, high, closed=False, reason=f"{rate:g}/s: no valid trial")
        if passed:
            low = rate
        else:
            high = rate
        if low is not None and high is not None:
            if high <= low * guess.step * _SLACK:
                return Bracket(low, high, closed=True)
            rate = _rounded(math.sqrt(low * high))
            continue
        if passed and rate >= guess.max_rps:
            return Bracket(low, None, closed=False, reason="the generator's limit")
        rate = _rounded(min(rate * stride, guess.max_rps) if passed else rate / stride)
        stride = min(stride * stride, max(_MAX_STRIDE, guess.step))
        if rate < guess.min_rps:
            return Bracket(None, high, closed=False, reason="no load passed")
    return Bracket(low, high, closed=False, reason=f"{guess.max_probes} probes")


def _rounded(rate: float) -> float:
    """Four significant digits: what a trial's name can hold."""
    return float(f"{rate:.4g}")
