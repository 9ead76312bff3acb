"""What each deployment can do on the same CPU: saturated, within the service level, under load.

Three parts, one after the other: `saturation` (closed loop, adjacent windows of all deployments),
`searches` (the highest load that meets the objective) and `curve` (response time at shares of
what was found). `plan` says how much of each, `experiment` runs them.
"""

from bench.experiments.capacity.experiment import run
from bench.results.capacity import CAPACITY as EXPERIMENT

__all__ = ["EXPERIMENT", "run"]
