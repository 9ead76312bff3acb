"""Judges recorded starts with planted effects: sets of six, as users make them. Pure.

A set draws six starts without replacement from the pool. In each set an effect must be found (the
word 'supported') and its true size must lie inside the 95 % interval; the base against itself must
not be called different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import exp, log
from typing import Any

import numpy as np

from bench.experiments.selftest.effects import effects_table
from bench.experiments.selftest.planting import AGAIN, DEARER, LARGER, OPERATIONS, SLOWER
from bench.experiments.selftest.record import Outcome, judged
from bench.results.paired.judge import role_words
from bench.results.paired.rounds import METRICS, Metric
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.rounds import MIN_STARTS, enough
from bench.stats.verdicts import decide

SETS, FOUND_SETS, COVERED_SHARE = 20, 19, 0.9
WRONG_SHARE = 0.05  # of A/A calls
POOL = 30  # starts: a smaller pool shows what it found and is not judged
COVERAGE, SIMULATED, MOST_STARTS = 0.92, 40, 12
KIND = {"time": "p50", "cpu": "cpu"}  # of the thresholds in `stats.verdicts`
WORDS = {AGAIN: "A/A", SLOWER: "more time", DEARER: "more CPU", LARGER: "a working set of 8 MB"}


@dataclass
class Comparison:
    """A member against the base in one operation and metric; lists by start.

    `truths`: log-ratio that the work stated by the services makes.
    """

    member: str
    operation: str
    metric: Metric
    logs: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)

    @classmethod
    def all(cls) -> list[Comparison]:
        """Every comparison that is judged, without starts."""
        kinds: list[tuple[str, Metric]] = [(AGAIN, metric) for metric in METRICS]
        kinds += [(SLOWER, "time"), (DEARER, "cpu"), (LARGER, "time")]
        return [cls(member, name, metric) for member, metric in kinds for name in OPERATIONS]

    @property
    def what(self) -> str:
        """`more time: an order`."""
        unit = "time" if self.metric == "time" else "CPU"
        aside = f", {unit}" if self.member == AGAIN else ""
        return f"{WORDS[self.member]}{aside}: {role_words(self.operation)}"

    def add(self, log_ratio: float, value: float, stated: float) -> None:
        """Take in a start: the member's `value` and what of it is `stated` to be extra, in ms."""
        self.logs.append(log_ratio)
        share = min(0.99, stated / value) if value > 0 else 0.0
        self.truths.append(-log(1.0 - share))


@dataclass(frozen=True)
class SetResult:
    """What one set of starts said. Ratios."""

    number: int
    what: str
    member: str
    estimate: float
    low: float
    high: float
    truth: float
    word: str

    @property
    def found(self) -> bool:
        """Whether it was called different."""
        return self.word == "supported"

    @property
    def covered(self) -> bool:
        """Whether the truth lies inside. Beside touching it a working set costs what it drives
        out of the caches, so that what is stated is the least it may be.
        """
        if self.member == LARGER:
            return self.truth <= self.high
        return self.low <= self.truth <= self.high


def judge(
    found: Sequence[Comparison], profile: str, seed: int, start_s: float
) -> tuple[list[Outcome], dict[str, Any]]:
    """Return what has been shown, and the details that a report draws."""
    known = [each for each in found if len(each.logs) >= MIN_STARTS]
    sets = [result for each in known for result in sets_of(each, seed)]
    starts = min((len(each.logs) for each in found), default=0)
    pool = starts >= POOL
    outcomes = [_no_wrong_calls(sets, profile, pool)]
    for member in (SLOWER, DEARER, LARGER):
        shown = [each for each in known if each.member == member]
        if shown:
            outcomes.append(_effect(shown, sets, profile, pool))
    again = [each for each in known if each.member == AGAIN]
    outcomes.append(_coverage(known, profile, pool, seed))
    details = {
        "starts": starts,
        "start_s": start_s,
        "comparisons": [{**asdict(each), "what": each.what} for each in found],
        "sets": [{**asdict(result), "covered": result.covered} for result in sets],
        "effects": effects_table({each.what: each.logs for each in again}, start_s),
    }
    return outcomes, details


