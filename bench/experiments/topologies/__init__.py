"""All 15 ways to cut the shop into processes."""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="topologies",
        question="Which of the 15 ways to cut the shop into processes is best, and by how much?",
        rank=60,
        measuring="bench.experiments.topologies.measure",
        reporting="bench.experiments.topologies.section",
        loads=("topologies.offered_rps", "topologies.probed_rps"),
        heeds=("deployments", "cpus", "seed", "max_minutes", "load_workers"),
        thresholds=("topologies",),
        processes_only="only four of the cuts have a profile in docker-compose.yml",
    ),
)
