"""What a fault is, what is known of a deployment, and what a fault then means there. Pure: no I/O.

Neighbours: `twins` works the one out from the other, `catalogue` lists the default faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.deployments.base import COMPONENTS, EVERYTHING, ComponentInfo, Reach
from bench.errors import ShopbenchError, near
from bench.faults.parameters import DEFAULTS

EDGE = "edge"
LONGEST_SECONDS = 600.0
_MONOLITH = "monolith"

Action = Literal["kill", "pause", "hop", "arm", "release"]


@dataclass(frozen=True)
class Fault:
    """One fault: what (`kind`), where (`component`), for how many `seconds`.

    `component`: users, inventory, orders, payments, or `edge`, the process that clients reach.
    `parameters` override the defaults of the kind; see `parameters.DEFAULTS` for names and units.
    Raises ShopbenchError that names the field which is wrong.
    """

    kind: str
    component: str = ""
    seconds: float = 5.0
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_named("kind", self.kind, DEFAULTS)
        if self.kind != "overload":
            _check_named("component", self.component, (*COMPONENTS, EDGE))
        elif self.component:
            raise ShopbenchError("component: an overload is load, it has no component", 2)
        if not 0 < self.seconds <= LONGEST_SECONDS:
            raise ShopbenchError(f"seconds: {self.seconds:g} is not in (0, {LONGEST_SECONDS:g}]", 2)
        for name, value in self.parameters.items():
            _check_named(f"parameters of {self.kind}", name, DEFAULTS[self.kind])
            DEFAULTS[self.kind][name].check(name, value)

    @property
    def name(self) -> str:
        """What it is called in journals and reports, such as `crash payments`."""
        return f"{self.kind} {self.component}".strip()

    def value(self, parameter: str) -> float:
        """A parameter as given, else the default of the kind."""
        return float(self.parameters.get(parameter, DEFAULTS[self.kind][parameter].default))


@dataclass(frozen=True)
class DeploymentFacts:
    """What twins depend on. Names are those of `Deployment.components`, the edge first.

    `processes` and `databases`: by name, the components they hold. `hops`: processes and database
    servers that are called through the proxy. `fault_points`: whether they are compiled in.
    `reach`: what the place's driver can do beyond whole components.
    """

    name: str
    processes: Mapping[str, tuple[str, ...]]
    databases: Mapping[str, tuple[str, ...]]
    hops: frozenset[str] = frozenset()
    fault_points: bool = False
    reach: frozenset[Reach] = EVERYTHING

    @property
    def edge(self) -> str:
        return next(iter(self.processes))

    @property
    def has_workers(self) -> bool:
        """Whether a process hands requests to workers and replaces those that end."""
        return any(name.partition("#")[0] == _MONOLITH for name in self.processes)

    def host(self, component: str) -> str:
        """The process that a component runs in."""
        if component == EDGE:
            return self.edge
        return next(name for name, held in self.processes.items() if component in held)

    def database(self, component: str) -> str | None:
        """The database server with a component's tables; None if it is the user's own."""
        return next((name for name, held in self.databases.items() if component in held), None)


@dataclass(frozen=True)
class Step:
    """One thing to do to a deployment: to a component, a hop or a fault point (`target`).

    A `kill` with the setting `held` keeps the component away until it is undone.
    """

    action: Action
    target: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Injection:
    """What a fault is in one deployment: `does` says it in words, `host` is where it hits."""

    fault: Fault
    does: str
    steps: tuple[Step, ...]
    host: str = ""


class NotApplicable(ShopbenchError):
    """The fault has no twin in this deployment, which is a finding: `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, 2)
        self.reason = reason


def facts_from(
    name: str,
    components: Iterable[ComponentInfo],
    hops: Iterable[str],
    *,
    fault_points: bool,
    reach: frozenset[Reach] = EVERYTHING,
) -> DeploymentFacts:
    """Read the facts off what a driver lists: the names say which components are where."""
    listed = list(components)
    databases = [part.name for part in listed if part.kind == "database"]
    # The bench's own proxy is no process of the shop: `bench:proxy`.
    processes = [part.name for part in listed if part.kind == "process" and ":" not in part.name]
    return DeploymentFacts(
        name,
        {name: held_components(name) for name in processes},
        {name: held_components(name.removeprefix("db:")) for name in databases},
        frozenset(hops),
        fault_points,
        reach,
    )


def held_components(name: str) -> tuple[str, ...]:
    """The components in a process or on a database server of that name (without `db:`).

    `users#2` is a replica.
    """
    name = name.partition("#")[0]
    if name in {_MONOLITH, "shop", "all"}:
        return COMPONENTS
    return tuple(part for part in name.split("+") if part in COMPONENTS)


def _check_named(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ShopbenchError(f"{what}: unknown {name!r}{near(name, known)}", 2)
