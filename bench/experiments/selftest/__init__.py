"""The benchmark benchmarks itself: known truths are measured by the code that measures the shop."""

from bench.registry import Experiment, General

NAME = "selftest"
_PROCESSES = "its servers are processes"
_PARTS = {
    "gates": ("gates_tripped", "Does each gate trip when it should, and only then?"),
    "generator": ("generator", "Does the load generator keep what it promises?"),
    "planted": ("planted", "Are planted effects found, with their size?"),
    "disturbance": ("disturbance", "Do deployments disturb each other by being up together?"),
    "busy": ("busy", "Is the same code called different beside busy neighbours?"),
}
PART_NAMES = tuple(_PARTS)
_OF_STARTS: tuple[General, ...] = ("cpus", "seed", "max_minutes")
_OF_OTHERS: dict[str, tuple[General, ...]] = {"gates": ("cpus", "seed"), "generator": ("cpus",)}


def part_name(part: str) -> str:
    """The name of a part as an experiment of its own."""
    return f"{NAME}-{part}"


EXPERIMENTS = (
    Experiment(
        name=NAME,
        question="Does the benchmark find what is there, and nothing else?",
        rank=90,
        measuring="bench.experiments.selftest.parts",
        reporting="bench.experiments.selftest.section",
        heeds=_OF_STARTS,
        processes_only=_PROCESSES,
        remembering="bench.experiments.selftest.record",
    ),
    *(
        Experiment(
            name=part_name(part),
            question=question,
            rank=91 + at,
            measuring=f"bench.experiments.selftest.{module}",
            heeds=_OF_OTHERS.get(part, _OF_STARTS),
            processes_only=_PROCESSES,
        )
        for at, (part, (module, question)) in enumerate(_PARTS.items())
    ),
)
