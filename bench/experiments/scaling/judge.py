"""The verdicts on scaling, by rules that see no result.

Blocks pair the arms: each has a capacity of every level of both. A ratio is one block's value of
the services over the same block's of the monolith, so n is the number of blocks that have both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.experiments.scaling.findings import SCALING, Climb
from bench.report.naming import words
from bench.report.section import Comparable
from bench.results.dataset import RunData
from bench.results.journal import Verdict, VerdictWord
from bench.results.verdict import SMOKE_NOTE
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, log_ratios, paired_ratio
from bench.stats.verdicts import decide

WHOLE, PARTS = "monolith", "microservices"
MIN_BLOCKS = 3
KIND = "p95"  # its threshold of 10 %: the objective is one on the p95
KEPT_SHARE = 0.8  # of what the first copy gives, that each further one must give

Value = Callable[[Climb, int], float | None]


@dataclass(frozen=True)
class Question:
    """A ratio of the arms: how a block's value is read, and what is asked."""

    name: str
    text: str
    value: Value


QUESTIONS = (
    Question(
        "added_core",
        "Does a core added to the bottleneck alone carry more load than one added to the whole?",
        lambda climb, block: climb.slope(block, "cores"),
    ),
    Question(
        "added_gib",
        "Does memory added to the bottleneck alone carry more load than memory added to the whole?",
        lambda climb, block: climb.slope(block, "serving_gib"),
    ),
    Question(
        "per_core",
        "Does a core carry more load in the services than in the monolith, each at its largest?",
        lambda climb, block: climb.efficiency(-1, block, "cores"),
    ),
    Question(
        "per_gib",
        "Does a GiB carry more load in the services than in the monolith, each at its largest?",
        lambda climb, block: climb.efficiency(-1, block, "gib"),
    ),
)
RULE = (
    "services over monolith, paired by block, t interval at Holm's level over all these ratios; "
    f"threshold 10 %; at least {MIN_BLOCKS} blocks. 'Added': the slope of the capacity over all "
    "levels; a block whose slope is not positive has no ratio, and leaves the question inconclusive"
)
WHOLE_RULE = (
    "requests/s for each core added, over those of each core at the smallest level; t interval "
    f"at 95 % over blocks; supported: wholly above {KEPT_SHARE:g}, refuted: wholly below; at least "
    f"{MIN_BLOCKS} blocks"
)
PARTS_RULE = (
    "capacity at the largest level over that at the smallest, paired by block, t interval at 95 %; "
    f"claim: greater, threshold 10 %; at least {MIN_BLOCKS} blocks"
)


@dataclass(frozen=True)
class Pair:
    """Both arms under one mix."""

    mix: str
    whole: Climb
    parts: Climb

    def logs(self, value: Value) -> list[float]:
        """Log-ratios of the blocks in which both arms have a positive value."""
        pairs = [(value(self.parts, block), value(self.whole, block)) for block in self.blocks]
        good = [(a, b) for a, b in pairs if a is not None and b is not None and a > 0 and b > 0]
        return list(log_ratios([a for a, _ in good], [b for _, b in good])) if good else []

    def lost(self, value: Value) -> int:
        """Blocks in which an arm has no value."""
        return sum(
            value(self.parts, block) is None or value(self.whole, block) is None
            for block in self.blocks
        )

    def barren(self, value: Value) -> int:
        """Blocks in which what was added to an arm carried nothing: they have no ratio."""
        return len(self.blocks) - len(self.logs(value)) - self.lost(value)

    @property
    def blocks(self) -> list[int]:
        return sorted({*self.whole.blocks, *self.parts.blocks})


def pairs_of(climbs: Sequence[Climb]) -> list[Pair]:
    """The mixes in which both arms were measured."""
    by_key = {(climb.mix, climb.deployment): climb for climb in climbs}
    return [
        Pair(mix, by_key[mix, WHOLE], by_key[mix, PARTS])
        for mix in dict.fromkeys(climb.mix for climb in climbs)
        if (mix, WHOLE) in by_key and (mix, PARTS) in by_key
    ]


def comparables(climbs: Sequence[Climb]) -> tuple[Comparable, ...]:
    """What two runs can be held against each other by: every question, and every level."""
    found = []
    for pair in pairs_of(climbs):
        what = f"{PARTS} : {WHOLE}, {words(pair.mix)} load"
        for question in QUESTIONS:
            found.append(
                _comparable(
                    f"{pair.mix}/{PARTS}:{WHOLE}/{question.name}",
                    f"{what}, {question.name.replace('_', ' ')}",
                    pair.logs(question.value),
                )
            )
        for level in range(min(len(pair.whole.steps), len(pair.parts.steps))):
            name = f"{pair.mix}/{PARTS}:{WHOLE}/level-{level + 1}"
            label = f"{what}, capacity at level {level + 1}"
            found.append(_comparable(name, label, pair.logs(partial(_capacity, level))))
    for climb in climbs:
        metric, logs_of = ("whole", kept_logs) if climb.whole else ("per_service", growth_logs)
        what = "share kept by added cores" if climb.whole else "capacity, largest : smallest"
        name = f"{climb.mix}/{climb.deployment}/{metric}"
        label = f"{climb.deployment}, {words(climb.mix)} load, {what}"
        found.append(_comparable(name, label, logs_of(climb)))
    return tuple(found)


def _capacity(level: int, climb: Climb, block: int) -> float | None:
    return climb.steps[level].by_block.get(block)


