"""One control group for each component: its CPU time, and the CPUs the deployment may use.

Knows v1 (`cpuacct`, `cpuset`, `cpu`) and v2 (`cpu.stat`, `cpuset`, `cpu.max`), also mixed. Where
no group may be made, CPU time is summed over the process tree and the CPUs are set by affinity;
see `CpuControl`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.deployments.base import CpuControl
from bench.deployments.local.processes import ProcessId, tree
from bench.deployments.local.quota import MIN_CORES, Quota, Throttling
from bench.errors import ShopbenchError

_CGROUP_FILE = Path("/proc/self/cgroup")
_MOUNTS_FILE = Path("/proc/self/mountinfo")
_DEPLOYMENT_WEIGHT = 16  # about as many processes as a deployment has busy at once


@dataclass(frozen=True)
class Hierarchies:
    """Our own place in each hierarchy that is mounted: v1 by controller, v2 as `unified`."""

    places: dict[str, Path]

    @property
    def accounting(self) -> tuple[str, Path] | None:
        for name in ("cpuacct", "unified"):
            if name in self.places:
                return name, self.places[name]
        return None

    @property
    def cpuset(self) -> tuple[str, Path] | None:
        for name in ("cpuset", "unified"):
            if name in self.places:
                return name, self.places[name]
        return None

    @property
    def bandwidth(self) -> tuple[str, Path] | None:
        for name in ("cpu", "unified"):
            if name in self.places:
                return name, self.places[name]
        return None


def read_hierarchies(cgroup_text: str, mounts_text: str) -> Hierarchies:
    """Find our place from the texts of /proc/self/cgroup and /proc/self/mountinfo."""
    own: dict[str, str] = {}
    for line in cgroup_text.splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys((controllers or "unified").split(","), path))
    places: dict[str, Path] = {}
    for line in mounts_text.splitlines():
        mount, _, source = line.partition(" - ")
        kind, _, options = source.split(" ")[:3]
        if kind not in {"cgroup", "cgroup2"}:
            continue
        root, point = mount.split(" ")[3:5]
        names = ["unified"] if kind == "cgroup2" else options.split(",")
        for name in names:
            if name in own:
                places[name] = _inside(Path(point), root, own[name])
    return Hierarchies(places)


def _inside(point: Path, root: str, own: str) -> Path:
    """A container sees only a part of the tree: our path counts from the mounted root."""
    inner = own[len(root) :] if root != "/" and own.startswith(root) else own
    return point / inner.lstrip("/")


def find_hierarchies() -> Hierarchies:
    """Find our place on this machine; empty where there are no control groups."""
    if sys.platform != "linux":
        return Hierarchies({})
    try:
        return read_hierarchies(_CGROUP_FILE.read_text(), _MOUNTS_FILE.read_text())
    except OSError:
        return Hierarchies({})


@dataclass
class ComponentGroup:
    """Where one component's processes are counted. Without `folders` the tree is asked."""

    folders: list[Path]
    accounting: Path | None
    cpus: tuple[int, ...] = ()
    quota: Quota | None = None
    cores: float | None = None
    _ended_seconds: float = 0.0
    _last: dict[ProcessId, float] = field(default_factory=dict)

    def add(self, root: ProcessId) -> None:
        """Take in a process just started, with what it may have started meanwhile.

        Itself before its tree is looked for, which takes tens of milliseconds: what it starts from
        then on is born inside. PostgreSQL starts its workers that soon.
        """
        self._take(root.pid)
        for process in tree(root):
            self._take(process.pid)

    def _take(self, pid: int) -> None:
        for folder in self.folders:
            _try_write(folder / "cgroup.procs", str(pid))
        if self.cpus:
            _set_affinity(pid, self.cpus)

    def confine(self, cpus: tuple[int, ...], root: ProcessId | None) -> None:
        """Set the affinity of a process tree that has run freely so far, and of what follows."""
        self.cpus = cpus or self.cpus
        for process in tree(root) if root is not None and cpus else []:
            _set_affinity(process.pid, cpus)

    def pids(self) -> list[int]:
        """List the member processes, as the kernel knows them; [] without a group."""
        if self.accounting is None:
            return []
        return sorted(map(int, (self.accounting / "cgroup.procs").read_text().split()))

    def hold(self) -> None:
        """Put the quota into force: what is started runs freely until it is ready."""
        if self.quota is not None and self.cores is not None:
            self.quota.limit(self.cores)

    def release(self) -> None:
        """Let it run freely, for a start."""
        if self.quota is not None and self.cores is not None:
            self.quota.lift()

    def throttling(self) -> Throttling:
        """How often the quota held it back."""
        return self.quota.throttling() if self.quota is not None else Throttling()

    def cpu_seconds(self, root: ProcessId | None) -> float:
        """CPU time of the component since its first start, ended processes included."""
        if self.accounting is not None:
            return _read_cpu(self.accounting)
        current = {process: _tree_cpu(process) for process in ([root] if root else [])}
        for process, seconds in self._last.items():
            if process not in current:
                self._ended_seconds += seconds
        self._last = current
        return self._ended_seconds + sum(current.values())


