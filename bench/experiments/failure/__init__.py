"""The same faults in both arms under the same load, and what each journey lost."""

from bench.registry import Experiment, Flag

EXPERIMENTS = (
    Experiment(
        name="failure",
        question="What does each journey lose when something breaks, in each arm, and when is it "
        "back?",
        rank=70,
        measuring="bench.experiments.failure.measure",
        reporting="bench.experiments.failure.section",
        loads=("failure.capacity_rps",),
        heeds=("deployments", "cpus", "seed", "max_minutes", "load_workers"),
        flags=(Flag("--spec", "With failure: a TOML file, or bench, quick, …."),),
    ),
)
