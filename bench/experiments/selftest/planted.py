"""Planted effects: reference servers whose differences are known, measured as the shop is.

A block holds one trial of each of five servers: two alike, one 5 % and one 20 % slower, one that
spends 10 % more CPU after its answer. A set is a comparison as users make it: blocks until every
ratio is narrow enough, or the limit. The sets take turns, a block each: the blocks of a user's cell
lie minutes apart too, and a bad minute of the host costs many sets one block, not one set all (set
by set, four sets of twenty were left with one to five valid blocks).

The truth. One process plays all five, so they differ by their work alone (two processes of the same
code differ by up to 3 %, by memory layout). A variant states with every answer what it did beyond
the base. A share g of its own response time or CPU that is extra makes it 1 / (1 - g) of the base;
g is the median over all blocks of all sets, each trial's from the very requests that are compared,
so that the speed of the core does not matter. The calibration only aims: so that the truth comes
out near 1.05, 1.20 and 1.10.
Waiting is part of it. Below a utilisation of one half the median response is one that found the
server idle, but which of those it is moves as more requests wait: at the 15 % used here (19 to
22 % with what surrounds the work) +20 % work makes the median 20.1 % longer where the median share
of the requests says 19.0. So g is the median without the extra work, the queue run again without
it, held against the median as it was (`bench.stats.queueing`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import ShopbenchError
from bench.experiments.laboratory import (
    TRIAL_OVERHEAD_S,
    Attempt,
    Laboratory,
    Series,
    run_series,
    shuffled,
)
from bench.experiments.selftest.blocks import Block, Ledger, pair_logs, stored_blocks
from bench.experiments.selftest.extra import PlantedValues, planted_values
from bench.experiments.selftest.publish import publish, publish_again
from bench.experiments.selftest.record import Outcome
from bench.experiments.selftest.reference import (
    ReferenceServer,
    Variant,
    reference_server,
    units_per_ms,
    variants_of,
)
from bench.experiments.selftest.reference_server import Behaviour
from bench.experiments.selftest.sets import Comparison, SetResult, judge_sets
from bench.experiments.selftest.sizes import PRIMER_S, RERUN_SHARE, SIZES, WARMUP_S, Sizes
from bench.experiments.trial import TrialKey
from bench.experiments.values import TrialValues, trial_values
from bench.journal import RunReader, Trial, TrialStatus
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.stats.errors import StatisticsError
from bench.stats.precision import stop_rule

PART, EXPERIMENT = "planted", "selftest-planted"
MIX = "product_read"
BASE_MS, UTILISATION = 2.5, 0.15
BASE, AGAIN, SLOWER_5, SLOWER_20, CPU_10 = "base", "base-again", "slower-5", "slower-20", "cpu-10"
NAMES = (BASE, AGAIN, SLOWER_5, SLOWER_20, CPU_10)
STEPS = {SLOWER_5: 0.05, SLOWER_20: 0.20, CPU_10: 0.10}
COMPARISONS = (
    Comparison("A/A p50", AGAIN, "p50", None),
    Comparison("A/A CPU", AGAIN, "cpu", None),
    Comparison("+5 % response time", SLOWER_5, "p50", STEPS[SLOWER_5]),
    Comparison("+20 % response time", SLOWER_20, "p50", STEPS[SLOWER_20]),
    Comparison("+10 % CPU", CPU_10, "cpu", STEPS[CPU_10]),
)
CALIBRATION_S, CALIBRATIONS = 1.0, 3
LEAST_SHARE = 0.8
_PLAN = "selftest_planted_plan"
Servers = Mapping[str, Variant]


@dataclass(frozen=True)
class Plan:
    """What was planted: units of work of the base, and of each variant beyond it."""

    offered_rps: float
    spin: int
    extra: dict[str, int]


def announce(lab: Laboratory) -> None:
    """Tell the progress what is coming."""
    sizes = SIZES[lab.profile.name]
    lab.progress.plan(sizes.sets * sizes.min_blocks * _block_s(lab))
    lab.rerun_budget_s += _reruns_s(lab)


def run(lab: Laboratory) -> None:
    """Calibrate, run the sets, judge."""
    sizes = SIZES[lab.profile.name]
    ledger = Ledger(lab, planted_values)
    plan = _plan(lab)
    with variants_of(lab, behaviours(plan)) as servers:
        inner = _inner(lab, sizes)
        every = [_series(inner, ledger, servers, plan, number) for number in range(sizes.sets)]
        run_series(inner, every)
    lab.rerun_budget_s -= _reruns_s(lab)
    sets = [ledger.blocks(set_name(number)) for number in range(sizes.sets)]
    publish(lab, PART, *judge(sets, lab.profile.name))


def set_name(number: int) -> str:
    """The experiment under which a set's trials stand in the journal."""
    return f"{EXPERIMENT}-{number + 1:02}"


