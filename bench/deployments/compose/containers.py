"""The containers of one project, as the engine lists them, and what they used."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from bench.deployments.base import Condition, Usage
from bench.deployments.compose.engine import docker, inspect, labelled
from bench.deployments.local.cgroups import pss_bytes
from bench.errors import ShopbenchError

PROJECT_LABEL = "com.docker.compose.project"
_SERVICE_LABEL = "com.docker.compose.service"
_NUMBER_LABEL = "com.docker.compose.container-number"
_ONE_OFF_LABEL = "com.docker.compose.oneoff"
_CONDITIONS: dict[str, Condition] = {"running": "running", "paused": "paused"}
_PROXY = "docker-proxy"
_ASK_BALANCER = (
    "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8001/').read().decode())"
)
# Restart policies of the engine: whatever ends, unless somebody has stopped it; nothing.
ALWAYS, NEVER = "unless-stopped", "no"


@dataclass(frozen=True)
class Container:
    """`pid`: its first process as the host sees it, 0 if it does not run."""

    ident: str
    service: str
    number: int
    condition: Condition
    pid: int
    exit_code: int
    started_at: float
    ip: str
    restarts: int

    def pids(self) -> tuple[int, ...]:
        """Its processes as the host sees them; none if it does not run. Raises ShopbenchError."""
        if not self.pid:
            return ()
        try:
            return tuple(_members(_groups(self.pid)))
        except (OSError, KeyError, ValueError) as error:
            raise ShopbenchError(
                f"cannot read the control group of container {self.service}: {error}"
            ) from error


def containers(project: str) -> list[Container]:
    """All containers of a project that compose started as services, oldest number first."""
    found = [_read(each) for each in inspect(labelled("container", f"{PROJECT_LABEL}={project}"))]
    return sorted(found, key=lambda each: (each.service, each.number))


def set_restart_policy(those: Sequence[Container], policy: str) -> None:
    """Tell the engine what to do when one of these containers ends by itself."""
    if those:
        docker("update", "--restart", policy, *(each.ident for each in those))


def used(container: Container) -> Usage:
    """CPU since its control group was made, and memory now. Raises ShopbenchError."""
    if not container.pid:
        return Usage(0.0, 0)
    try:
        groups = _groups(container.pid)
        return Usage(_cpu_seconds(groups), pss_bytes(_members(groups)))
    except (OSError, KeyError, ValueError) as error:
        raise ShopbenchError(
            f"cannot read the control group of container {container.service}: {error}"
        ) from error


def requests_by_address(balancer: Container) -> dict[str, int]:
    """How many requests a balancer has given to each of its replicas. Raises ShopbenchError."""
    report = json.loads(docker("exec", balancer.ident, "python", "-c", _ASK_BALANCER))
    return {each["address"]: int(each["requests"]) for each in report["replicas"]}


def port_forwarder(port: int) -> int | None:
    """The engine's process that forwards a published port; None where the kernel does it alone."""
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == _PROXY and f"-host-port {port} " in " ".join([*words, ""]):
            return int(process.pid)
    return None


def _read(facts: dict[str, Any]) -> Container:
    state, labels = facts["State"], facts["Config"]["Labels"]
    status = "paused" if state["Paused"] else state["Status"]
    return Container(
        facts["Id"],
        labels.get(_SERVICE_LABEL, ""),
        int(labels.get(_NUMBER_LABEL, "1")),
        _CONDITIONS.get(status, "exited"),
        int(state["Pid"]),
        int(state["ExitCode"]),
        _seconds(state["StartedAt"]),
        next((each["IPAddress"] for each in facts["NetworkSettings"]["Networks"].values()), ""),
        int(facts.get("RestartCount", 0)),
    )


def _seconds(text: str) -> float:
    """Seconds since the epoch; the engine writes nanoseconds, which `datetime` does not read."""
    whole = text.partition(".")[0].rstrip("Z")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() if whole else time.time()


def _groups(pid: int) -> dict[str, Path]:
    """Folders of the control groups of a process, by controller; "" is that of version 2."""
    found = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            root = Path("/sys/fs/cgroup") / (controllers if name else "")
            found[name] = root / path.lstrip("/")
    return found


def _cpu_seconds(groups: dict[str, Path]) -> float:
    if "cpuacct" in groups:
        return int((groups["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
    stat = (groups[""] / "cpu.stat").read_text().split()
    return int(stat[stat.index("usage_usec") + 1]) / 1e6


def _members(groups: dict[str, Path]) -> list[int]:
    folder = groups.get("cpuacct", groups.get(""))
    assert folder is not None
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def forwarder_usage(pid: int) -> Usage:
    """CPU and memory of the port forwarder; nothing where this user may not see it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        spent = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError, IndexError):
        return Usage(0.0, 0)
    return Usage(spent, pss_bytes([pid]))


def keep_on(pid: int, cpus: tuple[int, ...]) -> None:
    """Hold all threads of a process on these CPUs, where this user may."""
    if not cpus:
        return
    with suppress(OSError, AttributeError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cpus)


def keep_logs(found: Sequence[Container], folder: Path) -> None:
    """Write what each container has said into a folder. Raises ShopbenchError, OSError."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for each in found:
        text = docker("logs", each.ident, both=True)
        suffix = "" if each.number == 1 else f"-{each.number}"
        (folder / f"{each.service}{suffix}.log").write_text(text, encoding="utf-8")
