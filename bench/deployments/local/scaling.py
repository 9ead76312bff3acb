"""Replicas of one serving process behind a thin edge that holds the process's own port.

The edge is the same program in both arms (`bench.deployments.edge`), a component of its own
(`edge:users`) without a quota. Every replica is one too (`users#1`): its own group, quota and log.
All share the component's database; each has its own pool of `REPLICA_POOL` connections.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.child_python import child_python
from bench.deployments.local.cgroups import DeploymentGroups, file_name
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.managed import Managed
from bench.deployments.local.plan import ProcessPlan
from bench.deployments.local.ports import LOOPBACK
from bench.deployments.local.server_processes import ServingProcess, inherited_settings
from bench.deployments.local.topology import MONOLITH
from bench.errors import ShopbenchError

EDGE_PREFIX = "edge:"
# Connections of one replica. A monolith's replica serves all four components of the shop.
REPLICA_POOL = {MONOLITH: 8}
SERVICE_REPLICA_POOL = 4
RESERVED_CONNECTIONS = 8  # of a server: migrations, seeding, audits, its own
NOWHERE: Mapping[str, int] = {}
_ADMIN_S = 5.0

Together = Callable[[Sequence[Callable[[], None]]], None]


@dataclass(frozen=True)
class Ground:
    """What a replica set takes from its shop. `cores`: the quota of a replica.

    `processes`: the shop's own table of what runs; replicas and edges are entered there.
    `connections`: that the component's database server has room for.
    """

    processes: dict[str, Managed]
    groups: DeploymentGroups
    ledger: Ledger
    folder: Path
    logs: Path
    claim_port: Callable[[], int]
    together: Together
    cores: float | None
    connections: int | None


def pool_of(component: str) -> int:
    """Connections in the pool of one replica."""
    return REPLICA_POOL.get(component, SERVICE_REPLICA_POOL)


class ReplicaSet:
    """The replicas of one component. One change at a time."""

    def __init__(self, ground: Ground, plan: ProcessPlan) -> None:
        self._ground = ground
        self._plan = plan
        self._socket = ground.folder / f"edge-{file_name(plan.name)}.sock"
        self._names: list[str] = []
        self._lock = threading.Lock()

    @property
    def edge_name(self) -> str:
        return EDGE_PREFIX + self._plan.name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def scale(self, n: int) -> None:
        """Run `n` replicas. Raises ShopbenchError; what runs already goes on."""
        self._check(n)
        with self._lock:
            if len(self._names) < n:
                self._add(n)
            if self.edge_name not in self._ground.processes:
                self._make_room()
            else:
                self._announce(self._names[:n])
            gone, self._names = self._names[n:], self._names[:n]
            self._ground.together([self._remover(name) for name in gone])
            if self.edge_name in self._ground.processes:
                self._edge_run().plan = self._edge_plan()

    def take_over(self, name: str, release: ServingProcess) -> None:
        """Send a replica's requests to a release that is ready; drain what served them."""
        with self._lock:
            try:
                self._announce(self._names, {name: release.port})
            except ShopbenchError:
                release.kill()
                raise
            self._ground.processes[name].take_over(release)
            self._edge_run().plan = self._edge_plan()

    def released(self, environment: Mapping[str, str]) -> None:
        """Start further replicas with the settings of the release that all have now."""
        settings = {**self._plan.environment, **environment}
        self._plan = replace(self._plan, environment=settings)

    def report(self) -> dict[str, Any]:
        """The edge's counts. Raises ShopbenchError if it does not answer."""
        return ask_edge(self._socket, "GET", "/")

    def spread(self) -> dict[str, int]:
        """Requests by replica."""
        ports = {self._ground.processes[name].run.port: name for name in self._names}
        counts = dict.fromkeys(self._names, 0)
        for each in self.report()["replicas"]:
            name = ports.get(int(each["address"].rpartition(":")[2]))
            if name is not None:
                counts[name] = each["requests"]
        return counts

    def _check(self, n: int) -> None:
        if n < 1:
            raise ShopbenchError(f"{self._plan.name} needs at least one replica, not {n}", 2)
        room = self._ground.connections
        if room is not None and self._plan.load_seed:
            most = (room - RESERVED_CONNECTIONS) // pool_of(self._plan.name)
            if n > most:
                raise ShopbenchError(
                    f"the database of {self._plan.name} has connections for {most} replicas"
                    f" of {pool_of(self._plan.name)}, not for {n}",
                    2,
                )

    def _add(self, n: int) -> None:
        """Start the missing ones together; if one fails, none of them stays."""
        fresh = [f"{self._plan.name}#{number}" for number in range(len(self._names) + 1, n + 1)]
        made = {name: self._replica(name) for name in fresh}
        try:
            self._ground.together([managed.start for managed in made.values()])
            self._ground.together([managed.wait_ready for managed in made.values()])
        except ShopbenchError:
            self._ground.together([managed.kill for managed in made.values()])
            raise
        self._ground.processes.update(made)
        self._names += fresh
        for managed in made.values():
            managed.keep()

    def _replica(self, name: str) -> Managed:
        ground = self._ground
        log = ground.logs / f"{file_name(name)}.log"
        settings = dict(self._plan.environment)
        if self._plan.load_seed:  # it has a database
            settings["DATABASE_POOL_MAX"] = str(pool_of(self._plan.name))
        plan = replace(self._plan, name=name, environment=settings)
        run = ServingProcess(plan, log, ground.ledger).on_port(ground.claim_port())
        group = ground.groups.component(name, ground.cores)
        return Managed(name, "process", run, log, group)

    def _remover(self, name: str) -> Callable[[], None]:
        return self._ground.processes.pop(name).drain

    def _make_room(self) -> None:
        """The process itself goes; its edge takes the port over and serves the replicas."""
        ground = self._ground
        single = ground.processes[self._plan.name]
        self._plan = replace(self._plan, port=single.run.port)  # it may have been moved
        log = ground.logs / f"{file_name(self.edge_name)}.log"
        run = ServingProcess(self._edge_plan(), log, ground.ledger)
        edge = Managed(self.edge_name, "process", run, log, ground.groups.component(self.edge_name))
        single.drain()
        edge.start()
        try:
            edge.wait_ready()
        except ShopbenchError:
            edge.kill()
            single.restart()
            raise
        del ground.processes[self._plan.name]
        ground.processes[self.edge_name] = edge
        edge.keep()

    def _edge_run(self) -> ServingProcess:
        run = self._ground.processes[self.edge_name].run
        assert isinstance(run, ServingProcess)
        return run

    def _edge_plan(self) -> ProcessPlan:
        """How to start the edge, now or after a kill: with the replicas there are."""
        running = self._ground.processes.get(self.edge_name)
        port = running.run.port if running is not None else self._plan.port
        command = [*child_python("-m", "bench.deployments.edge"), "--admin", f"unix:{self._socket}"]
        for address in self._addresses(self._names):
            command += ["--replica", address]
        settings = {**inherited_settings(), "SHOP_BIND": f"{LOOPBACK}:{port}"}
        return ProcessPlan(self.edge_name, port, (), tuple(command), (), settings)

    def _addresses(self, names: Sequence[str], moved: Mapping[str, int] = NOWHERE) -> list[str]:
        ports = {name: self._ground.processes[name].run.port for name in names}
        return [f"{LOOPBACK}:{moved.get(name, port)}" for name, port in ports.items()]

    def _announce(self, names: Sequence[str], moved: Mapping[str, int] = NOWHERE) -> None:
        """Tell the edge who there is; `moved`: where some of them listen from now on."""
        ask_edge(self._socket, "PUT", "/replicas", self._addresses(names, moved))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("edge", timeout=_ADMIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_edge(path: Path, method: str, target: str, document: Any = None) -> dict[str, Any]:
    """Speak to an edge's own door. Raises ShopbenchError if it is closed or refuses."""
    connection = _UnixConnection(path)
    try:
        body = None if document is None else json.dumps(document)
        connection.request(method, target, body)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ShopbenchError(f"the edge does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ShopbenchError(f"the edge refused: {found.get('error', answer.status)}")
    return found
