"""Verdicts on failure impact, isolation, tolerance, the worth of the protections, and overload.

All rules were fixed beforehand and stand in each verdict. The unit is the repetition: of each one
number, over them a t interval. One repetition judges nothing. Neighbours: `failure` counts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.experiments.failure.findings import (
    EVERY,
    EXPERIMENT,
    JOURNEY_NAMES,
    OVERLOAD,
    FaultCell,
    Matrix,
    Stretch,
)
from bench.load.visits import OK
from bench.report.section import Comparable
from bench.results.dataset import RunData
from bench.results.journal import Verdict, VerdictWord
from bench.results.verdict import SMOKE_NOTE
from bench.stats.means import MeanInterval, mean_interval
from bench.stats.recovery import STEADY_SECONDS

POINTS, SECONDS, SHARE = "_in_points", "_in_seconds", "_in_share"
MARGIN = 5.0  # percentage points of the visits that matter
BACK_WITHIN_S = 10.0
BACK_SHARE = 0.9
MIN_REPETITIONS = 3  # an interval from fewer holds everything
PAIR = ("microservices", "monolith")
# What a journey cannot do without. The overview needs a part of every component and is left out.
NEEDS = {
    "look": {"inventory"},
    "buy": {"inventory", "orders", "payments"},
    "account": {"orders", "payments"},
}
_COMPONENT_FAULTS = frozenset(
    "crash crash_worker hang hang_worker slow errors database_down database_slow "
    "database_blackhole hop_latency hop_loss hop_blackhole hop_reset poison bad_release "
    "memory_leak cpu_hog".split()
)


@dataclass(frozen=True)
class Claim:
    """One question: a number of each repetition (block -> value) and the rule about them."""

    name: str
    question: str
    metric: str
    numerator: str
    denominator: str
    values: dict[int, float]
    rule: str
    decide: Callable[[MeanInterval], tuple[VerdictWord, str]]
    undecided: str = ""  # why the values cannot answer the question

    @property
    def id(self) -> str:
        """Of its verdict."""
        return f"{EXPERIMENT}/{self.name}/{self.metric}"


def verdicts_of(data: RunData, matrix: Matrix) -> list[Verdict]:
    """Judge what a run of several repetitions can; a single one judges nothing."""
    return [_verdict(data, claim) for claim in _claims(matrix)]


def comparables(matrix: Matrix) -> tuple[Comparable, ...]:
    """What two runs can be held against each other by: every claim in points, and every fault."""
    found = [
        Comparable(claim.id, claim.question, claim.id, tuple(claim.values.values()),
                   unit="points", margin=MARGIN, least=MIN_REPETITIONS)
        for claim in _claims(matrix)
        if claim.metric.endswith(POINTS)
    ]  # fmt: skip
    if not set(PAIR) <= set(matrix.arms):
        return tuple(found)
    for experiment in matrix.experiments:
        mine, theirs = (_valid(matrix.cells[experiment, arm]) for arm in PAIR)
        values = [100 * (mine[b].served - theirs[b].served) for b in mine.keys() & theirs.keys()]
        if not values:
            continue  # the fault has no twin in one of them
        label = f"{matrix.label(experiment)}: served in time, {PAIR[0]} less {PAIR[1]}"
        found.append(
            Comparable(f"{EXPERIMENT}/fault/{matrix.label(experiment)}", label, "", tuple(values),
                       unit="points", margin=MARGIN, least=MIN_REPETITIONS)
        )  # fmt: skip
    return tuple(found)


def _claims(matrix: Matrix) -> list[Claim]:
    """What several repetitions can answer; a single one answers nothing."""
    if matrix.repetitions < 2:
        return []
    claims = [*_impact(matrix), *_isolation(matrix), *_tolerance(matrix), *_worth(matrix)]
    return [claim for claim in (*claims, *_overload(matrix)) if claim.values]


def _impact(matrix: Matrix) -> Iterable[Claim]:
    """The entire app may fail: does splitting it keep more of the shop alive?"""
    if not set(PAIR) <= set(matrix.arms):
        return
    top, base = PAIR
    both = [
        (matrix.cells[e, top], matrix.cells[e, base])
        for e in matrix.experiments
        if matrix.cells[e, top].kind in _COMPONENT_FAULTS
        if matrix.cells[e, top].stretches and matrix.cells[e, base].stretches
    ]
    yield Claim(
        "impact",
        f"When one component fails, are more visits served in time by {top} than by {base}?",
        f"served_difference{POINTS}",
        top,
        base,
        _mean_by_block(
            {
                block: 100 * (mine[block].served - theirs[block].served)
                for block in mine.keys() & theirs.keys()
            }
            for mine, theirs in ((_valid(a), _valid(b)) for a, b in both)
        ),
        f"mean over {len(both)} faults of one component of the share of visits served within the "
        f"SLO while it lasted, {top} minus {base}; {_more_rule()}",
        _more,
    )


def _isolation(matrix: Matrix) -> Iterable[Claim]:
    """Failure of one service does not affect others."""
    for arm in matrix.arms:
        yield Claim(
            f"isolation/{arm}",
            f"When one component of {arm} fails, do the journeys that do not need it keep working?",
            f"lost_elsewhere{POINTS}",
            arm,
            "control",
            _mean_by_block(
                {block: _lost(stretch, journey) for block, stretch in _valid(cell).items()}
                for cell in _of(matrix, arm)
                for journey, needs in NEEDS.items()
                if cell.component in {"users", *set().union(*NEEDS.values())} - needs
            ),
            "mean over faults of one component and over the journeys "
            f"{', '.join(JOURNEY_NAMES[j] for j in NEEDS)} that do not need it, of the points lost "
            f"against the control; supported: interval below {MARGIN:g}, refuted: above",
            _little,
        )


def _tolerance(matrix: Matrix) -> Iterable[Claim]:
    for arm in matrix.arms:
        cells = _of(matrix, arm)
        watched_s = max((s.watched_s for cell in cells for s in cell.stretches), default=0.0)
        if watched_s < STEADY_SECONDS:
            continue  # this run did not watch for as long as it takes to see a shop steady
        yield Claim(
            f"tolerance/{arm}",
            f"Is {arm} back to normal within {BACK_WITHIN_S:g} s after a fault was cleared?",
            f"back_in_time{SHARE}",
            arm,
            "control",
            _mean_by_block(
                {block: float(_back(stretch)) for block, stretch in _valid(cell).items()}
                for cell in cells
            ),
            f"share of the faults with three seconds within tolerance of the control begun at most "
            f"{BACK_WITHIN_S:g} s after the clearing; supported: interval above {BACK_SHARE:g}, "
            "refuted: below",
            _mostly,
            _left_too_early(cells),
        )


def _worth(matrix: Matrix) -> Iterable[Claim]:
    """What is architecture and what is engineering: the same arm with its protections off."""
    for arm in matrix.arms:
        off = f"{arm} (resilience off)"
        if off not in matrix.arms:
            continue
        both = [
            (_valid(matrix.cells[e, arm]), _valid(matrix.cells[e, off]))
            for e in matrix.experiments
            if matrix.cells[e, arm].kind in _COMPONENT_FAULTS
        ]
        yield Claim(
            f"resilience/{arm}",
            f"Do breakers, retries, bulkheads and shedding keep more of {arm} alive under a fault?",
            f"served_difference{POINTS}",
            arm,
            off,
            _mean_by_block(
                {b: 100 * (on[b].served - without[b].served) for b in on.keys() & without.keys()}
                for on, without in both
            ),
            f"mean over faults of the share served within the SLO, on minus off; {_more_rule()}",
            _more,
        )


def _overload(matrix: Matrix) -> Iterable[Claim]:
    for cell in matrix.cells.values():
        if cell.kind == OVERLOAD:
            yield Claim(
                f"overload/{cell.arm}",
                f"Is the goodput of {cell.arm} back within {BACK_WITHIN_S:g} s after an overload?",
                f"back_in_time{SHARE}",
                cell.arm,
                "control",
                {block: float(_back(stretch)) for block, stretch in _valid(cell).items()},
                "twice its own capacity, then back to the load before; supported: in every "
                "repetition, refuted: in none",
                _always,
                _left_too_early([cell]),
            )


def _of(matrix: Matrix, arm: str) -> list[FaultCell]:
    return [
        cell
        for (_, name), cell in matrix.cells.items()
        if name == arm and cell.kind in _COMPONENT_FAULTS
    ]


def _valid(cell: FaultCell) -> dict[int, Stretch]:
    return {s.block: s for s in cell.stretches if not s.tainted}


def _lost(stretch: Stretch, journey: str) -> float:
    here, usual = stretch.counts(journey), stretch.counts(journey, control=True)
    return 100 * (usual[OK] / max(1, sum(usual)) - here[OK] / max(1, sum(here)))


def _back(stretch: Stretch) -> bool:
    lag_s = stretch.recovery.lag_s
    return lag_s is not None and lag_s <= BACK_WITHIN_S


def _left_too_early(cells: Iterable[FaultCell]) -> str:
    """Say so if a shop that was not back might have been, had anybody watched for longer."""
    needed_s = BACK_WITHIN_S + STEADY_SECONDS
    stretches = [stretch for cell in cells for stretch in _valid(cell).values()]
    watched_s = [s.watched_s for s in stretches if s.recovery.lag_s is None]
    if not watched_s or min(watched_s) >= needed_s - 0.5:  # clearing takes some of it
        return ""
    return (
        f"not back, and watched for {min(watched_s):.0f} s after the clearing only: "
        f"{needed_s:g} s are needed (after_s)"
    )


def _mean_by_block(parts: Iterable[dict[int, float]]) -> dict[int, float]:
    """The mean of each block over the parts, of blocks in which every part has a value."""
    held = [part for part in parts if part]
    blocks = set.intersection(*(set(part) for part in held)) if held else set()
    return {block: float(np.mean([part[block] for part in held])) for block in sorted(blocks)}


def _more_rule() -> str:
    return f"supported: interval above {MARGIN:g} points, refuted: below -{MARGIN:g}"


def _more(found: MeanInterval) -> tuple[VerdictWord, str]:
    if found.low > MARGIN:
        return "supported", ""
    if found.high < -MARGIN:
        return "refuted", "the opposite"
    if -MARGIN <= found.low and found.high <= MARGIN:
        return "no difference shown", f"whole interval within {MARGIN:g} points"
    return "inconclusive", f"the interval does not clear {MARGIN:g} points"


def _little(found: MeanInterval) -> tuple[VerdictWord, str]:
    if found.high < MARGIN:
        return "supported", ""
    return ("refuted", "") if found.low > MARGIN else ("inconclusive", "the interval holds both")


def _mostly(found: MeanInterval) -> tuple[VerdictWord, str]:
    if found.low >= BACK_SHARE:
        return "supported", ""
    return (
        ("refuted", "") if found.high < BACK_SHARE else ("inconclusive", "the interval holds both")
    )


def _always(found: MeanInterval) -> tuple[VerdictWord, str]:
    if found.mean == 1.0:
        return "supported", ""
    return ("refuted", "") if found.mean == 0.0 else ("inconclusive", "in some repetitions")


def _verdict(data: RunData, claim: Claim) -> Verdict:
    values: Sequence[float] = list(claim.values.values())
    blank = Verdict(
        id=claim.id,
        question=claim.question,
        metric=claim.metric,
        numerator=claim.numerator,
        denominator=claim.denominator,
        operation=EVERY,
        estimate=None,
        low=None,
        high=None,
        level=0.95,
        n_blocks=len(values),
        verdict="inconclusive",
        rule=f"{claim.rule}; t interval over at least {MIN_REPETITIONS} valid repetitions",
        note=f"{len(values)} valid repetitions, {MIN_REPETITIONS} are needed",
    )
    if len(values) < 2:
        return blank
    found = mean_interval(values)
    blank = replace(blank, estimate=found.mean, low=found.low, high=found.high)
    if data.journal.profile == "smoke":
        return replace(blank, note=SMOKE_NOTE)
    if len(values) < MIN_REPETITIONS:
        return blank
    if claim.undecided:
        return replace(blank, note=claim.undecided)
    word, note = claim.decide(found)
    return replace(blank, verdict=word, note=note)