def sets_of(comparison: Comparison, seed: int) -> list[SetResult]:
    """Draw the sets of one comparison and judge each as a run would."""
    logs, truths = np.array(comparison.logs), np.array(comparison.truths)
    results = []
    for number in range(SETS):
        rng = np.random.default_rng([seed, number])
        drawn = rng.choice(logs.size, MIN_STARTS, replace=False)
        ratio = paired_ratio(logs[drawn])
        word = _word(ratio, comparison.metric)
        truth = exp(float(truths[drawn].mean()))
        results.append(
            SetResult(
                number + 1,
                comparison.what,
                comparison.member,
                ratio.estimate,
                ratio.low,
                ratio.high,
                truth,
                word,
            )
        )
    return results


def stop_rule_coverage(logs: Sequence[float], seed: int, kind: str) -> tuple[int, float]:
    """Simulate runs that draw starts from the pool until the stop rule says 'enough'.

    Returns in how many of 40 the interval holds the pool's mean, and the mean number of starts.
    """
    pool, rng = np.array(logs), np.random.default_rng(seed)
    covered, made = 0, 0
    for _ in range(SIMULATED):
        drawn = rng.choice(pool, MOST_STARTS)
        count = next(
            (n for n in range(MIN_STARTS, MOST_STARTS) if enough(drawn[:n], level=0.95, kind=kind)),
            MOST_STARTS,
        )
        ratio = paired_ratio(drawn[:count])
        covered += log(ratio.low) <= pool.mean() <= log(ratio.high)
        made += count
    return covered, made / SIMULATED


def _word(ratio: PairedRatio, metric: Metric) -> str:
    decision = decide(
        ratio, claim="different", kind=KIND[metric], min_blocks=MIN_STARTS, unit="starts"
    )
    return decision.word


def _no_wrong_calls(sets: Sequence[SetResult], profile: str, pool: bool) -> Outcome:
    calls = [result for result in sets if result.member == AGAIN]
    wrong = sum(result.found for result in calls)
    return Outcome(
        "the same code against itself called different",
        f"{wrong} of {len(calls)} calls",
        f"at most {WRONG_SHARE:.0%}",
        judged(bool(calls) and wrong <= WRONG_SHARE * len(calls), profile, pool),
        "microservices twice in every start; time and CPU of three operations, 20 sets of 6 starts",
    )


def _effect(
    shown: Sequence[Comparison], sets: Sequence[SetResult], profile: str, pool: bool
) -> Outcome:
    """One effect over its operations: each is found, and the sizes of all are right.

    Sizes together: of twenty right intervals at 95 %, one in thirteen times three miss.
    """
    mine = {each.what: [s for s in sets if s.what == each.what] for each in shown}
    found = [sum(result.found for result in results) for results in mine.values()]
    covered = sum(result.covered for results in mine.values() for result in results)
    total, member = SETS * len(mine), shown[0].member
    least = "at least " if member == LARGER else ""
    notes = [
        f"{role_words(each.operation)}: planted {least}×{exp(np.mean(each.truths)):.3f}, measured "
        f"×{exp(np.mean(each.logs)):.3f}"
        for each in shown
    ]
    return Outcome(
        WORDS[member],
        f"found in {', '.join(map(str, found))} of {SETS}; size right in {covered} of {total}",
        f"found in {FOUND_SETS} of {SETS} for each operation; size right in {COVERED_SHARE:.0%}",
        judged(min(found) >= FOUND_SETS and covered >= COVERED_SHARE * total, profile, pool),
        f"{'; '.join(notes)}; {len(shown[0].logs)} starts",
    )


def _coverage(known: Iterable[Comparison], profile: str, pool: bool, seed: int) -> Outcome:
    results = [stop_rule_coverage(each.logs, seed, KIND[each.metric]) for each in known]
    runs = SIMULATED * len(results)
    covered = sum(count for count, _ in results) / runs if runs else 0.0
    starts = float(np.mean([made for _, made in results])) if results else 0.0
    return Outcome(
        "interval after the stop rule holds the pool's mean",
        f"{covered:.1%} of {runs:,} simulated runs",
        f"at least {COVERAGE:.0%}",
        judged(covered >= COVERAGE, profile, pool),
        f"recorded starts drawn again until they were enough, {starts:.1f} on average",
    )
