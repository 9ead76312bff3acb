"""The search for the highest load that meets a service level: which load to probe next. Pure.

Double (or halve) until one load passes and one fails, bisect to 5 %, confirm: the candidate must
pass again and 5 % above it must fail. A contradiction goes on as a linear search in steps of 5 %,
lazily as Theodolite does (Henning & Hasselbring 2022). Neighbour: `capacity` runs the probes.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["double", "bisect", "confirm", "step"]


@dataclass(frozen=True)
class Limits:
    """Bounds of a search, in requests a second; `resolution` relative, `max_probes` in all."""

    start_rps: float
    max_rps: float
    min_rps: float = 1.0
    resolution: float = 0.05
    max_probes: int = 16


@dataclass(frozen=True)
class Step:
    """The load to probe next. Send True (passed), False (failed) or None (cannot be judged)."""

    offered_rps: float
    phase: Phase


@dataclass(frozen=True)
class Bracket:
    """What a search found: the highest load that passed and the lowest above it that failed.

    `confirmed`: both were tried again. Otherwise `reason` says what was left open.
    """

    low_rps: float | None
    high_rps: float | None
    confirmed: bool
    reason: str = ""


Search = Generator[Step, bool | None, Bracket]
_Walk = Generator[Step, bool | None, None]
_Asking = Generator[Step, bool | None, bool]


class _Open(Exception):
    """The search ends without a confirmed bracket."""


@dataclass
class _State:
    limits: Limits
    probes: int = 0
    low: float | None = None
    high: float | None = None
    passed: list[float] = field(default_factory=list)

    def ask(self, rate: float, phase: Phase) -> _Asking:
        """Probe one load and move the bracket; a result that contradicts an end removes it."""
        if self.probes >= self.limits.max_probes:
            raise _Open(f"{self.limits.max_probes} probes did not settle it")
        self.probes += 1
        passed = yield Step(rate, phase)
        if passed is None:
            raise _Open(f"{rate:g} requests/s could not be judged: no valid trial")
        if passed:
            self.low = rate
            self.passed.append(rate)
            self.high = self.high if self.high is not None and self.high > rate else None
        else:
            self.high = rate
            self.low = self.low if self.low is not None and self.low < rate else None
            self.passed = [each for each in self.passed if each < rate]
        return passed


def search(limits: Limits) -> Search:
    """Search as a generator: it yields steps, is sent their outcomes and returns the bracket."""
    state = _State(limits)
    try:
        yield from _enclose(state)
        yield from _bisect(state)
        yield from _confirm(state)
    except _Open as end:
        low = max(state.passed, default=None)
        return Bracket(low, state.high, confirmed=False, reason=str(end))
    return Bracket(state.low, state.high, confirmed=True)


def _enclose(state: _State) -> _Walk:
    limits = state.limits
    rate = min(limits.start_rps, limits.max_rps)
    while state.low is None or state.high is None:
        passed = yield from state.ask(_rounded(rate), "double")
        if passed and state.high is None:
            _check_ceiling(state, rate)
            rate = min(rate * 2, limits.max_rps)
        elif not passed and state.low is None:
            rate = _check_bottom(state, rate / 2)


def _bisect(state: _State) -> _Walk:
    while state.low is not None and state.high is not None:
        if state.high <= state.low * (1 + state.limits.resolution) * 1.002:
            return
        yield from state.ask(_rounded(math.sqrt(state.low * state.high)), "bisect")


def _confirm(state: _State) -> _Walk:
    """Two passes of the candidate and a fresh failure 5 % above it, wherever that ends."""
    factor = 1 + state.limits.resolution
    tried_again: set[float] = set()  # failed since the bisection
    while state.low is not None:
        candidate = state.low
        if not (yield from state.ask(candidate, "confirm")):
            tried_again.add(candidate)
            rate = candidate
            while state.low is None:
                rate = _rounded(_check_bottom(state, rate / factor))
                if not (yield from state.ask(rate, "step")):
                    tried_again.add(rate)
            continue
        above = _rounded(candidate * factor)
        if state.high is not None and state.high in tried_again and state.high <= above * 1.002:
            return
        _check_ceiling(state, candidate)
        if not (yield from state.ask(above, "confirm")):
            return


def _check_ceiling(state: _State, rate: float) -> None:
    if rate >= state.limits.max_rps:
        raise _Open(f"{rate:g} requests/s passed: the generator's limit was reached first")


def _check_bottom(state: _State, rate: float) -> float:
    if rate < state.limits.min_rps:
        raise _Open(f"no load down to {state.limits.min_rps:g} requests/s passed")
    return rate


def _rounded(rate: float) -> float:
    """Four significant digits: what a trial's name can hold."""
    return float(f"{rate:.4g}")
