"""What both halves know: names in the results, and the typed records that the journal keeps.

Measuring writes them into the run's settings after every stretch of load; reporting reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from bench.deployments.base import COMPONENTS

EXPERIMENT = "redeploy"
MIX = "journeys"
MONOLITH, MICROSERVICES = ARMS = ("monolith", "microservices")
GATEWAY = "gateway"
SERVICES = COMPONENTS
# The arms with a second endpoint of whatever holds the public port.
TWO = {MONOLITH: "monolith (two replicas)", MICROSERVICES: "microservices (two gateways)"}
OWNER = "inventory"  # of the table that is migrated, and whose release is bad

# Kinds of stretches: good releases; bad and planted ones; with a second endpoint of everything.
SINGLE, TROUBLE, SECOND = "single", "trouble", "second"
What = Literal[
    "release", "side by side", "never ready", "wrong answers", "no drain", "lock", "migration"
]


@dataclass(frozen=True)
class Change:
    """One thing that was done to a shop under load. Moments in seconds on the load's clock.

    The quiet window is the stretch's control. `ordered_s` to `returned_s`: the call; its visits
    are those due until `ended_s`. `in_service_s`: from the order until the new release serves;
    `cold_start_s`: from the start of its process until it is ready; `cpu_s`: of the deployment,
    beyond the quiet window's rate. `held`: whether what has to hold beside the visits did; `said`:
    the driver's words, or what did not hold. `parts`: seconds of the parts of it; `spread`:
    requests answered by each replica.
    """

    arm: str
    repetition: int
    what: What
    component: str
    step: str
    trial_id: str
    quiet_from_s: float
    quiet_to_s: float
    ordered_s: float
    returned_s: float
    ended_s: float
    cpu_s: float
    in_service_s: float | None = None
    cold_start_s: float | None = None
    held: bool = True
    said: str = ""
    parts: dict[str, float] = field(default_factory=dict)
    spread: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the order until the call returned: only the new release serves."""
        return self.returned_s - self.ordered_s


@dataclass(frozen=True)
class Touch:
    """Which of the operations asked were not answered rightly while a component was stopped."""

    arm: str
    component: str
    asked: tuple[str, ...]
    touched: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """All that the journal's settings keep of the experiment. Rates in requests/s."""

    capacity_rps: dict[str, float] = field(default_factory=dict)
    rate_rps: float = 0.0
    changes: tuple[Change, ...] = ()
    touches: tuple[Touch, ...] = ()


def held_in(settings: Any) -> Held:
    """Read the setting. Raises msgspec.ValidationError if it is not as a run writes it."""
    return msgspec.convert(settings or {}, Held)


def trial_name(kind: str) -> str:
    """The experiment's name of the trials of one kind of stretch."""
    return f"{EXPERIMENT}:{kind}"
