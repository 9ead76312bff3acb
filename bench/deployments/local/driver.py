"""The local driver: starts a supervised deployment and speaks to its supervisor.

`open_deployment` is for a block of code: when the caller ends, by whatever signal, all is gone
within 5 s. `up` of the command line starts the same and lets it go on alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from bench.contract.seed import SeedSpec
from bench.deployments.base import EVERYTHING, ComponentInfo, CpuControl, UpOptions, Usage
from bench.deployments.local.control import DEFAULT_SECONDS, ask
from bench.deployments.local.guard import Guard
from bench.deployments.local.home import StateHome, make_folder
from bench.deployments.local.last_lines import last_lines
from bench.deployments.local.ledger import clean_up, sweep
from bench.deployments.local.network_proxy import HOPS_SOCKET
from bench.deployments.local.ports import is_free, owner_of
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.request import StartRequest
from bench.deployments.local.restarts import MOST_DEATHS, RESTART_SECONDS, WITHIN_SECONDS
from bench.deployments.local.state import DeploymentState, read_state
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError

KEPT_LOG_FOLDERS = 20
_DOWN_SECONDS = 40.0
_RESET_SECONDS = 120.0
_SCALE_SECONDS = 120.0
_GONE_SECONDS = 10.0

Report = Callable[[str], None]


class LocalDeployment:
    """A deployment on this machine; satisfies `base.Deployment`."""

    reach = EVERYTHING
    restart_policy = (
        f"the supervisor of the bench, {RESTART_SECONDS:g} s after the end;"
        f" not after {MOST_DEATHS} ends within {WITHIN_SECONDS:g} s"
    )

    def __init__(self, home: StateHome, folder: Path, request: StartRequest) -> None:
        self._home = home
        self.folder = folder
        self._request = request
        self._guard: Guard | None = None
        self._discarded = False
        self._beginning = threading.Lock()
        self.name: str = parse_topology(request.name).name
        self.base_url: str = ""
        self.faults_dir: Path | None = None
        self.cpu_control: CpuControl = "uncontrolled"
        self.quotas_enforced = False
        self.report: Report = lambda _: None

    def __enter__(self) -> LocalDeployment:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    @property
    def state(self) -> DeploymentState:
        """The supervisor's own view. Raises ShopbenchError if it is gone."""
        state = read_state(self.folder)
        if state is None:
            raise ShopbenchError(f"{self.name} is not up")
        return state

    @property
    def ident(self) -> str:
        return self.folder.name

    @property
    def hops_socket(self) -> Path | None:
        """Where the proxy takes orders; None if nothing goes through one."""
        path = self.folder / HOPS_SOCKET
        return path if path.exists() else None

    @property
    def logs(self) -> Path:
        return self._request.logs

    def up(self) -> None:
        """Start it and return when it is ready; on failure nothing is left but its logs."""
        _check_port(self._request.port)
        guard, progress = self._begin()
        try:
            self._follow(progress, guard)
            self._adopt(self.state)
        except BaseException:
            guard.release()
            raise

    def _begin(self) -> tuple[Guard, int]:
        """Start janitor and supervisor; what the supervisor reports can be read from the file."""
        with self._beginning:
            if self._discarded:
                raise ShopbenchError(f"{self.name} was ended before it started")
            make_folder(self.folder)
            make_folder(self._request.logs, 0o700)
            self._request.write(self.folder)
            reading, writing = os.pipe()
            self._guard = Guard(self.folder, self._request.logs / "supervisor.log", writing)
            os.close(writing)
            return self._guard, reading

    def detach(self) -> None:
        """Let it go on when this process ends."""
        if self._guard is not None:
            self._guard.detach()

    def down(self) -> None:
        """Drain and stop it; return when nothing of it is left. Safe to repeat."""
        try:
            ask(self.folder, "down", seconds=_DOWN_SECONDS)
        except ShopbenchError:
            self._kill_supervisor()
        if self._guard is not None:
            self._guard.release()
        self._wait_gone()

    def discard(self) -> None:
        """End it at once, requests in flight and all: nobody will read its data.

        Safe to repeat, and while another thread is in `up`, which raises ShopbenchError then.
        """
        with self._beginning:
            self._discarded = True
        if self._guard is not None:
            self._guard.release()
            self._wait_gone()

    def ready(self) -> bool:
        return bool(ask(self.folder, "ready"))

    def reset(self, seed: SeedSpec) -> None:
        ask(self.folder, "reset", seconds=_RESET_SECONDS, seed=asdict(seed))

    def components(self) -> tuple[ComponentInfo, ...]:
        entries = ask(self.folder, "status")["components"]
        return tuple(ComponentInfo(**{**entry, "log": Path(entry["log"])}) for entry in entries)

    def kill(self, component: str) -> None:
        self._change("kill", component)

    def hold(self, component: str) -> None:
        self._change("hold", component)

    def release(self, component: str) -> None:
        self._change("release", component)

    def pause(self, component: str) -> None:
        self._change("pause", component)

    def resume(self, component: str) -> None:
        self._change("resume", component)

    def restart(self, component: str) -> None:
        self._change("restart", component)

    def redeploy(
        self,
        component: str,
        environment: Mapping[str, str] | None = None,
        ready_seconds: float | None = None,
    ) -> None:
        ask(
            self.folder,
            "redeploy",
            seconds=2 * DEFAULT_SECONDS + (ready_seconds or 0.0),
            component=component,
            environment=dict(environment or {}),
            ready_seconds=ready_seconds,
        )

    def cancel_redeploy(self, component: str) -> None:
        self._change("cancel_redeploy", component)

    def scale(self, component: str, n: int) -> None:
        ask(self.folder, "scale", seconds=_SCALE_SECONDS, component=component, n=n)

    def limit(self, cores: float | None) -> None:
        ask(self.folder, "limit", cores=cores)

    def spread(self, component: str) -> dict[str, int]:
        return dict(ask(self.folder, "spread", component=component))

    def usage(self) -> dict[str, Usage]:
        return {name: Usage(**entry) for name, entry in ask(self.folder, "usage").items()}

    def pids(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(found) for name, found in ask(self.folder, "pids").items()}

    def database_dsn(self, component: str) -> str:
        return str(ask(self.folder, "dsn", component=component))

    def rebind(self, port: int) -> None:
        """Move the public API to another port."""
        ask(self.folder, "rebind", seconds=60.0, port=port)
        self._adopt(self.state)

    def release_port(self) -> None:
        """Stop serving the public API; `rebind` serves it again."""
        ask(self.folder, "release_port")

    def described(self) -> dict[str, object]:
        """What is particular to this place, for `status --json`."""
        state = self.state
        return {
            **{"cpus": state.cpus, "started_at": state.started_at},
            "supervisor_pid": state.supervisor.pid,
        }

    def set_current(self, current: bool) -> None:
        """Make it the deployment that the command line speaks to, or no longer."""
        ask(self.folder, "set_current", current=current)

    def _change(self, op: str, component: str) -> None:
        ask(self.folder, op, seconds=DEFAULT_SECONDS + 30.0, component=component)

    def _adopt(self, state: DeploymentState) -> None:
        self.base_url = state.base_url
        self.faults_dir = state.faults_dir
        self.cpu_control = state.cpu_control
        self.quotas_enforced = state.quotas_enforced

    def _follow(self, progress: int, guard: Guard) -> None:
        """Read the supervisor's reports until it is ready. Raises ShopbenchError."""
        with os.fdopen(progress, "r", encoding="utf-8") as stream:
            for line in stream:
                event = json.loads(line)
                if event["event"] == "step":
                    self.report(event["text"])
                elif event["event"] == "failed":
                    raise ShopbenchError(f"{self.name}: {event['message']}", event["exit_code"])
                else:
                    return
        guard.wait_ended()  # the janitor says how the supervisor ended
        log = self._request.logs / "supervisor.log"
        raise ShopbenchError(
            f"{self.name}: the supervisor ended during the start: {last_lines(log)} (log: {log})"
        )

    def _kill_supervisor(self) -> None:
        state = read_state(self.folder)
        if state is not None:
            kill_for_certain(state.supervisor)

    def _wait_gone(self) -> None:
        deadline = time.monotonic() + _GONE_SECONDS
        while self.folder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        problems = clean_up(self.folder) if self.folder.exists() else []
        if problems:
            raise ShopbenchError(f"{self.name} is down, but {'; '.join(problems)}")


