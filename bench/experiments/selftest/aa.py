"""A/A on the shop: two trials of the same deployment in a block, as `latency` makes them.

What they differ by is this machine's noise; none of it may be called a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from bench.experiments.fleet import prime_orders
from bench.experiments.laboratory import (
    TRIAL_OVERHEAD_S,
    Attempt,
    Laboratory,
    Series,
    run_series,
    shuffled,
)
from bench.experiments.selftest.blocks import Floats, Ledger, pair_logs
from bench.experiments.selftest.publish import publish
from bench.experiments.selftest.record import Outcome, judged
from bench.experiments.selftest.sizes import RERUN_SHARE, SIZES
from bench.experiments.subject import DeploymentSubject, Subject
from bench.experiments.trial import TrialKey
from bench.experiments.values import TrialValues, cell_values
from bench.journal import TrialStatus
from bench.load.generator import ClosedLoop
from bench.load.mixes import MIXES
from bench.load.schedule import Schedule, ScheduleSpec, build_schedule
from bench.stats.paired import paired_ratio
from bench.stats.verdicts import decide

PART, EXPERIMENT = "aa", "selftest-aa"
DEPLOYMENTS, MIX_NAMES = ("monolith", "microservices"), ("product_read", "mixed")
FIRST, SECOND = " A", " B"
KINDS = ("p50", "p95", "p99", "cpu")
START_S, PROBE_CLIENTS, PROBE_WARMUP_S = 5.0, 16, 0.2
_RATES = "selftest_aa_rps"


@dataclass(frozen=True)
class _Twin:
    """A subject under one of two names."""

    name: str
    inner: Subject

    @property
    def target(self):  # type: ignore[no-untyped-def]
        return self.inner.target

    def usage(self):  # type: ignore[no-untyped-def]
        return self.inner.usage()

    def settle(self) -> int | None:
        return self.inner.settle()


def announce(lab: Laboratory) -> None:
    """Tell the progress what is coming."""
    lab.progress.plan(START_S * len(DEPLOYMENTS) + _blocks_s(lab))
    lab.rerun_budget_s += _reruns_s(lab)


def run(lab: Laboratory) -> None:
    """Run the blocks and judge them."""
    blocks = SIZES[lab.profile.name].aa_blocks
    lab.fleet.on_fresh(lambda subject: _prime(lab, subject))
    rates = lab.setting(_RATES) or _rates(lab)
    lab.writer.add_settings(**{_RATES: rates})
    profile = replace(lab.profile, min_blocks=blocks, max_blocks=blocks)
    inner = replace(lab, profile=profile, rerun_budget_s=_reruns_s(lab))
    ledger = Ledger(lab, cell_values)
    run_series(inner, [_series(inner, ledger, mix, rates[mix]) for mix in MIX_NAMES])
    lab.rerun_budget_s -= _reruns_s(lab)
    _publish(lab, ledger)


def _blocks_s(lab: Laboratory) -> float:
    return sum(_block_s(lab, mix) for mix in MIX_NAMES) * SIZES[lab.profile.name].aa_blocks


def _reruns_s(lab: Laboratory) -> float:
    return RERUN_SHARE * _blocks_s(lab) if lab.profile.max_reruns else 0.0


def names_of_block() -> tuple[str, ...]:
    """The four trials of a block."""
    return tuple(f"{name}{half}" for name, half in product(DEPLOYMENTS, (FIRST, SECOND)))


def _rates(lab: Laboratory) -> dict[str, float]:
    """The load of `latency`: its share of the smaller capacity, found by a short closed loop."""
    rates = {}
    for mix in MIX_NAMES:
        found = []
        for name in DEPLOYMENTS:
            lab.progress.say(f"A/A: probing {name}, {mix}")
            found.append(_capacity(lab, lab.fleet.current(name), mix))
        rates[mix] = float(f"{lab.profile.load_shares[0] * min(found):.2g}")
    for name in DEPLOYMENTS:
        lab.fleet.reset(name, lab.options.shop_seed)
        lab.progress.done(START_S)
    return rates


def _capacity(lab: Laboratory, subject: DeploymentSubject, mix: str) -> float:
    spec = ScheduleSpec(mix, 500.0, lab.seed(EXPERIMENT, "probe", mix), 0.0, 0.0, 2.0)
    visits = build_schedule(spec).visits
    loop = ClosedLoop(PROBE_CLIENTS, PROBE_WARMUP_S, lab.profile.probe_s)
    result = lab.load.run_closed(subject.target, visits, loop)
    subject.settle()
    answered = sum(PROBE_WARMUP_S <= done for done in result.done_s)
    return max(answered / lab.profile.probe_s, 10.0)


def _prime(lab: Laboratory, subject: DeploymentSubject) -> None:
    prime_orders(lab.load, subject.target, lab.options.shop_seed.users * lab.profile.primed_orders)
    subject.settle()


def _spec(lab: Laboratory, mix: str, offered_rps: float, seed: int) -> ScheduleSpec:
    profile = lab.profile
    journeys = MIXES[mix].steps_per_visit > 1
    measured_s = profile.mixed_measured_s if journeys else profile.measured_s
    return ScheduleSpec(mix, offered_rps, seed, profile.primer_s, profile.warmup_s, measured_s)


def _block_s(lab: Laboratory, mix: str) -> float:
    start = START_S if lab.profile.restart else 0.0
    trial_s = _spec(lab, mix, 1.0, 0).measured_to_s + TRIAL_OVERHEAD_S + start
    return len(names_of_block()) * trial_s


def _series(lab: Laboratory, ledger: Ledger[TrialValues], mix: str, offered_rps: float) -> Series:
    return Series(
        label=f"{EXPERIMENT} {mix}",
        planned_s=_block_s(lab, mix),
        attempt=lambda block: _attempt(lab, ledger, mix, offered_rps, block),
        key=(EXPERIMENT, mix, offered_rps),
        names=names_of_block(),
    )


def _attempt(
    lab: Laboratory, ledger: Ledger[TrialValues], mix: str, offered_rps: float, block: int
) -> Attempt:
    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(EXPERIMENT, mix, block, number)
        schedule = build_schedule(_spec(lab, mix, offered_rps, seed))
        return [
            _trial(lab, ledger, schedule, name, TrialKey(EXPERIMENT, block, number, position))
            for position, name in enumerate(shuffled(names_of_block(), seed))
        ]

    return attempt


def _trial(
    lab: Laboratory, ledger: Ledger[TrialValues], schedule: Schedule, name: str, key: TrialKey
) -> TrialStatus:
    lab.progress.say(f"A/A block {key.block + 1}: {schedule.spec.mix} on {name}")
    deployment = name.removesuffix(FIRST).removesuffix(SECOND)
    twin = _Twin(name, lab.fleet.subject(deployment))
    return ledger.store(lab.bench.run_open(key, twin, schedule))


def _publish(lab: Laboratory, ledger: Ledger[TrialValues]) -> None:
    blocks = {mix: ledger.blocks(EXPERIMENT, mix) for mix in MIX_NAMES}
    cells = [
        (name, mix, kind, pair_logs(blocks[mix], kind, f"{name}{FIRST}", f"{name}{SECOND}"))
        for name, mix, kind in product(DEPLOYMENTS, MIX_NAMES, KINDS)
    ]
    details = {
        "cells": [
            {
                "deployment": name,
                "mix": mix,
                "kind": kind,
                "logs": [float(log) for log in logs],
            }
            for name, mix, kind, logs in cells
        ]
    }
    publish(lab, PART, _outcomes(cells, lab.profile.name), details)


def _outcomes(cells: Sequence[tuple[str, str, str, Floats]], profile: str) -> list[Outcome]:
    judgeable = [(kind, logs) for _, _, kind, logs in cells if logs.size >= 2]
    words = [
        decide(paired_ratio(logs), claim="different", kind=kind).word for kind, logs in judgeable
    ]
    called, limit = words.count("supported"), len(words) // 10
    fewest = min((logs.size for _, logs in judgeable), default=0)
    return [
        Outcome(
            "the shop against itself called different",
            f"{called} of {len(words)}",
            f"at most {limit} of {len(words)}",
            judged(called <= limit and bool(words), profile),
            f"monolith and microservices, {', '.join(MIX_NAMES)}; {fewest} blocks at least",
        ),
    ]
