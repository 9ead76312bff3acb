"""What is counted and tried, as the journal keeps it: setting `complexity`, a list of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

NAME = "complexity"
ARMS = ("monolith", "microservices")
EDGE_PATHS = frozenset({"/live", "/ready", "/openapi.json"})  # operators', in every process

Outcome = Literal["yes", "no", "not tried"]


@dataclass(frozen=True)
class Deployable:
    """What is built and started by itself.

    `lines`: of code, by file. `routes`: what its router holds, as `GET /path`. `settings`: the
    variables its process is given. `fault_points`: where a step of it may be made to fail.
    """

    deployment: str
    name: str
    lines: Mapping[str, int]
    routes: tuple[str, ...]
    settings: tuple[str, ...]
    migrations: tuple[str, ...]
    fault_points: tuple[str, ...]
    edge: bool


@dataclass(frozen=True)
class Machinery:
    """What docker-compose.yml and the Dockerfiles say of one arm. `lines`: of its services' blocks.

    `dependencies`: `a -> b`, a starts after b. `settings`: `service NAME`; `secrets`: those of them
    that name a file with a key or a password.
    """

    deployment: str
    services: tuple[str, ...]
    images: tuple[str, ...]
    dependencies: tuple[str, ...]
    settings: tuple[str, ...]
    secrets: tuple[str, ...]
    volumes: tuple[str, ...]
    networks: tuple[str, ...]
    ports: tuple[str, ...]
    lines: int
    dockerfile_lines: int


@dataclass(frozen=True)
class Running:
    """What runs once a deployment is up. `os_processes`: workers included, databases left out.

    `faults`: what of the fault catalogue can be done to it, each different thing once.
    """

    deployment: str
    processes: tuple[str, ...]
    servers: tuple[str, ...]
    databases: int
    roles: int
    ports: int
    os_processes: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class OperationCalls:
    """One operation, for each request: less what the shop does by itself meanwhile.

    `calls`: requests sent to each process or database server that it passes. `bytes_sent`: both
    ways, on all of them.
    """

    deployment: str
    operation: str
    requests: int
    failed: int
    calls: Mapping[str, float]
    bytes_sent: float
    statements: float
    commits: float


@dataclass(frozen=True)
class DatabaseTry:
    """A role tried on another's database. `opened`: it got in; `tables` it could read."""

    deployment: str
    repetition: int
    role: str
    database: str
    opened: Outcome
    detail: str
    tables: int = 0


@dataclass(frozen=True)
class AloneTry:
    """One unit built, started and asked without the others' code on disk.

    `kind`: a deployable, or a part of one that is tried the same way. `reached`: how far it got.
    """

    deployment: str
    unit: str
    kind: Literal["deployable", "part"]
    repetition: int
    stands: Outcome
    reached: Literal["", "built", "started", "asked"]
    checks: int
    detail: str


@dataclass(frozen=True)
class Counted:
    """All of it; what a run was cut off from is empty."""

    deployables: tuple[Deployable, ...] = ()
    machinery: tuple[Machinery, ...] = ()
    running: tuple[Running, ...] = ()
    calls: tuple[OperationCalls, ...] = ()
    databases: tuple[DatabaseTry, ...] = ()
    alone: tuple[AloneTry, ...] = ()
    requests: int = 0