def behaviours(plan: Plan) -> dict[str, Behaviour]:
    """What each server does."""
    base = Behaviour(spin=plan.spin)
    return {
        BASE: base,
        AGAIN: base,
        SLOWER_5: replace(base, extra=plan.extra[SLOWER_5]),
        SLOWER_20: replace(base, extra=plan.extra[SLOWER_20]),
        CPU_10: replace(base, after=plan.extra[CPU_10]),
    }


def _plan(lab: Laboratory) -> Plan:
    """Calibrate on the base server alone; a resumed run keeps the plan it began with."""
    kept = lab.setting(_PLAN)
    if kept:
        return Plan(**kept)
    lab.progress.say("calibrating the reference server")
    spin = round(BASE_MS * units_per_ms(lab))
    rate = round(UTILISATION * 1000 / BASE_MS, 1)
    with reference_server(lab, "calibration", Behaviour(spin=spin)) as server:
        tries = [_calibrated(lab, server, rate, number) for number in range(CALIBRATIONS)]
    plan = planned(spin, rate, tries)
    lab.writer.add_settings(**{_PLAN: asdict(plan)})
    return plan


def _calibrated(
    lab: Laboratory, server: ReferenceServer, offered_rps: float, number: int
) -> TrialValues:
    seed = lab.seed(EXPERIMENT, "calibration", number)
    spec = ScheduleSpec(MIX, offered_rps, seed, PRIMER_S, WARMUP_S, CALIBRATION_S)
    key = TrialKey("selftest-calibration", number, 0, 0)
    return trial_values(*lab.bench.run_open(key, server, build_schedule(spec)))


def planned(spin: int, offered_rps: float, tries: Sequence[TrialValues]) -> Plan:
    """The extra work that makes the true ratios about 1 + each step, from the base's own values.

    The best of the tries counts: what disturbs one lowers the work's share. Below 0.8 none of
    them was undisturbed, and 0.8 is taken.
    """
    best = {
        kind: max(LEAST_SHARE, *(work_share([each], kind) for each in tries))
        for kind in ("p50", "cpu")
    }
    share = {SLOWER_5: best["p50"], SLOWER_20: best["p50"], CPU_10: best["cpu"]}
    return Plan(
        offered_rps, spin, {name: round(STEPS[name] * spin / share[name]) for name in STEPS}
    )


def work_share(base: Iterable[TrialValues], kind: str) -> float:
    """The calibrated work's share of the base's response time (p50) or CPU; at most 1."""
    shares = [
        (each.app_ms_p50 if kind == "p50" else each.app_ms_mean) / each.metrics[kind]
        for each in base
        if kind in each.metrics
    ]
    return min(1.0, statistics.median(shares)) if shares else 0.0


def truths(blocks: Sequence[Block[PlantedValues]]) -> dict[str, float]:
    """The true ratio of each variant to the base, from what the variants state."""
    return {
        each.variant: 1.0 if each.step is None else 1 / (1 - _extra_share(blocks, each))
        for each in COMPARISONS
    }


def _extra_share(blocks: Sequence[Block[PlantedValues]], compared: Comparison) -> float:
    """The extra work's share of a variant's response time or CPU. NaN: never stated."""
    trials = [attempt.get(compared.variant) for block in blocks for attempt in block]
    shares = [each.extra_share[compared.kind] for each in trials if each and each.extra_share]
    return statistics.median(shares) if shares else float("nan")


def _inner(lab: Laboratory, sizes: Sizes) -> Laboratory:
    """The same tools with a set's own numbers of blocks, and what all sets have for reruns."""
    profile = replace(lab.profile, min_blocks=sizes.min_blocks, max_blocks=sizes.max_blocks)
    return replace(lab, profile=profile, rerun_budget_s=_reruns_s(lab))


