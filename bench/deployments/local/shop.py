"""A whole deployment as its supervisor sees it: start gated on health, reset, stop.

Order of a start: database servers together, migrations together, seed, serving processes
together; each step only when the one before it has succeeded everywhere.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.contract.seed import SeedSpec, write_seed
from bench.deployments.local.binaries import prepare_postgres
from bench.deployments.local.cgroups import DeploymentGroups, possible_roots
from bench.deployments.local.external import external_urls, prepare_external
from bench.deployments.local.home import StateHome
from bench.deployments.local.hops import (
    PROXY,
    ProxyProcess,
    Route,
    proxied_dsns,
    proxied_names,
    proxy_cpus,
)
from bench.deployments.local.keys import prepare_keys
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.managed import (
    DatabaseServer,
    Managed,
    ServingProcess,
    inherited_settings,
    is_ready,
    start_logged,
)
from bench.deployments.local.plan import Facts, ProcessPlan, process_plans
from bench.deployments.local.ports import claim_ports, is_free, owner_of
from bench.deployments.local.postgres import PostgresServer, ServerBudget, last_line
from bench.deployments.local.processes import ProcessId, kill_tree
from bench.deployments.local.request import StartRequest
from bench.deployments.local.state import DeploymentState
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError

STEP_SECONDS = 90.0  # a migration or a load of the seed; the orders' load may wait 30 s for quiet

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

    def __post_init__(self) -> None:
        self.topology = parse_topology(self.request.name)
        self.ledger = Ledger(self.folder)
        self.current = self.request.current
        self._self = ProcessId.of(os.getpid())
        self._started_at = time.time()
        self._loading = threading.Lock()
        external = external_urls(self.topology)
        # A budget that does not hold the databases is none.
        cpus = () if external else self.request.options.cpus
        for root in possible_roots(self.folder.name):
            self.ledger.cgroup(root)
        self.groups = DeploymentGroups(self.folder.name, cpus)
        self._external = external

    @property
    def edge(self) -> Managed:
        """The process that holds the public port."""
        return self.processes[self.topology.processes[0]]

    @property
    def everything(self) -> dict[str, Managed]:
        """All that runs, by name: processes, database servers, the proxy."""
        return {**self.processes, **self.databases, **self.proxies}

    def start(self, report: Report) -> None:
        """Start all. Raises ShopbenchError; what was started is then for the janitor."""
        ports = self._choose_ports()
        if self._external:
            report("preparing your own PostgreSQL")
            for owner, url in self._external.items():
                overwrite = self.request.options.overwrite
                self.dsns[owner] = prepare_external(url, owner, overwrite=overwrite)
        else:
            report(f"starting PostgreSQL ({len(self.topology.servers)} server(s))")
            self._start_databases(ports)
        routes = self._start_proxy(ports)
        self.plans = process_plans(self.topology, self._facts(ports, routes), self.request.options)
        report("migrating")
        _together(self._step(plan, "migrate", plan.migrate) for plan in self.plans if plan.migrate)
        report("loading the seed")
        self._load(self.request.options.seed, patient=False)
        report(f"starting {', '.join(self.topology.processes)}")
        self._serve()

    def reset(self, seed: SeedSpec) -> None:
        """Load a seed into the running shop, orders first: it waits until nothing is pending."""
        if not self._loading.acquire(blocking=False):
            raise ShopbenchError("a seed is being loaded already", 1)
        try:
            self._load(seed, patient=True)
        finally:
            self._loading.release()

    def stop(self) -> None:
        """Drain the serving processes, the edge first; the databases are for the janitor."""
        names = [name for name in self.topology.processes if name in self.processes]
        if names:
            self.processes[names[0]].run.drain()
        _together(self.processes[name].run.drain for name in names[1:])

    def ready(self) -> bool:
        return bool(self.processes) and all(is_ready(m.run.port) for m in self.processes.values())

    def rebind(self, port: int) -> None:
        """Serve the public API on another port: a second edge is ready before the first drains."""
        if not is_free(port):
            raise ShopbenchError(f"port {port} is in use by {owner_of(port)}")
        run = self.edge.run
        assert isinstance(run, ServingProcess)
        self.edge.replace_run(run.on_port(port))

    def release_port(self) -> int:
        """Drain the edge and leave the public port to somebody else; return it."""
        port = self.edge.run.port
        self.edge.run.drain()
        return port

    def component(self, name: str) -> Managed:
        """Find a process or database server by name."""
        everything = self.everything
        if name not in everything:
            raise ShopbenchError(
                f"no component {name!r} in {self.topology.name}; there are {', '.join(everything)}",
                2,
            )
        return everything[name]

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
        keys = prepare_keys(self.home, self.folder / "keys", self.topology.processes)
        inherited = inherited_settings()
        return Facts(
            ports,
            proxied_dsns(self.topology, self.dsns, routes),
            keys,
            str(faults) if faults else None,
            inherited,
            hops={route.name: route.port for route in routes},
        )

    def _start_databases(self, ports: dict[str, int]) -> None:
        install = prepare_postgres(self.home)
        budget = ServerBudget().divided(len(self.topology.servers))
        (self.folder / "data").mkdir(mode=0o755)
        servers = {}
        for name in self.topology.servers:
            leaf = name.replace(":", "-")
            log = self.request.logs / f"{leaf}.log"
            data = self.folder / "data" / leaf
            servers[name] = PostgresServer(install, data, log, ports[name], budget)
            run = DatabaseServer(servers[name], self.ledger)
            group = self.groups.component(name)
            self.databases[name] = Managed(name, "database", run, log, group)
        _together(self.databases[name].start for name in servers)
        _together(server.wait_ready for server in servers.values())
        for name, owners in self.topology.servers.items():
            for owner in owners:
                self.dsns[owner] = servers[name].create_database(f"shop_{owner}")

    def _load(self, seed: SeedSpec, *, patient: bool) -> None:
        folder = write_seed(seed, self.folder / f"seed-{secrets.token_hex(3)}")
        holders = [plan for plan in self.plans if plan.load_seed]
        if patient:  # the others' tables must not change under an order that is still open
            first = [plan for plan in holders if "orders" in plan.components]
            _together(self._step(p, "load-seed", (*p.load_seed, str(folder))) for p in first)
            holders = [plan for plan in holders if plan not in first]
        _together(self._step(p, "load-seed", (*p.load_seed, str(folder))) for p in holders)

    def _step(self, plan: ProcessPlan, verb: str, command: tuple[str, ...]) -> Callable[[], None]:
        """Make a task that runs a command of an arm to its end."""
        log = self.request.logs / f"{plan.name}.{verb}.log"

        def run() -> None:
            child = start_logged(command, plan.environment, log)
            process = ProcessId.of(child.pid)
            self.ledger.process(process)
            code: int | None = None
            with suppress(subprocess.TimeoutExpired):
                code = child.wait(STEP_SECONDS)
            if code != 0:
                kill_tree(process)
                how = "took too long" if code is None else f"failed ({code})"
                raise ShopbenchError(f"{plan.name}: {verb} {how}: {last_line(log)} (log: {log})")

        return run

    def _serve(self) -> None:
        for plan in self.plans:
            log = self.request.logs / f"{plan.name}.log"
            run = ServingProcess(plan, log, self.ledger)
            group = self.groups.component(plan.name)
            self.processes[plan.name] = Managed(plan.name, "process", run, log, group)
        # Users first: the others ask it for the public keys as they start, and a request that
        # comes before they have them is refused.
        first = [p.name for p in self.plans if "users" in p.components]
        for names in (first, [name for name in self.processes if name not in first]):
            _together(self.processes[name].start for name in names)
            _together(self.processes[name].run.wait_ready for name in names)


def _together(tasks: Iterable[Callable[[], None]]) -> None:
    """Run tasks at the same time; wait for all, then raise the first one's error."""
    listed = list(tasks)
    if not listed:
        return
    with ThreadPoolExecutor(len(listed)) as pool:
        for future in [pool.submit(task) for task in listed]:
            future.result()
