"""From what was read and tried to the numbers of each arm. Pure; both halves use it.

Rules of counting, the same for both arms, fixed before anything was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.experiments.complexity.records import (
    ARMS,
    EDGE_PATHS,
    AloneTry,
    Counted,
    DatabaseTry,
    Deployable,
    Machinery,
    OperationCalls,
    Outcome,
    Running,
)

_ORDER = "order"
_SERVER = "db:"


@dataclass(frozen=True)
class Size:
    """Lines of a deployable: `own` are in no other, `shared` are in others too."""

    name: str
    own: int
    shared: int

    @property
    def lines(self) -> int:
        return self.own + self.shared


@dataclass(frozen=True)
class Arm:
    """One arm's counts. What the run does not hold is None or empty."""

    name: str
    deployables: tuple[Deployable, ...]
    machinery: Machinery | None
    running: Running | None
    calls: tuple[OperationCalls, ...]

    @property
    def sizes(self) -> list[Size]:
        """Lines of each deployable, what its process imports and its migrations."""
        holders: dict[str, int] = {}
        for file in (file for each in self.deployables for file in each.lines):
            holders[file] = holders.get(file, 0) + 1
        return [
            Size(
                each.name,
                sum(n for file, n in each.lines.items() if holders[file] == 1),
                sum(n for file, n in each.lines.items() if holders[file] > 1),
            )
            for each in self.deployables
        ]

    @property
    def all_lines(self) -> int:
        """Lines of the whole arm, each file once."""
        return _distinct_lines(self.deployables)

    @property
    def largest(self) -> Size:
        """The largest deployable, what it shares included."""
        return max(self.sizes, key=lambda each: each.lines)

    @property
    def order_way(self) -> list[str]:
        """The deployables that an order passes: the edge, and those that were called."""
        passed = {hop for each in self.calls if each.operation == _ORDER for hop in each.calls}
        return [each.name for each in self.deployables if each.edge or each.name in passed]

    @property
    def order_lines(self) -> int:
        """Lines of them, each file once."""
        return _distinct_lines(each for each in self.deployables if each.name in self.order_way)

    @property
    def public_contracts(self) -> int:
        """Operations published to clients, without those for operators."""
        return sum(len(_operations(each)) for each in self.deployables if each.edge)

    @property
    def inner_contracts(self) -> int:
        """Operations published by one process to others."""
        return sum(len(_operations(each)) for each in self.deployables if not each.edge)

    @property
    def contracts(self) -> int:
        return self.public_contracts + self.inner_contracts

    @property
    def settings(self) -> int:
        """Variables that processes are given, each process's counted."""
        return sum(len(each.settings) for each in self.deployables)

    @property
    def distinct_settings(self) -> int:
        return len({name for each in self.deployables for name in each.settings})

    @property
    def migrations(self) -> int:
        return len({file for each in self.deployables for file in each.migrations})

    @property
    def fault_points(self) -> int:
        """Places where a step may be made to fail, by name."""
        return len({point for each in self.deployables for point in each.fault_points})

    @property
    def calls_that_can_fail(self) -> int:
        """For each operation, the processes and database servers that it calls on its way."""
        return sum(len(each.calls) for each in self.calls)

    @property
    def failure_modes(self) -> int:
        """Fault points and calls that can fail."""
        return self.fault_points + self.calls_that_can_fail

    @property
    def moving_parts(self) -> int | None:
        """Processes, database servers and databases, contracts, settings."""
        if self.running is None:
            return None
        run = self.running
        counted = len(run.processes) + len(run.servers) + run.databases
        return counted + self.contracts + self.settings

    @property
    def deployment_parts(self) -> int | None:
        """Containers, images, start-up dependencies, settings, volumes, networks."""
        return deployment_parts(self.machinery) if self.machinery is not None else None


@dataclass(frozen=True)
class Tried:
    """What came of tries: how many were made, how many gave yes, and what the others said."""

    made: int
    yes: int
    unmade: int
    unstable: int
    details: tuple[str, ...]


