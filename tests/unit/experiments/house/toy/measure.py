"""One short open-loop trial of each deployment."""

from collections.abc import Mapping
from typing import Any

from bench.engine.laboratory import Laboratory, store
from bench.engine.options import Profile, RunOptions
from bench.engine.trial import TrialKey
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.registry import Planned
from bench.results.journal import Trial

NAME, MIX = "toy", "product_read"
PRIMER_S, WARMUP_S, MEASURED_S = 0.1, 0.1, 0.5


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The trials alone."""
    return Planned(len(options.deployments) * (PRIMER_S + WARMUP_S + MEASURED_S))


def run(lab: Laboratory) -> None:
    """Measure each deployment once."""
    rate = float(lab.options.own.get("toy_rate") or 40)
    seed = lab.seed(NAME)
    schedule = build_schedule(ScheduleSpec(MIX, rate, seed, PRIMER_S, WARMUP_S, MEASURED_S))
    for position, name in enumerate(lab.options.deployments):
        subject = lab.fleet.current(name)
        store(lab, lab.bench.run_open(TrialKey(NAME, 0, 0, position), subject, schedule))


def trials_of(trials: tuple[Trial, ...]) -> list[Trial]:
    """Those that are this experiment's."""
    return [trial for trial in trials if trial.experiment == NAME]