def file_name(component: str) -> str:
    """A component's name as that of a file or folder: `db:users` and `users#2` are none."""
    return component.replace(":", "-").replace("#", ".")


def possible_roots(ident: str) -> list[Path]:
    """Name the folders a deployment may make, to be written down before they are made."""
    places = find_hierarchies()
    wanted = (places.accounting, places.cpuset, places.bandwidth)
    found = [place for place in wanted if place is not None]
    return list(dict.fromkeys(_folder(place, ident) for place in found))


class DeploymentGroups:
    """The control groups of one deployment, made at its start and removed at its end.

    Between `release` and `confine` it may use every CPU: nobody measures a start.
    """

    def __init__(self, ident: str, cpus: tuple[int, ...], *, quotas: bool = False) -> None:
        self.cpus = cpus
        places = find_hierarchies()
        self._accounting = _make(places.accounting, ident)
        self._bandwidth = _make_bandwidth(places, ident) if quotas else None
        self._cpuset = self._make_cpuset(places, ident) if cpus else None
        self.control: CpuControl = "uncontrolled"
        if self._cpuset is not None:
            self.control = "cpuset"
        elif cpus and hasattr(os, "sched_setaffinity"):
            self.control = "affinity"
        self._free = False

    def release(self) -> None:
        """Lift the CPU budget while all of it starts."""
        self._free = True
        if self._cpuset is not None:
            _write_cpus(self._cpuset, os.sched_getaffinity(0))

    def confine(self) -> None:
        """Put the CPU budget into force. Raises ShopbenchError if the kernel no longer lets us.

        By affinity, each component is confined by itself: see `affinity`.
        """
        self._free = False
        if self._cpuset is not None and not _write_cpus(self._cpuset, self.cpus):
            raise ShopbenchError(f"{self._cpuset} can no longer be held to CPUs {self.cpus}")

    @property
    def affinity(self) -> tuple[int, ...]:
        """The CPUs to which each process has to be held; () if none has to be now."""
        return self.cpus if self.control == "affinity" and not self._free else ()

    @property
    def roots(self) -> list[Path]:
        """The folders to remove at the end, each with its children."""
        bandwidth = self._bandwidth.folder if self._bandwidth is not None else None
        found = [each for each in (self._accounting, self._cpuset, bandwidth) if each is not None]
        return list(dict.fromkeys(found))

    @property
    def enforces_quotas(self) -> bool:
        """Whether a component can be held to a quota; asked for, and allowed here."""
        return self._bandwidth is not None

    def component(self, name: str, cores: float | None = None) -> ComponentGroup:
        """Make the group of one component. `cores`: its quota, if quotas can be enforced."""
        leaf = file_name(name)
        folders = []
        accounting = None
        if self._accounting is not None:
            accounting = self._accounting / leaf
            accounting.mkdir(exist_ok=True)
            folders.append(accounting)
        if self._cpuset is not None and self._cpuset != self._accounting:
            folders.append(self._cpuset)
        quota = None
        if self._bandwidth is not None:
            quota = Quota(self._bandwidth.folder / leaf, self._bandwidth.kind)
            quota.folder.mkdir(exist_ok=True)
            if quota.folder not in folders:
                folders.append(quota.folder)
        return ComponentGroup(folders, accounting, self.affinity, quota, cores)

    def outside(self, name: str, cpus: tuple[int, ...]) -> ComponentGroup:
        """Make a group of a process that runs on other CPUs than the deployment's."""
        if self._accounting is None or self._accounting == self._cpuset:
            return ComponentGroup([], None, cpus)
        folder = self._accounting / file_name(name)
        folder.mkdir(exist_ok=True)
        return ComponentGroup([folder], folder, cpus)

    def _make_cpuset(self, places: Hierarchies, ident: str) -> Path | None:
        folder = _make(places.cpuset, ident)
        if folder is None or places.cpuset is None:
            return None
        version, parent = places.cpuset
        if version == "unified":
            _try_write(parent / "cgroup.subtree_control", "+cpuset")
        elif not _try_write(folder / "cpuset.mems", (parent / "cpuset.mems").read_text()):
            return None
        return folder if _write_cpus(folder, self.cpus) else None


