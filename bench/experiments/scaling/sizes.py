"""How many levels, blocks and seconds a profile spends, and what of it the CPU budget allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.deployments.local.topology import parse_topology

EXPERIMENT = "scaling"
ARMS = ("monolith", "microservices")
MIXES = ("mixed", "hot_browse")
REPLICA_CORES = 0.1  # of every replica of every process, in both arms


@dataclass(frozen=True)
class Size:
    """Levels of CPU in each arm, blocks, and the seconds of a probe.

    `step`: factor between two loads of a search and its resolution. `limit_s`: no block begins that
    would not end within it; a core slowed by others makes every search longer.
    """

    levels: int
    blocks: int
    primer_s: float
    warmup_s: float
    measured_s: float
    pilot_s: float
    step: float = 1.08
    max_probes: int = 7
    limit_s: float = math.inf

    def has_room(self, spent_s: float, blocks_s: Sequence[float], planned_s: float) -> bool:
        """Whether one more block, as long as the longest so far, ends within the limit."""
        return spent_s + max([planned_s, *blocks_s]) <= self.limit_s


SIZES = {
    "smoke": Size(2, 1, 0.1, 0.2, 0.8, 0.6, step=1.25, max_probes=3),
    "quick": Size(5, 5, 0.1, 0.2, 1.6, 1.0, limit_s=1140.0),
    "standard": Size(6, 8, 0.5, 2.0, 12.0, 3.0, step=1.05, max_probes=10),
    "full": Size(6, 12, 1.0, 5.0, 25.0, 5.0, step=1.05, max_probes=12),
}


def levels_within(name: str, wanted: int, budget_cores: int) -> int:
    """The levels whose quotas together fit into the deployment's CPUs.

    Beyond, the cores and not the quotas would be what limits.
    """
    base = len(parse_topology(name).processes)
    room = round(max(1, budget_cores) / REPLICA_CORES) - base + 1
    return max(1, min(wanted, room))
