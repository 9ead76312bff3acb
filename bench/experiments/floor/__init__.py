"""Is an arm a straw man? Each against a bare handler of its own framework."""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="floor",
        question="Is either arm a straw man, held against a bare handler of its own framework?",
        rank=30,
        measuring="bench.experiments.floor.measure",
        reporting="bench.experiments.floor.section",
        heeds=("cpus", "seed", "max_minutes", "load_workers"),
        told_as="Rate against the bare handler",
        processes_only="its bare handlers are processes",
    ),
)