def _folder(place: tuple[str, Path], ident: str) -> Path:
    return place[1] / f"shopbench-{ident}"


def _make(place: tuple[str, Path] | None, ident: str) -> Path | None:
    if place is None:
        return None
    folder = _folder(place, ident)
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return folder


def _make_bandwidth(places: Hierarchies, ident: str) -> Quota | None:
    """The folder below which quotas can be set, proven by setting one; None where they cannot."""
    folder = _make(places.bandwidth, ident)
    if folder is None or places.bandwidth is None:
        return None
    version, parent = places.bandwidth
    if version == "unified":
        _try_write(parent / "cgroup.subtree_control", "+cpu")
        _try_write(folder / "cgroup.subtree_control", "+cpu")
    proof = Quota(folder / "proof", "unified" if version == "unified" else "cpu")
    try:
        proof.folder.mkdir(exist_ok=True)
        works = proof.limit(MIN_CORES)
        proof.folder.rmdir()
    except OSError:
        return None
    whole = Quota(folder, proof.kind)
    whole.weigh(_DEPLOYMENT_WEIGHT)
    return whole if works else None


def _read_cpu(folder: Path) -> float:
    usage = folder / "cpuacct.usage"
    if usage.exists():
        return int(usage.read_text()) / 1e9
    lines = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(lines["usage_usec"]) / 1e6


def _tree_cpu(root: ProcessId) -> float:
    """Sum a tree's CPU time: by schedstat (nanoseconds), no less than the kernel's own ticks."""
    total = 0.0
    for process in tree(root):
        try:
            times = psutil.Process(process.pid).cpu_times()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += max(times.user + times.system, _scheduled(process.pid))
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


def _scheduled(pid: int) -> float:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def pss_bytes(pids: list[int]) -> int:
    """Add up proportional set sizes: shared pages are divided among those who share them."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    except PermissionError:
        return _rss(pid)
    return 0 if sys.platform == "linux" else _rss(pid)


def _rss(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _write_cpus(cpuset: Path, cpus: Iterable[int]) -> bool:
    return _try_write(cpuset / "cpuset.cpus", ",".join(map(str, cpus)))


def _try_write(path: Path, text: str) -> bool:
    try:
        path.write_text(text)
    except OSError:
        return False
    return True


def _set_affinity(pid: int, cpus: tuple[int, ...]) -> None:
    """Of all threads: the system call knows a single one."""
    try:
        tasks = [int(task) for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return
    for task in tasks:
        with suppress(OSError):
            os.sched_setaffinity(task, cpus)