def arms_of(found: Counted) -> list[Arm]:
    """Both arms, as far as they were counted."""
    return [
        Arm(
            name,
            tuple(each for each in found.deployables if each.deployment == name),
            next((each for each in found.machinery if each.deployment == name), None),
            next((each for each in found.running if each.deployment == name), None),
            tuple(each for each in found.calls if each.deployment == name),
        )
        for name in ARMS
    ]


def deployment_parts(machinery: Machinery) -> int:
    """Everything that has to be written down and kept for containers of an arm."""
    parts = (machinery.services, machinery.images, machinery.dependencies)
    kept = (machinery.settings, machinery.volumes, machinery.networks)
    return sum(map(len, (*parts, *kept)))


def between_processes(calls: OperationCalls) -> float:
    """Requests of an operation from one process to another."""
    return sum(count for hop, count in calls.calls.items() if not hop.startswith(_SERVER))


def to_databases(calls: OperationCalls) -> float:
    """Exchanges of an operation with database servers."""
    return sum(count for hop, count in calls.calls.items() if hop.startswith(_SERVER))


def standing_alone(tries: Sequence[AloneTry], arm: str, kind: str) -> Tried:
    """By unit: it stands if it stood in every try; what failed once and stood once is unstable."""
    own = [each for each in tries if (each.deployment, each.kind) == (arm, kind)]
    units: dict[str, list[Outcome]] = {}
    for each in own:
        units.setdefault(each.unit, []).append(each.stands)
    details = {f"{each.unit}: {each.detail}": None for each in own if each.stands != "yes"}
    return _tried(list(units.values()), tuple(details))


def opened(tries: Sequence[DatabaseTry], deployment: str) -> Tried:
    """By role and foreign database."""
    own = [each for each in tries if each.deployment == deployment]
    pairs: dict[tuple[str, str], list[Outcome]] = {}
    for each in own:
        pairs.setdefault((each.role, each.database), []).append(each.opened)
    details = {
        f"{each.role} on {each.database}: {each.detail}": None
        for each in own
        if each.opened != "no"
    }
    return _tried(list(pairs.values()), tuple(details))


def repetitions(tries: Sequence[AloneTry | DatabaseTry]) -> int:
    """How often all of it was tried."""
    return len({each.repetition for each in tries})


def told(found: Counted) -> list[str]:
    """What was found, a line each, for the terminal."""
    whole, parts = arms_of(found)
    alone = [standing_alone(found.alone, each.name, "deployable") for each in (whole, parts)]
    apart = standing_alone(found.alone, whole.name, "part")
    lines = [
        f"{alone[1].yes} of {alone[1].made} services stand alone, {alone[0].yes} of "
        f"{alone[0].made} monolith, {apart.yes} of {apart.made} of its apps",
        f"the largest service is {parts.largest.name} with {parts.largest.lines:,} lines "
        f"({parts.largest.shared:,} of them shared), the monolith has {whole.largest.lines:,}",
    ]
    for what in ("deployment_parts", "moving_parts", "failure_modes"):
        lines.append(
            f"{what.replace('_', ' ')}: {getattr(parts, what)} in the services, "
            f"{getattr(whole, what)} in the monolith"
        )
    for name in dict.fromkeys(each.deployment for each in found.databases):
        tries = opened(found.databases, name)
        lines.append(f"{name}: {tries.yes} of {tries.made} foreign databases opened")
    return lines


def _tried(outcomes: Sequence[Sequence[Outcome]], details: tuple[str, ...]) -> Tried:
    return Tried(
        made=len(outcomes),
        yes=sum(set(each) == {"yes"} for each in outcomes),
        unmade=sum("not tried" in each for each in outcomes),
        unstable=sum({"yes", "no"} <= set(each) for each in outcomes),
        details=details,
    )


def _operations(each: Deployable) -> list[str]:
    return [route for route in each.routes if route.partition(" ")[2] not in EDGE_PATHS]


def _distinct_lines(deployables: Iterable[Deployable]) -> int:
    files: dict[str, int] = {}
    for each in deployables:
        files |= each.lines
    return sum(files.values())
