"""Which containers make a deployment: names in the protocol against names in the compose file."""

from __future__ import annotations

from dataclasses import dataclass

from bench.deployments.base import COMPONENTS
from bench.deployments.local.topology import NAMES, Topology, parse_topology
from bench.errors import ShopbenchError


@dataclass(frozen=True)
class Layout:
    """A deployment that the compose file has a profile for.

    `serving`: services by process name, the one with the public port first. `databases`: services
    by server name. `prepare`: the one-shots that migrate and seed, with the process each is for.
    """

    topology: Topology
    serving: dict[str, str]
    databases: dict[str, str]
    prepare: tuple[str, ...]

    @property
    def profile(self) -> str:
        return self.topology.name

    @property
    def edge(self) -> str:
        """The service with the public port."""
        return next(iter(self.serving.values()))

    @property
    def balanced(self) -> dict[str, str]:
        """Services that can have replicas, each with the balancer that stands before them."""
        if not self.topology.has_gateway:
            return {}
        return {name: f"edge-{name}" for name in self.serving.values() if name != self.edge}

    def server_of(self, owner: str) -> str:
        """The service that holds an owner's database."""
        return next(
            self.databases[server]
            for server, owners in self.topology.servers.items()
            if owner in owners
        )

    def seeders(self) -> dict[str, tuple[str, ...]]:
        """Serving services with the command that loads a seed there; the folder comes last."""
        if self.topology.arm == "monolith":
            return {"monolith": ("python", "-m", "monolith.manage", "load_seed")}
        if not self.topology.has_gateway:
            host = ("python", "-m", "microservices.host", "load-seed")
            return {self.edge: (*host, "--components", ",".join(COMPONENTS))}
        return {name: ("python", "-m", f"microservices.{name}", "load-seed") for name in COMPONENTS}


def layout_of(name: str) -> Layout:
    """The layout of a deployment. Raises ShopbenchError (usage) for a cut without a profile."""
    topology = parse_topology(name)
    if topology.name not in NAMES:
        known = ", ".join(NAMES)
        raise ShopbenchError(
            f"{topology.name!r} runs as processes only; --on compose has {known}", 2
        )
    processes = topology.processes
    # One process that holds everything is named after its components; its service is not.
    single = {processes[0]: topology.name}
    serving = {name: name for name in processes} if topology.has_gateway else single
    prepared = COMPONENTS if topology.has_gateway else (topology.name,)
    return Layout(
        topology,
        serving,
        {server: server.replace(":", "-") for server in topology.servers},
        tuple(f"prepare-{name}" for name in prepared),
    )
