"""Is the data right after kills and faults, and how wrong meanwhile?"""

from bench.registry import Experiment, Flag

EXPERIMENTS = (
    Experiment(
        name="consistency",
        question="Is anything lost, double or stuck after kills and faults, and what is half done "
        "meanwhile?",
        rank=80,
        measuring="bench.experiments.consistency.measure",
        reporting="bench.experiments.consistency.section",
        heeds=("deployments", "cpus", "seed", "max_minutes"),
        told_as="Data consistency",
        flags=(
            Flag("--kills", "consistency: kills for each deployment.", int, least=0, most=1000),
            Flag("--points", "consistency: fault points for each deployment.", int, least=0),
        ),
    ),
)
