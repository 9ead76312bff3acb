"""Judges sets of planted effects: how often was what is there found, and what is not? Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.experiments.selftest.record import Outcome, judged
from bench.stats.arrays import Numbers
from bench.stats.paired import paired_ratio
from bench.stats.precision import half_width_target
from bench.stats.verdicts import decide

# Of 20 sets each; scaled where fewer reached the width or more were made.
FALSE_SHARE, FOUND_SHARE, COVERED_SHARE = 4 / 40, 18 / 20, 17 / 20
LEAST_TO_JUDGE = 10


@dataclass(frozen=True)
class Comparison:
    """A variant against the base. `step`: the effect planted, None for A/A."""

    what: str
    variant: str
    kind: str
    step: float | None


@dataclass(frozen=True)
class SetResult:
    """One comparison of one set. `narrow`: the interval reached the width the stop rule wants."""

    number: int
    what: str
    truth: float
    estimate: float
    low: float
    high: float
    n_blocks: int
    narrow: bool
    word: str

    @classmethod
    def of(
        cls, number: int, compared: Comparison, logs: Numbers, truth: Mapping[str, float]
    ) -> SetResult | None:
        """Judge a set by the rule for users' comparisons; None with fewer than two blocks."""
        if np.size(logs) < 2:
            return None
        ratio = paired_ratio(logs)
        claim = "different" if compared.step is None else "greater"
        word = decide(ratio, claim=claim, kind=compared.kind).word  # type: ignore[arg-type]
        return cls(
            number,
            compared.what,
            truth[compared.variant],
            ratio.estimate,
            ratio.low,
            ratio.high,
            ratio.n_blocks,
            ratio.half_width <= half_width_target(compared.kind),
            word,
        )

    @property
    def found(self) -> bool:
        """Called different, in the claimed direction."""
        return self.word == "supported"

    @property
    def covers(self) -> bool:
        """The truth lies within the interval."""
        return self.low <= self.truth <= self.high


def judge_sets(results: Sequence[SetResult], sets: int, profile: str) -> list[Outcome]:
    """The outcomes that the issue of trust stands on."""
    by = {what: [r for r in results if r.what == what] for what in {r.what for r in results}}
    pairs = [*by.get("A/A p50", []), *by.get("A/A CPU", [])]
    return [
        _false(pairs, profile),
        _all_found("+20 % response time", by.get("+20 % response time", []), sets, profile),
        *_narrow("+5 % response time", by.get("+5 % response time", []), sets, profile),
        *_narrow("+10 % CPU", by.get("+10 % CPU", []), sets, profile),
    ]


def _false(pairs: Sequence[SetResult], profile: str) -> Outcome:
    called = sum(result.found for result in pairs)
    limit = math.floor(FALSE_SHARE * len(pairs))
    undecided = sum(result.word == "inconclusive" for result in pairs)
    return Outcome(
        "A/A called different",
        f"{called} of {len(pairs)}",
        f"at most {limit} of {len(pairs)}",
        judged(called <= limit and bool(pairs), profile),
        f"no difference shown in {len(pairs) - called - undecided}, inconclusive in {undecided}",
    )


def _all_found(what: str, results: Sequence[SetResult], sets: int, profile: str) -> Outcome:
    found = sum(result.found for result in results)
    return Outcome(
        f"{what} found",
        f"{found} of {sets}",
        f"{sets} of {sets}",
        judged(found == sets, profile),
        f"truth in the interval in {sum(r.covers for r in results)}; truth ×{_truth(results)}",
    )


def _narrow(what: str, results: Sequence[SetResult], sets: int, profile: str) -> list[Outcome]:
    """Found and covered, of the sets that reached the width."""
    narrow = [result for result in results if result.narrow]
    reached = len(narrow)
    found, covered = sum(r.found for r in narrow), sum(r.covers for r in narrow)
    need_found, need_covered = math.ceil(FOUND_SHARE * reached), math.ceil(COVERED_SHARE * reached)
    note = f"{reached} of {sets} sets reached the width"
    if reached < LEAST_TO_JUDGE:
        note += f": fewer than {LEAST_TO_JUDGE} are too few to judge"
        profile = "smoke"
    return [
        Outcome(
            f"{what} found",
            f"{found} of {reached}",
            f"at least {need_found} of {reached}",
            judged(found >= need_found, profile),
            note,
        ),
        Outcome(
            f"{what}: its size within the interval",
            f"{covered} of {reached}",
            f"at least {need_covered} of {reached}",
            judged(covered >= need_covered, profile),
            f"truth ×{_truth(results)}",
        ),
    ]


def _truth(results: Sequence[SetResult]) -> str:
    return f"{results[0].truth:.4f}" if results else "–"
