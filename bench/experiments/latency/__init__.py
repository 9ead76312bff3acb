"""Time and CPU of single requests in every deployment, in paired rounds; the ladder is in it."""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="latency",
        question="How much longer does a request take, and how much more CPU does it cost, and is "
        "that the framework, the split of the data or the process boundaries?",
        rank=10,
        measuring="bench.experiments.latency.measure",
        reporting="bench.experiments.latency.section",
        loads=("latency.gaps_s",),
        heeds=("deployments", "mixes", "cpus", "seed", "max_minutes"),
        thresholds=("latency",),
    ),
)
