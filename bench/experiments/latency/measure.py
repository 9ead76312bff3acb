"""Makes starts of all deployments until the metrics named beforehand are decided."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import exp
from typing import Any

from bench.engine.client_time import client_time_ms
from bench.engine.options import Profile, RunOptions
from bench.engine.round_trials import next_start, recorded_rounds, remember
from bench.engine.run_context import RunContext
from bench.experiments.latency.plan import EXPERIMENT, Plan, plan_of
from bench.experiments.latency.start import measure_start
from bench.registry import Measurable, Planned
from bench.results.paired.disturbance import EXPERIMENT_OF_TWO
from bench.results.paired.judge import FAMILIES, Answer, all_enough, answers_of, sentence
from bench.results.paired.rounds import PairedRounds

BUSY_CORES = 0.1  # of foreign work, above which a reader should know


def check(options: RunOptions) -> None:
    """Refuse mixes that have no place here. Raises ShopbenchError (usage)."""
    plan_of(options, options.profile)


def measurable(options: RunOptions, profile: Profile) -> Measurable:
    """What `--fail-on` may name: rounds wait between requests, so they have no throughput."""
    plan = plan_of(options, profile.name)
    metrics = ("p50", "p95", "p99", "errors", "cpu")
    return Measurable(plan.members[:-1], dict.fromkeys(metrics, plan.operations))


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The least number of starts."""
    return Planned(plan_of(options, profile.name).planned_s)


def run(ctx: RunContext) -> None:
    """Measure; say each named metric as soon as it is decided."""
    plan = plan_of(ctx.options, ctx.profile.name)
    remember(
        ctx,
        EXPERIMENT,
        members=list(plan.members),
        operations=list(plan.operations),
        shares=plan.shares,
        size=asdict(plan.size),
    )
    ctx.writer.add_settings(deployments=[n for n in plan.members if "#" not in n])
    ctx.fleet.close()  # what another experiment left up would run beside
    if "client_ms" not in ctx.setting(EXPERIMENT):
        ctx.progress.say("the client's own time")
        client_ms = client_time_ms(ctx.load, tuple(ctx.setting("cpus")))
        remember(ctx, EXPERIMENT, client_ms=client_ms)
    rounds, two = (
        recorded_rounds(ctx, name, plan.shares) for name in (EXPERIMENT, EXPERIMENT_OF_TWO)
    )
    begun = time.monotonic()
    ctx.progress.drop(_whole_starts(ctx, plan) * plan.start_s)
    told: set[str] = set()
    answers = answers_of(rounds, two)
    while not (why := _why_stop(ctx, plan, answers, begun)):
        if _whole_starts(ctx, plan) >= plan.size.starts:
            ctx.progress.plan(plan.start_s)
        number = next_start(ctx, EXPERIMENT, EXPERIMENT_OF_TWO)
        recorded = {EXPERIMENT: rounds, EXPERIMENT_OF_TWO: two}
        measure_start(ctx, plan, number, recorded)
        answers = answers_of(rounds, two)
        _tell(ctx, rounds, answers, told)
    remember(ctx, EXPERIMENT, stopped=why)
    for answer in answers if plan.size.starts > 1 else ():
        if answer.question.family and not answer.decided:
            reason = f": {answer.decision.reason}" if answer.narrow is not None else ""
            ctx.progress.tell(f"not decided: {sentence(answer)}{reason}")
    ctx.progress.tell(f"latency: {why}")


def _why_stop(ctx: RunContext, plan: Plan, answers: Sequence[Answer], begun: float) -> str:
    """Why no further start is made, "" if one is."""
    made, size = _whole_starts(ctx, plan), plan.size
    spent_s = time.monotonic() - begun
    if not ctx.has_time(plan.start_s):
        return f"time limit reached after {_starts(made)}"
    if made < size.starts:
        return ""
    if all_enough(answers):
        return f"every metric named beforehand is decided or known to 2.5 %, {_starts(made)}"
    if not ctx.timed and (made >= size.most_starts or spent_s + plan.start_s > size.limit_s):
        return f"the profile's time is over after {_starts(made)}"
    return ""


def _whole_starts(ctx: RunContext, plan: Plan) -> int:
    """Starts that were not cut off: the journal has every operation of every member."""
    trials = (each for each in ctx.writer.journal.trials if each.experiment == EXPERIMENT)
    held = Counter(trial.block for trial in trials)
    return sum(count >= len(plan.operations) * len(plan.members) for count in held.values())


def _starts(number: int) -> str:
    return "1 start" if number == 1 else f"{number} starts"


def _tell(ctx: RunContext, rounds: PairedRounds, answers: Sequence[Answer], told: set[str]) -> None:
    """Say what has become known since the last start."""
    for answer in answers:
        if answer.question.family and answer.decided and answer.question.id not in told:
            told.add(answer.question.id)
            ctx.progress.tell(f"decided: {sentence(answer)}")
    if rounds.starts and not told:
        ctx.progress.tell(f"so far: {_leading(answers)}")
    if len(rounds.starts) == 1 and (cores := _foreign_cores(ctx)) > BUSY_CORES:
        ctx.progress.tell(
            f"busy machine: other programs use {cores:.1f} cores; intervals get wider, nothing is "
            "thrown away"
        )


def _foreign_cores(ctx: RunContext) -> float:
    """Cores that other programs used while this experiment measured; 0 where unknown."""
    seen = [
        trial.facts["foreign_cores"]
        for trial in ctx.writer.journal.trials
        if trial.experiment == EXPERIMENT and "foreign_cores" in trial.facts
    ]
    return sum(seen) / len(seen) if seen else 0.0


def _leading(answers: Sequence[Answer]) -> str:
    """The named ratios known so far, in a line; of one start, what its seconds say."""
    named = [answer for answer in answers if answer.question.family]
    known = [
        (a.question.subject, a.narrow.estimate, a.narrow.half_width) for a in named if a.narrow
    ]
    if known:
        return ", ".join(f"{what} ×{ratio:.2f} ±{half:.0%}" for what, ratio, half in known[:8])
    single = [(a.question, a.logs.ratios[0]) for a in named if len(a.logs.ratios) == 1]
    parts = [
        f"{question.subject} ×{exp(made.log_ratio):.2f} ±{made.half_width:.0%}"
        for question, made in single
        if question.family == ":".join(FAMILIES[0])
    ]
    return f"one start: {', '.join(parts)}; others may differ" if parts else "one start"
