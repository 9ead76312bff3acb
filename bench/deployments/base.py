"""The protocol every place to run implements; experiments, faults and audits know only this.

`local` is the embedded driver. A new place (compose, Kubernetes) is a new driver and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bench.contract.seed import SeedSpec
from bench.errors import ShopbenchError, near

Kind = Literal["process", "database"]
# `failed`: it has ended so often that its supervisor has given it up.
Condition = Literal["running", "paused", "exited", "failed"]
# `cpuset`: a cgroup holds the whole deployment on the given CPUs; `affinity`: inherited by every
# process instead; `uncontrolled`: neither was asked for or allowed, and results are stamped so.
CpuControl = Literal["cpuset", "affinity", "uncontrolled"]
CPU_CONTROL_WORDS: dict[CpuControl, str] = {
    "cpuset": "control group (cpuset)",
    "affinity": "CPU affinity, inherited by every process",
    "uncontrolled": "none",
}
# What a driver can do beyond whole components: reach one worker process, roll out another release.
Reach = Literal["workers", "releases"]
EVERYTHING: frozenset[Reach] = frozenset({"workers", "releases"})
# Which connections between processes go through the proxy that can delay them.
Hops = Literal["direct", "services", "all"]

COMPONENTS = ("users", "inventory", "orders", "payments")


def part_with(component: str, parts: Iterable[str], deployment: str) -> str:
    """The part of that name, or the process that a component is in. Raises ShopbenchError."""
    holders = {each: name for name in parts for each in (name, *name.split("+"))}
    if component not in holders:
        raise ShopbenchError(
            f"no component {component!r} in {deployment}{near(component, holders)}", 2
        )
    return holders[component]


def cpu_budget(control: CpuControl, cpus: Sequence[int]) -> str:
    """The CPU budget of a deployment in words."""
    if not cpus:
        return "none, as no --cpus were given"
    if control == "uncontrolled":
        return "none, this machine allows none"
    return f"CPU {','.join(map(str, cpus))} by {CPU_CONTROL_WORDS[control]}"


@dataclass(frozen=True)
class UpOptions:
    """How to start a deployment; the same options mean the same in every driver.

    `environment` is handed to every serving process on top of its settings (for example
    `SHOP_DEADLINE_MS`). `overwrite` allows to reuse a database on the user's own server that
    this driver did not make. `hops`: `services` sends every call from one serving process to
    another through a proxy that can delay it, `all` every connection to a database too.
    `replica_cores`: the CPU quota of every serving process, each replica of its own (databases
    and edges have none); where none can be set, `quotas_enforced` of the deployment says so.
    """

    seed: SeedSpec = field(default_factory=SeedSpec)
    cpus: tuple[int, ...] = ()
    faults: bool = False
    resilience: bool = True
    overwrite: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    hops: Hops = "direct"
    replica_cores: float | None = None


@dataclass(frozen=True)
class ComponentInfo:
    """One process or database server. `started_at`, `ready_at`: seconds since the epoch.

    `restarts`: how often its supervisor has started it again since the deployment is up.
    `ready_at`: when its driver first found it ready; 0 where the driver does not know.
    """

    name: str
    kind: Kind
    condition: Condition
    pid: int
    started_at: float
    port: int
    log: Path
    restarts: int = 0
    ready_at: float = 0.0


@dataclass(frozen=True)
class Usage:
    """What a component used: CPU seconds since it was first started, PSS now.

    `quota_cores`: what it may use, None without a limit. `periods`: of 10 ms in which it ran
    since it was first started, and those of them in which its quota held it back.
    """

    cpu_seconds: float
    pss_bytes: int
    quota_cores: float | None = None
    periods: int = 0
    periods_held_back: int = 0


class Deployment(Protocol):
    """A shop that can be started, asked, broken and stopped.

    Every process and database server that ends by itself is started again at once, from the end of
    `up` on. A fault or a test that wants it to stay away holds that back first.

    Components are `monolith`, or the names of processes (`gateway`, `users`, a block such as
    `users+inventory`), and database servers (`db:shop`, `db:all`, `db:users`). `kill`, `pause` and
    `resume` also take `NAME:worker`: one of the worker processes of a component that has some. One
    that was scaled is `edge:users` (the thin edge before its replicas) and `users#1`, `users#2`, …
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
    def ident(self) -> str:
        """A name by which another process finds this very deployment."""

    @property
    def hops_socket(self) -> Path | None:
        """Where the proxy of its hops takes orders; None if nothing goes through one."""

    @property
    def reach(self) -> frozenset[Reach]:
        """What this driver can do beyond whole components."""

    @property
    def restart_policy(self) -> str:
        """Who starts again what has ended by itself, and when: a sentence for results."""

    @property
    def cpu_control(self) -> CpuControl:
        """How the CPU budget is enforced."""

    @property
    def quotas_enforced(self) -> bool:
        """Whether `replica_cores` holds; False where none was asked for or can be set."""

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
        """SIGKILL a component with every process it started; unless held it is started again."""

    def hold(self, component: str) -> None:
        """Leave a component ended when it ends, until `release`. Safe to repeat."""

    def release(self, component: str) -> None:
        """Stop holding it back; what has ended is started, and ready on return. Safe to repeat."""

    def pause(self, component: str) -> None:
        """SIGSTOP a component with every process it started; return when all have stopped."""

    def resume(self, component: str) -> None:
        """SIGCONT what `pause` stopped."""

    def restart(self, component: str) -> None:
        """Start a component again, killed first if it runs; return when it is ready.

        A hold stays: it is about the next end.
        """

    def redeploy(
        self,
        component: str,
        environment: Mapping[str, str] | None = None,
        ready_seconds: float | None = None,
    ) -> None:
        """Roll out a new release of a process: it must get ready beside the old one first.

        `environment` is set on top of the settings of the new release. If it is not ready within
        `ready_seconds` it is ended and the old one has never stopped serving: ShopbenchError.
        """

    def cancel_redeploy(self, component: str) -> None:
        """End a rollout that is under way, as if its time had run out; return when it has."""

    def scale(self, component: str, n: int) -> None:
        """Run `n` replicas of a serving process behind a thin edge; return when all are ready.

        The first time the process itself makes room for its edge: a gap of a moment. Afterwards
        replicas come and go without one. Raises ShopbenchError.
        """

    def limit(self, cores: float | None) -> None:
        """Change the quota of every serving process now; None lets them run freely for a while.

        Raises ShopbenchError unless it was started with `replica_cores`.
        """

    def spread(self, component: str) -> dict[str, int]:
        """Count the requests that a scaled component's edge gave to each replica.

        Since the replica was added. Raises ShopbenchError if it was not scaled.
        """

    def usage(self) -> dict[str, Usage]:
        """Report CPU and memory of each component."""

    def pids(self) -> dict[str, tuple[int, ...]]:
        """The processes of each component, by the numbers that this machine gives them."""

    def database_dsn(self, component: str) -> str:
        """Return the DSN of the database that holds a component's tables and audit views."""
