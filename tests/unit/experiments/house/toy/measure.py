"""One short open-loop trial of each deployment."""

from collections.abc import Mapping
from typing import Any

from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext, store
from bench.engine.trial import TrialKey
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.registry import Planned
from bench.results.journal import Trial

NAME, MIX = "toy", "product_read"
PRIMER_S, WARMUP_S, MEASURED_S = 0.1, 0.1, 0.5


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The trials alone."""
    return Planned(len(options.deployments) * (PRIMER_S + WARMUP_S + MEASURED_S))


def run(ctx: RunContext) -> None:
    """Measure each deployment once."""
    rate = float(ctx.options.own.get("toy_rate") or 40)
    seed = ctx.seed(NAME)
    schedule = build_schedule(ScheduleSpec(MIX, rate, seed, PRIMER_S, WARMUP_S, MEASURED_S))
    for position, name in enumerate(ctx.options.deployments):
        subject = ctx.fleet.current(name)
        store(ctx, ctx.bench.run_open(TrialKey(NAME, 0, 0, position), subject, schedule))


def trials_of(trials: tuple[Trial, ...]) -> list[Trial]:
    """Those that are this experiment's."""
    return [trial for trial in trials if trial.experiment == NAME]
