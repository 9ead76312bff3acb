"""A whole deployment as its supervisor sees it: start gated on health, reset, stop.

Order of a start: database servers together, from copies of seeded data folders; serving processes
together; each step only when the one before it has succeeded everywhere. All CPUs serve a start;
the budget is in force from the moment everything is ready, and from then on what ends by itself is
started again.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bench.contract.seed import SeedSpec, write_seed
from bench.deployments.local.binaries import prepare_postgres
from bench.deployments.local.cgroups import DeploymentGroups, possible_roots
from bench.deployments.local.cluster_build import (
    ClusterBuild,
    folder_name,
    password_of,
    role_of,
)
from bench.deployments.local.external import external_urls, prepare_external
from bench.deployments.local.home import StateHome, make_folder
from bench.deployments.local.keys import prepare_keys
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.loading import SeedLoader
from bench.deployments.local.managed import Managed
from bench.deployments.local.network_proxy import (
    PROXY,
    ProxyProcess,
    Route,
    proxied_dsns,
    proxied_names,
    proxy_cpus,
)
from bench.deployments.local.plan import Facts, ProcessPlan, process_plans
from bench.deployments.local.ports import claim_ports, is_free, keep_port, let_go, owner_of
from bench.deployments.local.postgres import PostgresServer, ServerBudget
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.quota import check_cores
from bench.deployments.local.request import StartRequest
from bench.deployments.local.rollout import Rollouts
from bench.deployments.local.scaling import EDGE_PREFIX, Ground, ReplicaSet
from bench.deployments.local.server_processes import (
    DatabaseServer,
    ServingProcess,
    inherited_settings,
    is_ready,
)
from bench.deployments.local.state import DeploymentState
from bench.deployments.local.together import together
from bench.deployments.local.topology import parse_topology
from bench.deployments.local.workers import SUFFIX, Workers
from bench.errors import ShopbenchError, near

FLUSH_SECONDS = 30.0

Report = Callable[[str], None]


@dataclass
class Shop:
    """Everything a supervisor owns."""

    home: StateHome
    folder: Path
    request: StartRequest
    databases: dict[str, Managed] = field(default_factory=dict)
    processes: dict[str, Managed] = field(default_factory=dict)
    plans: tuple[ProcessPlan, ...] = ()
    dsns: dict[str, str] = field(default_factory=dict)
    proxies: dict[str, Managed] = field(default_factory=dict)
    scaled: dict[str, ReplicaSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topology = parse_topology(self.request.name)
        self.ledger = Ledger(self.folder)
        self.current = self.request.current
        self._self = ProcessId.of(os.getpid())
        self._started_at = time.time()
        self._loading = threading.Lock()
        self._loader = SeedLoader(self.ledger, self.request.logs)
        self.rollouts = Rollouts(self.home, self.folder, self._self)
        external = external_urls(self.topology)
        # A budget that does not hold the databases is none.
        cpus = () if external else self.request.options.cpus
        for root in possible_roots(self.folder.name):
            self.ledger.cgroup(root)
        cores = self.request.options.replica_cores
        if cores is not None:
            check_cores(cores)
        self.groups = DeploymentGroups(self.folder.name, cpus, quotas=cores is not None)
        self._external = external

    @property
    def edge(self) -> Managed:
        """The process that holds the public port."""
        name = self.topology.processes[0]
        return self.processes[name if name in self.processes else EDGE_PREFIX + name]

    @property
    def everything(self) -> dict[str, Managed]:
        """All that runs, by name: processes, database servers, the proxy."""
        return {**self.processes, **self.databases, **self.proxies}

    def start(self, report: Report) -> None:
        """Start all. Raises ShopbenchError; what was started is then for the janitor."""
        ports = self._choose_ports()
        self.groups.release()
        flush = threading.Thread(target=os.sync, name="flush", daemon=True)
        if self._external:
            report("preparing your own PostgreSQL")
            for owner, url in self._external.items():
                overwrite = self.request.options.overwrite
                self.dsns[owner] = prepare_external(url, owner, overwrite=overwrite)
        else:
            report(f"starting PostgreSQL ({len(self.topology.servers)} server(s))")
            self._start_databases(ports)
            flush.start()
        routes = self._start_proxy(ports)
        self.plans = process_plans(self.topology, self._facts(ports, routes), self.request.options)
        if self._external:
            report("migrating, loading the seed")
            seed = write_seed(self.request.options.seed, self.folder / "seed")
            self._loader.migrate_and_load(self.plans, seed)
        report(f"starting {', '.join(self.topology.processes)}")
        self._serve()
        if flush.ident is not None:  # what was copied must not go to the disk under a measurement
            flush.join(FLUSH_SECONDS)
        self._confine()
        for component in (*self.databases.values(), *self.processes.values()):
            component.keep()

    def reset(self, seed: SeedSpec) -> None:
        """Load a seed into the running shop, orders first: it waits until nothing is pending."""
        if not self._loading.acquire(blocking=False):
            raise ShopbenchError("a seed is being loaded already", 1)
        try:
            folder = write_seed(seed, self.folder / f"seed-{secrets.token_hex(3)}")
            self._loader.reload(self.plans, folder)
        finally:
            self._loading.release()

    def stop(self) -> None:
        """Drain the serving processes, the edge first; the databases are for the janitor."""
        if not self.processes:
            return
        first = self.edge
        first.drain()
        together(each.drain for each in self.processes.values() if each is not first)

    def ready(self) -> bool:
        running = list(self.processes.values())
        return bool(running) and all(is_ready(each.run.port) for each in running)

    def scale(self, component: str, n: int) -> None:
        """Run `n` replicas of a serving process behind an edge. Raises ShopbenchError."""
        plans = {plan.name: plan for plan in self.plans}
        if component not in plans:
            known = f"in {self.topology.name}{near(component, plans)}"
            raise ShopbenchError(f"no process {component!r} to scale {known}", 2)
        replicas = self.scaled.get(component)
        if replicas is None or not replicas.names:
            run = self.processes[component].run  # perhaps not what was started first
            assert isinstance(run, ServingProcess)
            replicas = self.scaled[component] = ReplicaSet(self._ground(), run.plan)
        replicas.scale(n)

    def limit(self, cores: float | None) -> None:
        """Change the quota of every serving process. Raises ShopbenchError."""
        if self.request.options.replica_cores is None:
            raise ShopbenchError(f"{self.topology.name} was started without quotas", 2)
        if cores is not None:
            check_cores(cores)
        for managed in list(self.processes.values()):
            managed.limit(cores)

    def spread(self, component: str) -> dict[str, int]:
        """Requests by replica of a scaled component."""
        if component not in self.scaled:
            raise ShopbenchError(f"{component} was not scaled", 2)
        return self.scaled[component].spread()

    def _ground(self) -> Ground:
        return Ground(
            processes=self.processes,
            groups=self.groups,
            ledger=self.ledger,
            folder=self.folder,
            logs=self.request.logs,
            claim_port=lambda: claim_ports(self.home, 1, self._self)[0],
            together=together,
            cores=self.request.options.replica_cores,
            connections=None if self._external else self._budget().max_connections,
        )

    def _budget(self) -> ServerBudget:
        """One server's share; replicas need more connections, in both arms alike."""
        whole = ServerBudget()
        if self.request.options.replica_cores is not None:
            whole = replace(whole, max_connections=2 * whole.max_connections)
        return whole.divided(len(self.topology.servers))

    def rebind(self, port: int) -> None:
        """Serve the public API on another port: a second edge is ready before the first drains."""
        if not is_free(port):
            raise ShopbenchError(f"port {port} is in use by {owner_of(port)}")
        run = self.edge.run
        assert isinstance(run, ServingProcess)
        keep_port(port)
        self.edge.replace_run(run.on_port(port))

    def release_port(self) -> int:
        """Drain the edge and leave the public port to somebody else; return it."""
        port = self.edge.run.port
        self.edge.drain()
        let_go(port)
        return port

    def component(self, name: str) -> Managed:
        """Find a process or database server by name."""
        everything = self.everything
        if name not in everything:
            known = f"in {self.topology.name}{near(name, everything)}"
            raise ShopbenchError(f"no component {name!r} {known}", 2)
        return everything[name]

    def members(self, name: str) -> tuple[Managed, ...]:
        """The component of that name; all its replicas, where it has been scaled."""
        if name in self.scaled and name not in self.processes:
            return tuple(self.processes[each] for each in self.scaled[name].names)
        return (self.component(name),)

    def targets(self, name: str) -> tuple[Managed | Workers, ...]:
        """What can be killed, paused and resumed: a component, or one worker of it."""
        if name.endswith(SUFFIX):
            return (Workers(self.component(name.removesuffix(SUFFIX))),)
        return self.members(name)

    def redeploy(self, name: str, environment: dict[str, str], seconds: float | None) -> None:
        """Roll out a new release of a process; a database server is restarted in order.

        Replicas follow each other. The first that does not get ready ends it, and raises.
        """
        members = self.members(name)
        for managed in members:
            if not isinstance(managed.run, ServingProcess) or name.startswith(EDGE_PREFIX):
                managed.redeploy()
                return
            replicas = next((r for r in self.scaled.values() if managed.name in r.names), None)
            take_over = partial(replicas.take_over, managed.name) if replicas is not None else None
            self.rollouts.roll_out(managed, environment, seconds, take_over)
        if members[0].name != name:
            self.scaled[name].released(environment)

    def cancel_redeploy(self, name: str) -> None:
        """End the rollout that is under way; return when nothing of it is left."""
        for managed in self.members(name):
            self.rollouts.cancel(managed.name)

    def state(self) -> DeploymentState:
        components = self.everything.values()
        port = self.edge.run.port if self.processes else 0
        return DeploymentState(
            ident=self.folder.name,
            name=self.topology.name,
            base_url=f"http://127.0.0.1:{port}",
            current=self.current,
            ready=bool(self.processes),
            supervisor=self._self,
            cpu_control=self.groups.control,
            cpus=self.groups.cpus,
            quotas_enforced=self.groups.enforces_quotas,
            started_at=self._started_at,
            logs=self.request.logs,
            faults_dir=self._faults_dir(),
            components=tuple(managed.info() for managed in components),
        )

    def write_state(self) -> None:
        self.state().write(self.folder)

    def _faults_dir(self) -> Path | None:
        return self.folder / "faults" if self.request.options.faults else None

    def _choose_ports(self) -> dict[str, int]:
        names = [*self.topology.processes, *self.topology.servers]
        ports = dict(zip(names, claim_ports(self.home, len(names), self._self), strict=True))
        if self.request.port is not None:
            if not is_free(self.request.port):
                raise ShopbenchError(
                    f"port {self.request.port} is in use by {owner_of(self.request.port)};"
                    " choose another with --port"
                )
            keep_port(self.request.port)
            ports[self.topology.processes[0]] = self.request.port
        return ports

    def _start_proxy(self, ports: dict[str, int]) -> tuple[Route, ...]:
        """Start the proxy, if anything is to go through it; return its routes."""
        options = self.request.options
        if self._external and options.hops == "all":
            raise ShopbenchError("connections to your own PostgreSQL do not go through the proxy")
        names = proxied_names(self.topology, options.hops)
        if not names:
            return ()
        claimed = claim_ports(self.home, len(names), self._self)
        routes = tuple(
            Route(name, port, ports[name]) for name, port in zip(names, claimed, strict=True)
        )
        log = self.request.logs / "proxy.log"
        run = ProxyProcess(routes, self.folder, log, self.ledger)
        group = self.groups.outside(PROXY, proxy_cpus(options.cpus))
        self.proxies[PROXY] = Managed(PROXY, "process", run, log, group)
        self.proxies[PROXY].start()
        run.wait_ready()
        return routes

    def _facts(self, ports: dict[str, int], routes: tuple[Route, ...]) -> Facts:
        faults = self._faults_dir()
        if faults is not None:
            faults.mkdir()
        self.rollouts.routed = frozenset(route.name for route in routes)
        keys = prepare_keys(self.home, self.folder / "keys", self.topology.processes)
        inherited = inherited_settings()
        return Facts(
            ports,
            proxied_dsns(self.topology, self.dsns, routes),
            keys,
            str(faults) if faults else None,
            inherited,
            hops={route.name: route.port for route in routes},
            spares=self.rollouts.reserve(self.topology.processes[1:]),
        )

    def _start_databases(self, ports: dict[str, int]) -> None:
        install = prepare_postgres(self.home)
        budget = self._budget()
        make_folder(self.folder / "data")
        servers = {}
        for name in self.topology.servers:
            leaf = folder_name(name)
            log = self.request.logs / f"{leaf}.log"
            data = self.folder / "data" / leaf
            servers[name] = PostgresServer(install, data, log, ports[name], budget)
            run = DatabaseServer(servers[name], self.ledger)
            group = self.groups.component(name)
            self.databases[name] = Managed(name, "database", run, log, group)
        build = ClusterBuild(
            *(self.home, install, self.topology, self.request.options.seed, budget),
            *(self._loader, self.folder),
        )
        seeded = build.cluster_set()
        targets = {folder_name(name): server.data for name, server in servers.items()}
        seeded.copy_to(targets, build.build, self.folder)
        try:
            together(self.databases[name].start for name in servers)
            together(self.databases[name].wait_ready for name in servers)
        except ShopbenchError:
            seeded.forget()  # perhaps it is the copy's fault: the next start makes it again
            raise
        for name, owners in self.topology.servers.items():
            for owner in owners:
                role = role_of(owner)
                self.dsns[owner] = servers[name].dsn(role, password_of(self.home, owner), role)

    def _serve(self) -> None:
        for plan in self.plans:
            log = self.request.logs / f"{plan.name}.log"
            run = ServingProcess(plan, log, self.ledger)
            group = self.groups.component(plan.name, self.request.options.replica_cores)
            self.processes[plan.name] = Managed(plan.name, "process", run, log, group)
        # Users first: the others ask it for the public keys as they start, and a request that
        # comes before they have them is refused.
        first = [p.name for p in self.plans if "users" in p.components]
        for names in (first, [name for name in self.processes if name not in first]):
            together(self.processes[name].start for name in names)
            together(self.processes[name].wait_ready for name in names)

    def _confine(self) -> None:
        self.groups.confine()
        for component in (*self.databases.values(), *self.processes.values()):
            component.confine(self.groups.affinity)
