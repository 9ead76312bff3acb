"""Makes a set of seeded data folders: servers up, migrations and seed, VACUUM, servers down.

No shop serves meanwhile; the arm's own commands migrate and load, in one process for all servers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from bench.contract import seed as seed_module
from bench.contract.seed import SeedSpec, write_seed
from bench.deployments.base import UpOptions
from bench.deployments.local import postgres as postgres_module
from bench.deployments.local.binaries import PostgresInstall
from bench.deployments.local.clusters import ClusterSet, content_key
from bench.deployments.local.guard import PROJECT_ROOT
from bench.deployments.local.home import StateHome
from bench.deployments.local.keys import prepare_keys
from bench.deployments.local.loading import SeedLoader
from bench.deployments.local.plan import Facts, ProcessPlan, process_plans
from bench.deployments.local.ports import claim_ports, release_ports
from bench.deployments.local.postgres import PostgresServer, ServerBudget
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.server_processes import inherited_settings
from bench.deployments.local.together import together
from bench.deployments.local.topology import Topology
from bench.errors import ShopbenchError

# Of these servers alone, not of what is in their files.
_NOT_STORED = ("max_connections", "io_workers", "shared_buffers")
_SOURCES = {"monolith": "monolith", "services": "microservices"}


def role_of(owner: str) -> str:
    """Name of the database of a component (or of the monolith), and of the role that owns it."""
    return f"shop_{owner}"


def password_of(home: StateHome, owner: str) -> str:
    """The role's password: one for all deployments of a state home, which alone knows it."""
    return home.secret(f"postgres-{role_of(owner)}")


def folder_name(server: str) -> str:
    """A server's name as that of its data folder and log."""
    return server.replace(":", "-")


@dataclass(frozen=True)
class ClusterBuild:
    """What a set is made from. `workspace`: the folder of the deployment that needs it first."""

    home: StateHome
    install: PostgresInstall
    topology: Topology
    seed: SeedSpec
    budget: ServerBudget
    loader: SeedLoader
    workspace: Path

    def cluster_set(self) -> ClusterSet:
        """The set of this content, whether it exists or not."""
        layout = self.topology.in_one_process
        return ClusterSet(self.home, self.install, layout.name, self._key(layout))

    def build(self, folder: Path) -> None:
        """Make a data folder for each server below `folder`. Raises ShopbenchError."""
        topology = self.topology.in_one_process
        names = [*topology.servers, *topology.processes]
        claimed = claim_ports(self.home, len(names), ProcessId.of(os.getpid()))
        ports = dict(zip(names, claimed, strict=True))
        servers = {name: self._server(folder, name, ports[name]) for name in topology.servers}
        try:
            together(partial(self._start, server) for server in servers.values())
            dsns = self._create_databases(topology, servers)
            seed = write_seed(self.seed, self.workspace / "seed")
            self.loader.migrate_and_load(self._plans(topology, ports, dsns), seed)
            together(
                partial(_tidy, servers[name], role_of(owner))
                for name, owners in topology.servers.items()
                for owner in owners
            )
            together(partial(_stop, server) for server in servers.values())
        finally:
            for server in servers.values():
                server.abort()
            release_ports(self.home, claimed)

    def _server(self, folder: Path, name: str, port: int) -> PostgresServer:
        leaf = folder_name(name)
        log = self.loader.logs / f"{leaf}.first.log"
        return PostgresServer(self.install, folder / leaf, log, port, self.budget)

    def _start(self, server: PostgresServer) -> None:
        self.loader.ledger.postgres(server.spawn(), server.data)
        server.wait_ready()

    def _create_databases(
        self, topology: Topology, servers: Mapping[str, PostgresServer]
    ) -> dict[str, str]:
        """DSN by owner."""
        return {
            owner: servers[name].create_database(role_of(owner), password_of(self.home, owner))
            for name, owners in topology.servers.items()
            for owner in owners
        }

    def _plans(
        self, topology: Topology, ports: Mapping[str, int], dsns: Mapping[str, str]
    ) -> tuple[ProcessPlan, ...]:
        keys = prepare_keys(self.home, self.workspace / "first-keys", topology.processes)
        facts = Facts(ports, dsns, keys, inherited=inherited_settings())
        return process_plans(topology, facts, UpOptions())

    def _key(self, layout: Topology) -> str:
        """All that decides what is in the files: sources, Django's tables, server, passwords."""
        owners = [owner for owners in layout.servers.values() for owner in owners]
        secrets = [self.install.password, *(password_of(self.home, owner) for owner in owners)]
        settings = self.budget.settings().items()
        stored = [f"{name}={value}" for name, value in settings if name not in _NOT_STORED]
        sources = [PROJECT_ROOT / _SOURCES[layout.arm]]
        sources += [Path(str(m.__file__)) for m in (seed_module, postgres_module)]
        facts = [
            *(self.install.template.parent.name, version("django"), repr(layout), repr(self.seed)),
            *stored,
            sha256("\n".join(secrets).encode()).hexdigest(),
        ]
        return content_key([*sources, Path(__file__)], facts)


def _tidy(server: PostgresServer, database: str) -> None:
    """Vacuum now, or autovacuum does when somebody measures."""
    server.execute("VACUUM (ANALYZE)", database)


def _stop(server: PostgresServer) -> None:
    """Shut down in order, which ends with a checkpoint. Raises ShopbenchError if it was killed."""
    server.execute("CHECKPOINT")
    server.stop()
    if (server.data / "postmaster.pid").exists():
        raise ShopbenchError(f"PostgreSQL did not shut down in order (log: {server.log})")
