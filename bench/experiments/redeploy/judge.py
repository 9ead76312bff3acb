"""The verdicts on releases, by rules that see no result and stand in each verdict.

Repetitions pair the arms: both get the same visits. Visits are compared as a difference, since a
ratio of counts that may be 0 cannot be formed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.experiments.redeploy.counting import Counted
from bench.experiments.redeploy.findings import (
    Findings,
    disturbed_of,
    interval_of,
    seconds_of,
)
from bench.experiments.redeploy.records import (
    EXPERIMENT,
    GATEWAY,
    MICROSERVICES,
    MONOLITH,
    SERVICES,
    TWO,
    What,
)
from bench.report.section import Comparable
from bench.results.verdict import SMOKE_NOTE, Verdict, VerdictWord
from bench.stats.errors import StatisticsError
from bench.stats.paired import log_ratios, paired_ratio
from bench.stats.verdicts import decide

MIN_REPETITIONS = 6
MARGIN_VISITS = 1.0
KIND = "p95"  # its threshold of 10 %
STRICT = ("check-", "touched")  # topics of what must succeed in every try
MIN_TRIES = 2  # a failure is repeatable from the second on
VISITS_RULE = (
    "visits disturbed (failed or slow, less what the quiet window lets expect), services minus "
    f"monolith, paired by repetition, t interval at 95 %; claim: less; decided from "
    f"{MIN_REPETITIONS} repetitions on, if the interval excludes 0 and the difference is at least "
    f"{MARGIN_VISITS:g} visit; no difference shown if it lies within ±{MARGIN_VISITS:g}"
)
SECONDS_RULE = (
    "seconds from the order until only the new release serves, services over monolith, paired by "
    f"repetition, t interval at 95 %; claim: less; threshold 10 %, at least {MIN_REPETITIONS} "
    "repetitions"
)
TRIED_RULE = (
    "tried in every repetition: supported if every try succeeds, refuted if at least two fail, "
    "open if one does; what is planted, and the operations touched, must succeed in every try"
)


@dataclass(frozen=True)
class _Pair:
    """A comparison: what is released on either side, by repetition."""

    name: str
    top: str
    base: str
    question: str
    values: Mapping[int, float]
    base_values: Mapping[int, float]

    @property
    def blocks(self) -> list[int]:
        """Repetitions that both sides have."""
        return sorted(self.values.keys() & self.base_values.keys())

    @property
    def differences(self) -> list[float]:
        """Top minus base of each of them."""
        return [self.values[b] - self.base_values[b] for b in self.blocks]

    @property
    def logs(self) -> list[float]:
        """Log of top over base of each of them. Raises StatisticsError if one is not positive."""
        tops = [self.values[b] for b in self.blocks]
        return list(log_ratios(tops, [self.base_values[b] for b in self.blocks]))

    @property
    def visits_id(self) -> str:
        """Of the verdict on visits."""
        return f"{EXPERIMENT}/{self.name}/{self.top}:{self.base}/disturbed_in_visits"

    @property
    def seconds_id(self) -> str:
        """Of the verdict on seconds."""
        return f"{EXPERIMENT}/{self.name}/{self.top}:{self.base}/release_s"


def verdicts_of(found: Findings) -> list[Verdict]:
    """All verdicts of the experiment; in `smoke` they claim nothing."""
    made = [_difference(pair) for pair in _visit_pairs(found)]
    made += [_ratio(pair) for pair in _second_pairs(found)]
    made += [*_whole(found), *_losses(found), *_bad(found), *_migrations(found), *_checks(found)]
    if not found.smoke:
        return made
    return [replace(each, verdict="inconclusive", note=SMOKE_NOTE) for each in made]


def comparables(found: Findings) -> tuple[Comparable, ...]:
    """What two runs can be held against each other by: visits disturbed, and seconds."""
    visits = [
        Comparable(
            pair.visits_id, f"{pair.question} Difference", pair.visits_id, tuple(pair.differences),
            unit="visits", margin=MARGIN_VISITS, least=MIN_REPETITIONS,
        )
        for pair in _visit_pairs(found)
    ]  # fmt: skip
    seconds = [
        Comparable(
            pair.seconds_id, f"{pair.question} Ratio", pair.seconds_id, tuple(pair.logs),
            KIND, least=MIN_REPETITIONS,
        )
        for pair in _second_pairs(found)
    ]  # fmt: skip
    return (*visits, *seconds)


def _visit_pairs(found: Findings) -> list[_Pair]:
    """Visits disturbed on either side, of what enough repetitions have."""
    service = found.by_repetition(MICROSERVICES, SERVICES, disturbed_of)
    gateway = found.by_repetition(MICROSERVICES, (GATEWAY,), disturbed_of)
    single = found.by_repetition(MONOLITH, (MONOLITH,), disturbed_of)
    two = found.by_repetition(TWO[MONOLITH], (MONOLITH,), disturbed_of)
    gateways = found.by_repetition(TWO[MICROSERVICES], (GATEWAY,), disturbed_of)
    whole = found.whole_shop(MICROSERVICES, disturbed_of)
    one = "Does a release of one service disturb fewer visits than one of the monolith"
    pairs = (
        _Pair("service", MICROSERVICES, MONOLITH, f"{one}?", service, single),
        _Pair("service", MICROSERVICES, TWO[MONOLITH], f"{one} with two replicas?", service, two),
        _Pair(
            "gateway", MICROSERVICES, MONOLITH,
            "Does a release of the gateway disturb fewer visits than one of the monolith?",
            gateway, single,
        ),
        _Pair(
            "gateway", TWO[MICROSERVICES], TWO[MONOLITH],
            "With two endpoints each: does a release of the gateways disturb fewer visits than one "
            "of the monolith?", gateways, two,
        ),
        _Pair(
            "whole", MICROSERVICES, MONOLITH,
            "Does a release of all five processes, one after the other, disturb fewer visits than "
            "one of the monolith?", whole, single,
        ),
    )  # fmt: skip
    return [pair for pair in pairs if len(pair.blocks) >= found.least_pairs]


def _difference(pair: _Pair) -> Verdict:
    values = pair.differences
    blank = Verdict(
        id=pair.visits_id,
        question=pair.question,
        metric="disturbed_in_visits",
        numerator=pair.top,
        denominator=pair.base,
        operation="all",
        estimate=sum(values) / len(values),
        low=None,
        high=None,
        level=0.95,
        n_blocks=len(values),
        verdict="inconclusive",
        rule=VISITS_RULE,
        note=f"{len(values)} repetitions, {MIN_REPETITIONS} are needed",
    )
    interval = interval_of(values)
    if interval is None:
        return blank
    blank = replace(blank, low=interval.low, high=interval.high)
    if len(values) < MIN_REPETITIONS:
        return blank
    word, note = decide_visits(interval.mean, interval.low, interval.high)
    return replace(blank, verdict=word, note=note)


def decide_visits(mean: float, low: float, high: float) -> tuple[VerdictWord, str]:
    """The word on 'fewer visits' from a difference and its interval, and why."""
    if -MARGIN_VISITS <= low and high <= MARGIN_VISITS:
        return "no difference shown", f"whole interval within {MARGIN_VISITS:g} visit"
    if low <= 0.0 <= high:
        return "inconclusive", "the interval holds 0"
    if abs(mean) < MARGIN_VISITS:
        return "inconclusive", f"less than {MARGIN_VISITS:g} visit"
    return ("supported", "fewer") if mean < 0 else ("refuted", "the opposite: more")


def _second_pairs(found: Findings) -> list[_Pair]:
    """Seconds that a release takes on either side, of what enough repetitions have."""
    pairs = []
    single = found.by_repetition(MONOLITH, (MONOLITH,), seconds_of)
    for name, what, values in (
        ("service", "one service", found.by_repetition(MICROSERVICES, SERVICES, seconds_of)),
        ("gateway", "the gateway", found.by_repetition(MICROSERVICES, (GATEWAY,), seconds_of)),
        ("whole", "all five processes", found.whole_shop(MICROSERVICES, seconds_of)),
    ):
        question = f"Is a release of {what} done sooner than one of the monolith?"
        pairs.append(_Pair(name, MICROSERVICES, MONOLITH, question, values, single))
    return [pair for pair in pairs if len(pair.blocks) >= found.least_pairs]


def _ratio(pair: _Pair) -> Verdict:
    n = len(pair.blocks)
    word: VerdictWord = "inconclusive"
    note, ratio = f"{n} repetitions, {MIN_REPETITIONS} are needed", None
    try:
        ratio = paired_ratio(pair.logs)
        decision = decide(ratio, claim="less", kind=KIND, min_blocks=MIN_REPETITIONS,
                          unit="repetitions")  # fmt: skip
        word, note = decision.word, decision.reason
    except StatisticsError as exc:
        note = note if n < MIN_REPETITIONS else str(exc)
    return Verdict(
        id=pair.seconds_id,
        question=pair.question,
        metric="release_s",
        numerator=pair.top,
        denominator=pair.base,
        operation="all",
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=0.95,
        n_blocks=n,
        verdict=word,
        rule=SECONDS_RULE,
        note=note,
    )


def _whole(found: Findings) -> Iterator[Verdict]:
    """The monolith's process takes part in everything; the note says what a service's does."""
    mine = found.touched(MONOLITH)
    if not mine:
        return
    (touch,) = mine
    parts = [f"{each.component} {len(each.touched)}" for each in found.touched(MICROSERVICES)]
    asked = len(touch.asked)
    share = 100.0 * len(touch.touched) / max(1, asked)
    note = f"{len(touch.touched)} of {asked} operations; in the services: {', '.join(parts)}"
    question = "Does the process that a release of the monolith replaces take part in everything?"
    yield _tried(
        ("touched", MONOLITH, "touched_in_percent"), question, [len(touch.touched) == asked],
        share, note if parts else note.partition(";")[0],
    )  # fmt: skip


def _losses(found: Findings) -> Iterator[Verdict]:
    for arm in found.arms:
        for component in (MONOLITH, *SERVICES, GATEWAY):
            own = [each for each in found.of("release", arm, component) if each.valid]
            if own:
                good = [each.failed == 0 for each in own]
                yield _tried(
                    ("no-loss", f"{arm}/{component}", "failed_in_visits"),
                    f"{arm}: does no visit fail while {component} is released?",
                    good,
                    sum(each.failed for each in own) / len(own),
                    f"{sum(good)} of {len(good)} releases without a failed visit",
                )


def _bad(found: Findings) -> Iterator[Verdict]:
    for arm in found.arms:
        own = [each for each in found.of("never ready", arm) if each.valid]
        if own:
            good = [each.change.held and each.failed == 0 for each in own]
            wrong = [each.change.said for each in own if not each.change.held]
            yield _tried(
                ("bad-release", arm, "failed_in_visits"),
                f"{arm}: does a release that never gets ready never serve, and cost no visit?",
                good,
                sum(each.failed for each in own) / len(own),
                "; ".join([f"{sum(good)} of {len(good)} refused without a failed visit", *wrong]),
            )


def _migrations(found: Findings) -> Iterator[Verdict]:
    for arm in found.arms:
        own = [each for each in found.of("migration", arm) if each.valid]
        by_block: dict[int, list[Counted]] = {}
        for each in own:
            by_block.setdefault(each.change.repetition, []).append(each)
        if by_block:
            good = [
                all(each.change.held and each.failed == 0 for each in steps)
                for steps in by_block.values()
            ]
            wrong = [each.change.said for each in own if not each.change.held]
            told = f"{sum(good)} of {len(good)} migrations without a failed visit"
            yield _tried(
                ("migration", arm, "failed_in_visits"),
                f"{arm}: does a migration by expand and contract fail no visit?",
                good,
                sum(each.failed for each in own) / len(good),
                "; ".join([told, *wrong]),
            )


def _checks(found: Findings) -> Iterator[Verdict]:
    """What was planted must be seen, or all that was not seen means nothing."""
    asked: tuple[tuple[What, str], ...] = (
        ("no drain", "a release without drain"),
        ("lock", "a table locked for a second"),
    )
    for arm in found.arms:
        for what, words in asked:
            own = [each for each in found.of(what, arm) if each.valid]
            if own:
                seen = [each.disturbed >= MARGIN_VISITS for each in own]
                yield _tried(
                    (f"check-{what.replace(' ', '-')}", arm, "disturbed_in_visits"),
                    f"{arm}: is {words}, planted, seen?",
                    seen,
                    sum(each.disturbed for each in own) / len(own),
                    f"{sum(seen)} of {len(seen)} seen",
                )


def _tried(
    name: tuple[str, str, str], question: str, good: Sequence[bool], estimate: float, note: str
) -> Verdict:
    """A verdict on what was tried. `name`: the parts of its id."""
    bad = len(good) - sum(good)
    word: VerdictWord = "supported" if not bad else "inconclusive"
    topic, arm, metric = name
    if bad >= (1 if topic.startswith(STRICT) else MIN_TRIES):
        word = "refuted"
    return Verdict(
        id=f"{EXPERIMENT}/{topic}/{arm}/{metric}",
        question=question,
        metric=metric,
        numerator=arm.partition("/")[0],
        denominator="control",
        operation="all",
        estimate=estimate,
        low=None,
        high=None,
        level=0.95,
        n_blocks=len(good),
        verdict=word,
        rule=TRIED_RULE,
        note=note,
    )