def kill_for_certain(supervisor: ProcessId) -> None:
    """End a supervisor that does not answer; its janitor then removes all it owned."""
    supervisor.signal(9)


def new_deployment(
    home: StateHome, name: str, port: int | None, options: UpOptions, *, current: bool
) -> LocalDeployment:
    """Prepare a deployment's folder name and log folder; nothing is started."""
    topology = parse_topology(name)
    sweep(home.deployments)
    _prune_logs(home)
    ident = (
        f"{topology.name[:13] if topology.name.isalpha() else 'services'}-{secrets.token_hex(3)}"
    )
    request = StartRequest(topology.name, port, current, home.logs / ident, options)
    return LocalDeployment(home, home.deployments / ident, request)


def open_deployment(
    name: str, *, base_port: int | None = None, options: UpOptions | None = None
) -> LocalDeployment:
    """Return a deployment for a `with` block: up on entry, down on exit, never outlives us.

    `base_port`: its public port; None takes any free one. Raises ShopbenchError.
    """
    home = StateHome.from_environment()
    return new_deployment(home, name, base_port, options or UpOptions(), current=False)


def attach(home: StateHome, folder: Path, state: DeploymentState) -> LocalDeployment:
    """Speak to a deployment that another process started."""
    port = int(state.base_url.rpartition(":")[2])
    request = StartRequest(state.name, port, state.current, state.logs, UpOptions())
    deployment = LocalDeployment(home, folder, request)
    deployment._adopt(state)
    return deployment


def _check_port(port: int | None) -> None:
    if port is not None and not is_free(port):
        raise ShopbenchError(
            f"port {port} is in use by {owner_of(port)}; choose another with --port"
        )


def _prune_logs(home: StateHome) -> None:
    folders = sorted(home.logs.iterdir(), key=_modified_at)
    for folder in folders[:-KEPT_LOG_FOLDERS]:
        if not (home.deployments / folder.name).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another command, starting at the same time, removed it