def _block_s(lab: Laboratory) -> float:
    measured_s = SIZES[lab.profile.name].measured_s
    return len(NAMES) * (PRIMER_S + WARMUP_S + measured_s + TRIAL_OVERHEAD_S)


def _reruns_s(lab: Laboratory) -> float:
    """What reruns may take in all."""
    share = RERUN_SHARE if lab.profile.max_reruns else 0.0
    sizes = SIZES[lab.profile.name]
    return share * sizes.sets * sizes.min_blocks * _block_s(lab)


def _series(
    lab: Laboratory, ledger: Ledger[PlantedValues], servers: Servers, plan: Plan, number: int
) -> Series:
    name = set_name(number)
    return Series(
        label=name,
        planned_s=_block_s(lab),
        attempt=lambda block: _attempt(lab, ledger, servers, plan, TrialKey(name, block, 0, 0)),
        precise=lambda: stopped(
            ledger.blocks(name), lab.profile.min_blocks, lab.profile.max_blocks
        ),
        key=(name, MIX, plan.offered_rps),
        names=NAMES,
        pairs=tuple((each.variant, BASE) for each in COMPARISONS),
    )


def stopped(blocks: Sequence[Block[PlantedValues]], min_blocks: int, max_blocks: int) -> bool:
    """The stop rule over every comparison of the set."""
    logs = {each.what: pair_logs(blocks, each.kind, each.variant, BASE) for each in COMPARISONS}
    kinds = {each.what: each.kind for each in COMPARISONS}
    try:
        return stop_rule(logs, kinds, max_blocks=max_blocks, min_blocks=min_blocks).stop
    except StatisticsError:
        return False


def _attempt(
    lab: Laboratory, ledger: Ledger[PlantedValues], servers: Servers, plan: Plan, first: TrialKey
) -> Attempt:
    """The trials of a block; `first` names experiment and block."""

    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(first.experiment, first.block, number)
        measured_s = SIZES[lab.profile.name].measured_s
        spec = ScheduleSpec(MIX, plan.offered_rps, seed, PRIMER_S, WARMUP_S, measured_s)
        schedule = build_schedule(spec)
        statuses = []
        for position, server in enumerate(shuffled(NAMES, seed)):
            lab.progress.say(f"{first.experiment} block {first.block + 1}: {server}")
            key = replace(first, attempt=number, position=position)
            statuses.append(ledger.store(lab.bench.run_open(key, servers[server], schedule)))
        return statuses

    return attempt


def examine(run_dir: Path) -> list[dict[str, Any]]:
    """Judge the sets a run recorded by today's rules and keep that; return the outcomes as rows.

    Raises ShopbenchError for a run without this part, CorruptResults for a damaged one.
    """
    reader = RunReader(run_dir)
    trials: dict[str, list[Trial]] = {}
    for trial in reader.trials:
        if trial.experiment.startswith(f"{EXPERIMENT}-"):
            trials.setdefault(trial.experiment, []).append(trial)
    if not trials:
        raise ShopbenchError(f"{run_dir} holds no sets of planted effects", 2)
    journal = reader.journal
    sets = [stored_blocks(reader, trials[name], planted_values) for name in sorted(trials)]
    outcomes, details = judge(sets, journal.profile)
    return publish_again(journal, PART, outcomes, details)


def judge(
    sets: Sequence[Sequence[Block[PlantedValues]]], profile: str
) -> tuple[list[Outcome], dict[str, Any]]:
    """The outcomes of all sets, and what the report's table and the resampling need of them."""
    every = [block for blocks in sets for block in blocks]
    if not any(attempt for block in every for attempt in block):
        nothing = Outcome("planted effects", "no valid trial", "valid trials", "not judged")
        return [nothing], {"sets": [], "logs": {}, "truth": {}, "blocks": 0}
    truth = truths(every)
    results = [
        SetResult.of(number + 1, each, pair_logs(blocks, each.kind, each.variant, BASE), truth)
        for number, blocks in enumerate(sets)
        for each in COMPARISONS
    ]
    kept = [result for result in results if result is not None]
    details = {
        "sets": [asdict(result) for result in kept],
        "truth": truth,
        "logs": {
            each.what: [
                float(log)
                for blocks in sets
                for log in pair_logs(blocks, each.kind, each.variant, BASE)
            ]
            for each in COMPARISONS
        },
        "blocks": len(every),
    }
    return judge_sets(kept, len(sets), profile), details
