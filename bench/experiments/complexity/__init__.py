"""How much is there to know, to set up and to break? Counted by one counter in both arms.

Nothing is asserted: code and contracts are read from what the processes import, calls from the
proxy while requests are made; that a service stands alone, and cannot open another's database, is
tried. `tree`, `machinery`, `running`, `calls`, `own_data` and `alone` each bring one part.
"""

from bench.registry import Experiment

EXPERIMENTS = (
    Experiment(
        name="complexity",
        question="How many parts, contracts, calls and ways to fail are there, counted alike?",
        rank=55,
        measuring="bench.experiments.complexity.measure",
        reporting="bench.experiments.complexity.section",
        heeds=("cpus", "seed", "max_minutes"),
        told_as="Counted in both arms",
        processes_only="it builds each process by itself and reads every call through the proxy",
    ),
)