def _comparable(name: str, label: str, logs: Sequence[float]) -> Comparable:
    whole = f"{SCALING}/{name}"
    return Comparable(whole, label, whole, tuple(logs), KIND, least=MIN_BLOCKS)


def scaling_verdicts(data: RunData, climbs: Sequence[Climb]) -> list[Verdict]:
    """All verdicts of the experiment."""
    pairs = pairs_of(climbs)
    asked = [(pair, question) for pair in pairs for question in QUESTIONS]
    p_values = {}
    for pair, question in asked:
        logs = pair.logs(question.value)
        if len(logs) >= 2:
            p_values[f"{pair.mix}/{question.name}"] = paired_ratio(logs).p_value
    steps = holm(p_values, most=max(8, len(p_values)))
    levels = {name: step.level for name, step in steps.items()}
    found = [_ratio(data, pair, question, levels) for pair, question in asked]
    for climb in climbs:
        found.append(_kept(data, climb) if climb.whole else _grows(data, climb))
    return found


def _ratio(data: RunData, pair: Pair, question: Question, levels: dict[str, float]) -> Verdict:
    logs = pair.logs(question.value)
    level = levels.get(f"{pair.mix}/{question.name}", 0.95)
    ratio = paired_ratio(logs, level=level) if len(logs) >= 2 else None
    word, note = _judged(data, ratio, len(logs))
    lost, barren = pair.lost(question.value), pair.barren(question.value)
    if barren:  # to drop them would favour the arm that gained nothing in them
        word = "inconclusive"
        note += f"; in {barren} of {len(pair.blocks)} blocks what was added carried nothing"
    if lost:
        note += f"; {lost} of {len(pair.blocks)} blocks lack a capacity"
    return Verdict(
        id=f"{SCALING}/{pair.mix}/{PARTS}:{WHOLE}/{question.name}",
        question=f"{question.text} ({words(pair.mix)} load)",
        metric=question.name,
        numerator=PARTS,
        denominator=WHOLE,
        operation="all",
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=level,
        n_blocks=len(logs),
        verdict=word,
        rule=RULE,
        note=note,
    )


def _judged(data: RunData, ratio: PairedRatio | None, n: int) -> tuple[VerdictWord, str]:
    if data.journal.profile == "smoke":
        return "inconclusive", SMOKE_NOTE
    if ratio is None:
        return "inconclusive", f"{n} blocks with a value of both arms, {MIN_BLOCKS} are needed"
    try:
        decision = decide(ratio, claim="greater", kind=KIND, min_blocks=MIN_BLOCKS)
    except StatisticsError as exc:
        return "invalid", f"check failed: {exc}"
    return decision.word, decision.reason


def kept_logs(climb: Climb) -> list[float]:
    """Log of the share of the first level's requests/s a core that added cores give, by block."""
    pairs = [
        (climb.slope(block, "cores"), climb.efficiency(0, block, "cores")) for block in climb.blocks
    ]
    good = [(a, b) for a, b in pairs if a is not None and b is not None and a > 0 and b > 0]
    return list(log_ratios([a for a, _ in good], [b for _, b in good])) if good else []


def growth_logs(climb: Climb) -> list[float]:
    """Log of the capacity at the largest level over that at the smallest, by block."""
    first, last = climb.steps[0].by_block, climb.steps[-1].by_block
    both = [block for block in climb.blocks if block in first and block in last]
    if not both or len(climb.steps) < 2:
        return []
    return list(log_ratios([last[b] for b in both], [first[b] for b in both]))


def _kept(data: RunData, climb: Climb) -> Verdict:
    logs = kept_logs(climb)
    ratio = paired_ratio(logs) if len(logs) >= 2 else None
    word: VerdictWord = "inconclusive"
    note = "the interval holds the limit"
    if data.journal.profile == "smoke":
        note = SMOKE_NOTE
    elif ratio is None or len(logs) < MIN_BLOCKS:
        note = f"{len(logs)} blocks, {MIN_BLOCKS} are needed"
    elif ratio.low > KEPT_SHARE:
        word, note = "supported", f"each copy gives more than {KEPT_SHARE:.0%} of the first"
    elif ratio.high < KEPT_SHARE:
        word, note = "refuted", f"copies give less than {KEPT_SHARE:.0%} of the first"
    question = f"Does the {climb.deployment} scale as a whole: does each copy add its share?"
    return _own(climb, "whole", question, ratio, len(logs), (word, WHOLE_RULE, note))


def _grows(data: RunData, climb: Climb) -> Verdict:
    logs = growth_logs(climb)
    ratio = paired_ratio(logs) if len(logs) >= 2 else None
    word, note = _judged(data, ratio, len(logs))
    question = (
        f"Do the {climb.deployment} scale per service: does replicating the bottleneck alone raise "
        "the capacity?"
    )
    return _own(climb, "per_service", question, ratio, len(logs), (word, PARTS_RULE, note))


def _own(  # noqa: PLR0913, PLR0917 - one for each field
    climb: Climb,
    metric: str,
    question: str,
    ratio: PairedRatio | None,
    n: int,
    judged: tuple[VerdictWord, str, str],
) -> Verdict:
    return Verdict(
        id=f"{SCALING}/{climb.mix}/{climb.deployment}/{metric}",
        question=f"{question} ({words(climb.mix)} load)",
        metric=metric,
        numerator=f"{climb.deployment}, largest",
        denominator=f"{climb.deployment}, smallest",
        operation="all",
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=0.95,
        n_blocks=n,
        verdict=judged[0],
        rule=judged[1],
        note=judged[2],
    )
