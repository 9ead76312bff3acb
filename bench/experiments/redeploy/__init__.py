"""What does a release cost under load? Each service, all of them, and the monolith, as rolled out.

A constant load runs while releases, good and bad, and a migration are rolled out; every number is
held against a quiet window of the same load. `course` does it, `acts` and `migration` are what is
done, `touched` asks which operations a process takes part in, `counting` counts visits.
"""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="redeploy",
        question="What does a release under load cost: visits, seconds, and how much of the shop "
        "does it touch?",
        rank=75,
        measuring="bench.experiments.redeploy.measure",
        reporting="bench.experiments.redeploy.section",
        heeds=("deployments", "cpus", "seed", "max_minutes", "load_workers"),
        told_as="Releases under load",
        processes_only="containers have no second endpoint beside the one that is replaced",
    ),
)
