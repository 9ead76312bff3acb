"""What does a shop cost that hardly anybody visits? Each deployment alone, fresh, at rest."""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="footprint",
        question="What does a shop cost that hardly anybody visits: memory, CPU at rest, start, "
        "disk, money?",
        rank=45,
        measuring="bench.experiments.footprint.measure",
        reporting="bench.experiments.footprint.section",
        heeds=("deployments", "cpus", "seed", "max_minutes", "load_workers"),
        told_as="A shop that hardly anybody visits",
    ),
)
