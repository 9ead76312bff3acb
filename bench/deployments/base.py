"""The protocol every place to run implements; experiments, faults and audits know only this.

`local` is the embedded driver. A new place (compose, Kubernetes) is a new driver and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bench.contract.seed import SeedSpec

Kind = Literal["process", "database"]
Condition = Literal["running", "paused", "exited"]
# `cpuset`: a cgroup holds the whole deployment on the given CPUs; `affinity`: inherited by every
# process instead; `uncontrolled`: neither was asked for or allowed, and results are stamped so.
CpuControl = Literal["cpuset", "affinity", "uncontrolled"]
# Which connections between processes go through the proxy that can delay them.
Hops = Literal["direct", "services", "all"]

COMPONENTS = ("users", "inventory", "orders", "payments")


@dataclass(frozen=True)
class UpOptions:
    """How to start a deployment; the same options mean the same in every driver.

    `environment` is handed to every serving process on top of its settings (for example
    `SHOP_DEADLINE_MS`). `overwrite` allows to reuse a database on the user's own server that
    this driver did not make. `hops`: `services` sends every call from one serving process to
    another through a proxy that can delay it, `all` every connection to a database too.
    """

    seed: SeedSpec = field(default_factory=SeedSpec)
    cpus: tuple[int, ...] = ()
    faults: bool = False
    resilience: bool = True
    overwrite: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    hops: Hops = "direct"


@dataclass(frozen=True)
class ComponentInfo:
    """One process or database server. `started_at`: seconds since the epoch."""

    name: str
    kind: Kind
    condition: Condition
    pid: int
    started_at: float
    port: int
    log: Path


@dataclass(frozen=True)
class Usage:
    """What a component used: CPU seconds since it was first started, PSS now."""

    cpu_seconds: float
    pss_bytes: int


class Deployment(Protocol):
    """A shop that can be started, asked, broken and stopped.

    Components are `monolith`, or the names of processes (`gateway`, `users`, a block such as
    `users+inventory`), and database servers (`db:shop`, `db:all`, `db:users`).
    """

    @property
    def name(self) -> str:
        """The canonical topology name."""

    @property
    def base_url(self) -> str:
        """Where the public contract is served."""

    @property
    def faults_dir(self) -> Path | None:
        """Where fault points are armed; None unless started with `faults`."""

    @property
    def cpu_control(self) -> CpuControl:
        """How the CPU budget is enforced."""

    def up(self) -> None:
        """Start everything and return when it is ready. Raises ShopbenchError."""

    def down(self) -> None:
        """Stop everything; nothing of it is left."""

    def ready(self) -> bool:
        """Tell whether every serving process answers `/ready` with 200."""

    def reset(self, seed: SeedSpec) -> None:
        """Wait for quiet, then load the seed into all databases. Raises ShopbenchError."""

    def components(self) -> tuple[ComponentInfo, ...]:
        """List processes and database servers."""

    def kill(self, component: str) -> None:
        """SIGKILL a component with every process it started."""

    def pause(self, component: str) -> None:
        """SIGSTOP a component with every process it started."""

    def resume(self, component: str) -> None:
        """SIGCONT what `pause` stopped."""

    def restart(self, component: str) -> None:
        """Start a component again, killed first if it runs; return when it is ready."""

    def redeploy(self, component: str) -> None:
        """Drain a component, then start it again; return when it is ready."""

    def usage(self) -> dict[str, Usage]:
        """Report CPU and memory of each component."""

    def database_dsn(self, component: str) -> str:
        """Return the DSN of the database that holds a component's tables and audit views."""
