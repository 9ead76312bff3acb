"""What each deployment can do on the same CPU: saturated, within the service level, under load.

Three parts, one after the other: `saturation` (closed loop, adjacent windows of all deployments),
`searches` (the highest load that meets the objective) and `curve` (response time at shares of
what was found). `plan` says how much of each, `measure` runs them.
"""

from bench.registry import Experiment, Flag

EXPERIMENTS = (
    Experiment(
        name="capacity",
        question="How much does each deployment serve on the same CPU, saturated and within the "
        "service level, and how does its response time grow with the load?",
        rank=20,
        measuring="bench.experiments.capacity.measure",
        reporting="bench.experiments.capacity.section",
        loads=("capacity_curve_rps",),
        heeds=("deployments", "mixes", "cpus", "seed", "max_minutes", "load_workers"),
        flags=(
            Flag(
                "--sweep",
                "Loads of the load curve of `capacity`, as shares of the smaller capacity, e.g. "
                "0.5,0.9; or none. The profile's if left out.",
            ),
        ),
    ),
)
