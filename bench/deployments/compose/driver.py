"""The compose driver: a deployment in containers of a project of its own.

The bench owns it until the block of code ends; what a killed bench leaves is removed by the next
command (`state.sweep`). `up --on compose` lets it go on alone.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bench.contract.seed import SeedSpec
from bench.deployments.base import ComponentInfo, CpuControl, Reach, UpOptions, Usage
from bench.deployments.compose.containers import (
    ALWAYS,
    NEVER,
    Container,
    containers,
    forwarder_usage,
    keep_logs,
    keep_on,
    port_forwarder,
    requests_by_address,
    set_restart_policy,
    used,
)
from bench.deployments.compose.engine import docker, require_engine
from bench.deployments.compose.layout import Layout
from bench.deployments.compose.override import SEEDS
from bench.deployments.compose.project import Project, write_readable_seed
from bench.deployments.compose.start import (
    all_ready,
    start_all,
    start_serving,
    stop_serving,
    wait_databases,
    wait_serving,
)
from bench.deployments.compose.state import ComposeState, remove_project
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError, near

FORWARDER = "docker-proxy"  # the engine's forwarder of the public port, metered beside the shop
_DRAIN_SECONDS = 15
_SEED_SECONDS = 120.0

Report = Callable[[str], None]


class ComposeDeployment:
    """A deployment in containers; satisfies `base.Deployment`."""

    restart_policy = f"the container engine's own ({ALWAYS})"

    def __init__(self, home: StateHome, project: Project) -> None:
        self._home = home
        self.project = project
        self.name: str = project.layout.topology.name
        self.report: Report = lambda _: None
        self._known: list[Container] = []
        self._forwarder: int | None = None
        self._held: set[str] = set()

    def __enter__(self) -> ComposeDeployment:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    @property
    def state(self) -> ComposeState:
        return self.project.state

    @property
    def folder(self) -> Path:
        return self.project.folder

    @property
    def layout(self) -> Layout:
        return self.project.layout

    @property
    def ident(self) -> str:
        return self.state.ident

    @property
    def hops_socket(self) -> Path | None:
        return None  # no proxy stands between containers

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.state.port}"

    @property
    def faults_dir(self) -> Path | None:
        return self.folder / "faults" if self.state.faults else None

    @property
    def cpu_control(self) -> CpuControl:
        return "cpuset" if self.state.cpus else "uncontrolled"

    @property
    def reach(self) -> frozenset[Reach]:
        """Containers are killed whole and started again with the settings they have."""
        return frozenset()

    @property
    def quotas_enforced(self) -> bool:
        """Containers share one set of CPUs; none has a quota of the bench."""
        return False

    @property
    def logs(self) -> Path:
        return self._home.logs / self.state.ident

    def up(self) -> None:
        """Start it and return when it is ready; on failure nothing is left but its logs."""
        require_engine()
        self.folder.mkdir(mode=0o755)
        self.state.write(self.folder)
        try:
            self.project.write_files(self._home)
            self.report("building the images")
            self.project.build(self._home)
            start_all(self.project, self.report)
            self._keep()
        except BaseException:
            with suppress(ShopbenchError):  # what stopped the start is the news
                self._remove()
            raise

    def down(self) -> None:
        """Drain and remove it with its data. Safe to repeat."""
        with suppress(ShopbenchError):
            stop_serving(self._look(), self._serving, self.layout.edge, _DRAIN_SECONDS)
        self._remove()

    def ready(self) -> bool:
        return all_ready([each for each in self._look() if each.service in self._serving])

    def reset(self, seed: SeedSpec) -> None:
        """Load a seed, orders first: it waits until nothing is pending."""
        name = f"seed-{secrets.token_hex(3)}"
        folder = write_readable_seed(UpOptions(seed=seed), self.folder / "seeds" / name)
        try:
            seeders = self.layout.seeders()
            for service in sorted(seeders, key=lambda each: each != "orders"):
                command = (*seeders[service], f"{SEEDS}/{name}")
                ident = self._first(service).ident
                docker("exec", ident, *command, seconds=_SEED_SECONDS)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def components(self) -> tuple[ComponentInfo, ...]:
        """Processes, the one with the public port first, then database servers."""
        found = self._look()
        names = self._names
        return tuple(
            self._info(name, each)
            for name, service in names.items()
            for each in found
            if each.service == service
        )

    def kill(self, component: str) -> None:
        """The engine takes it for a stop that was asked for: what is not held is started here."""
        self.resume(component)  # the engine sends no signal to a frozen container
        each = self._container(component)
        docker("kill", "--signal", "KILL", each.ident)
        if component not in self._held:
            docker("start", each.ident)
        self._look()

    def hold(self, component: str) -> None:
        set_restart_policy([self._container(component)], NEVER)
        self._held.add(component)

    def release(self, component: str) -> None:
        each = self._container(component)
        self._held.discard(component)
        set_restart_policy([each], ALWAYS)
        if each.condition == "exited":
            self._start(component)

    def pause(self, component: str) -> None:
        docker("pause", self._container(component).ident)
        self._look()

    def resume(self, component: str) -> None:
        each = self._container(component)
        if each.condition == "paused":
            docker("unpause", each.ident)
            self._look()

    def restart(self, component: str) -> None:
        self._start_again(component, "kill", "--signal", "KILL")

    def redeploy(
        self,
        component: str,
        environment: Mapping[str, str] | None = None,
        ready_seconds: float | None = None,
    ) -> None:
        """Drain it, then start the same container. Raises ShopbenchError for a changed release."""
        if environment or ready_seconds is not None:
            raise ShopbenchError("containers are redeployed with the settings they have", 2)
        self._start_again(component, "stop", "-t", str(_DRAIN_SECONDS))

    def cancel_redeploy(self, component: str) -> None:
        """Nothing is under way that could be ended: no new release stands beside the old one."""

    def scale(self, component: str, n: int) -> None:
        """Run `n` containers of a component behind a balancer; return when all are ready.

        The first time, whoever calls it is started again to call the balancer instead.
        """
        balanced = self.layout.balanced
        if component not in balanced or n < 1:
            can = f"{', '.join(balanced) or 'nothing'} can"
            raise ShopbenchError(f"{component} cannot be scaled to {n} in {self.name}; {can}", 2)
        first = component not in self.state.replicas
        self._change(replicas={**self.state.replicas, component: n})
        self.project.start((component,), "--no-recreate")
        wait_serving(self.project, (component,))
        if first:
            callers = tuple(name for name in self._serving if name != component)
            start_serving(self.project, (balanced[component],))
            start_serving(self.project, callers)
        self._keep()

    def limit(self, cores: float | None) -> None:
        """Refused: containers share one set of CPUs. Raises ShopbenchError."""
        raise ShopbenchError(f"{self.name} runs in containers without quotas of the bench", 2)

    def spread(self, component: str) -> dict[str, int]:
        """Requests so far by replica, as the balancer before them counts. Raises ShopbenchError."""
        if component not in self.state.replicas:
            raise ShopbenchError(f"{component} of {self.name} was not scaled", 2)
        requests = requests_by_address(self._first(self.layout.balanced[component]))
        replicas = [each for each in self._look() if each.service == component]
        return {self._name_of(each): requests.get(f"{each.ip}:8000", 0) for each in replicas}

    def usage(self) -> dict[str, Usage]:
        """CPU and memory by component, and of the engine's forwarder of the public port."""
        try:
            return self._used(self._known or self._look())
        except ShopbenchError:  # the engine has started one of them again since
            return self._used(self._look())

    def _used(self, those: list[Container]) -> dict[str, Usage]:
        found = {self._name_of(each): used(each) for each in those}
        if self._forwarder is not None:
            found[FORWARDER] = forwarder_usage(self._forwarder)
        return found

    def pids(self) -> dict[str, tuple[int, ...]]:
        return {self._name_of(each): each.pids() for each in self._look()}

    def database_dsn(self, component: str) -> str:
        return self.project.dsn(component)

    def versions(self) -> dict[str, str]:
        """What runs in the containers: Python and PostgreSQL by their own word."""
        edge, server = self._first(self.layout.edge), self._first(self._servers[0])
        return {
            "python": docker("exec", edge.ident, "python", "--version").split()[-1],
            "postgresql": docker("exec", server.ident, "postgres", "--version").split()[-1],
        }

    def detach(self) -> None:
        """Let it go on when this process ends."""
        self._change(owner=None)

    def described(self) -> dict[str, object]:
        """What is particular to this place, for `status --json`."""
        state = self.state
        return {
            **{"cpus": state.cpus, "started_at": state.started_at, "project": state.project},
            "replicas": {name: self.spread(name) for name in self.state.replicas},
        }

    def set_current(self, current: bool) -> None:
        """Make it the deployment that the command line speaks to, or no longer."""
        self._change(current=current)

    def release_port(self) -> None:
        """Stop serving the public API; `rebind` serves it again."""
        docker("stop", "-t", str(_DRAIN_SECONDS), self._first(self.layout.edge).ident)

    def rebind(self, port: int) -> None:
        """Serve the public API on another port: the edge's container is made again for it."""
        self._change(port=port)
        self.project.start((self.layout.edge,), "--force-recreate")
        wait_serving(self.project, (self.layout.edge,))
        self._keep()

    @property
    def _names(self) -> dict[str, str]:
        """Services by component, with the balancers that are there."""
        edges = [self.layout.balanced[name] for name in self.state.replicas]
        balancers = {name.replace("edge-", "edge:"): name for name in edges}
        return {**self.layout.serving, **balancers, **self.layout.databases}

    @property
    def _serving(self) -> tuple[str, ...]:
        return tuple(self.layout.serving.values())

    @property
    def _servers(self) -> tuple[str, ...]:
        return tuple(self.layout.databases.values())

    def _change(self, **values: object) -> None:
        state = self.state.changed(self.folder, **values)
        self.project = Project(self.layout, self.project.options, state, self.folder)

    def _look(self) -> list[Container]:
        """Ask the engine what there is; `usage` relies on it until the next change."""
        services = set(self._names.values())
        found = [each for each in containers(self.state.project) if each.service in services]
        self._known = found
        self._forwarder = port_forwarder(self.state.port)
        if self._forwarder is not None:
            keep_on(self._forwarder, self.state.cpus)
        return found

    def _keep(self) -> None:
        """From now on the engine starts again what ends by itself."""
        kept = [each for each in self._look() if self._name_of(each) not in self._held]
        set_restart_policy(kept, ALWAYS)

    def _start_again(self, component: str, *end: str) -> None:
        """End its container and start it; those of its replicas, if it was scaled, in turn."""
        replicas = [n for n in map(self._name_of, self._look()) if n.startswith(f"{component}#")]
        for name in replicas or [component]:
            self.resume(name)
            each = self._container(name)
            if each.condition != "exited":
                docker(*end, each.ident)
            self._start(name)

    def _start(self, component: str) -> None:
        each = self._container(component)
        docker("start", each.ident)
        if each.service in self._servers:
            wait_databases(self.project, (each.service,))
        else:
            wait_serving(self.project, (each.service,))
        self._look()

    def _container(self, component: str) -> Container:
        found = {self._name_of(each): each for each in self._look()}
        if component not in found:
            raise ShopbenchError(
                f"no component {component!r} in {self.name}{near(component, found)}", 2
            )
        return found[component]

    def _first(self, service: str) -> Container:
        for each in self._known or self._look():
            if each.service == service:
                return each
        raise ShopbenchError(f"{service} of {self.name} is not there")

    def _name_of(self, container: Container) -> str:
        names = self._names
        name = next(name for name, service in names.items() if service == container.service)
        return f"{name}#{container.number}" if container.service in self.state.replicas else name

    def _info(self, name: str, each: Container) -> ComponentInfo:
        is_server = each.service in self._servers
        port = self.state.database_ports.get(each.service, 0)
        if each.service == self.layout.edge:
            port = self.state.port
        return ComponentInfo(
            self._name_of(each),
            "database" if is_server else "process",
            each.condition,
            each.pid,
            each.started_at,
            port,
            self.logs / f"{name.replace(':', '-')}.log",
            each.restarts,
        )

    def _remove(self) -> None:
        with suppress(ShopbenchError, OSError):
            keep_logs(containers(self.state.project), self.logs)
        remove_project(self.state.project)
        shutil.rmtree(self.folder, ignore_errors=True)
