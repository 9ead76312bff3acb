"""Scales as a whole, or per service? Capacity at the SLO against CPU and memory, both ways.

The monolith gets one more copy of the whole at each level; the services get one more replica of
the component that is the bottleneck, named by measurement. `path` finds what to scale, `probe`
searches a level, `stage` changes and probes one arm, `measure` runs the blocks.
"""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="scaling",
        question="What does each CPU core and GiB buy: scaled as a whole, or one component?",
        rank=40,
        measuring="bench.experiments.scaling.measure",
        reporting="bench.experiments.scaling.section",
        loads=("scaling.paths", "scaling.replica_cores"),
        heeds=("deployments", "mixes", "cpus", "seed", "max_minutes", "load_workers"),
        processes_only="its replicas have quotas that the containers' driver does not set",
    ),
)
