"""Control groups: where we are in v1, v2 and mixed hierarchies, and what a group counts."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.deployments.local import cgroups
from bench.deployments.local.cgroups import (
    ComponentGroup,
    DeploymentGroups,
    find_hierarchies,
    read_hierarchies,
)
from bench.deployments.local.ledger import remove_groups
from bench.deployments.local.processes import ProcessId

V1 = "4:cpuset:/\n3:cpu,cpuacct:/box\n0::/\n"
V1_MOUNTS = """\
33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime shared:9 - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2 = "0::/user.slice/session.scope\n"
V2_MOUNTS = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
BOXED = "3:cpuacct:/docker/abc\n"
BOXED_MOUNTS = "33 31 0:29 /docker/abc /sys/fs/cgroup/cpuacct ro - cgroup cgroup rw,cpuacct\n"


def test_v1_gives_each_controller_its_own_place() -> None:
    found = read_hierarchies(V1, V1_MOUNTS)
    assert found.accounting == ("cpuacct", Path("/sys/fs/cgroup/cpu,cpuacct/box"))
    assert found.cpuset == ("cpuset", Path("/sys/fs/cgroup/cpuset"))


def test_v2_has_one_place_for_all() -> None:
    found = read_hierarchies(V2, V2_MOUNTS)
    place = Path("/sys/fs/cgroup/user.slice/session.scope")
    assert found.accounting == found.cpuset == ("unified", place)


def test_in_a_container_our_path_counts_from_the_mounted_root() -> None:
    found = read_hierarchies(BOXED, BOXED_MOUNTS)
    assert found.accounting == ("cpuacct", Path("/sys/fs/cgroup/cpuacct"))


def test_without_control_groups_nothing_is_found() -> None:
    assert read_hierarchies("", "").accounting is None


def spin(seconds: float) -> subprocess.Popen[bytes]:
    code = f"import time\nwhile time.process_time() < {seconds}: pass\ntime.sleep(60)"
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def test_a_process_is_taken_in_before_anybody_looks_for_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it forks while its tree is looked for (tens of milliseconds) is born inside then."""
    procs, root = tmp_path / "cgroup.procs", ProcessId(4711, 1.0)

    def look(process: ProcessId) -> list[ProcessId]:
        assert procs.read_text() == str(root.pid)
        return [process]

    monkeypatch.setattr(cgroups, "tree", look)
    ComponentGroup([tmp_path], None).add(root)
    assert procs.read_text() == str(root.pid)


def test_a_component_is_charged_the_cpu_it_used() -> None:
    groups = DeploymentGroups(f"test-{os.getpid()}", ())
    child = spin(0.3)
    try:
        group = groups.component("db:users")
        root = ProcessId.of(child.pid)
        group.add(root)
        deadline = time.monotonic() + 10
        while group.cpu_seconds(root) < 0.25:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if group.accounting is not None:
            assert group.pids() == [child.pid]
    finally:
        child.kill()
        child.wait()
        assert remove_groups(groups.roots) == []


def test_processes_stay_on_the_cpus_of_the_budget() -> None:
    cpu = min(os.sched_getaffinity(0))
    groups = DeploymentGroups(f"test-{os.getpid()}-cpus", (cpu,))
    child = spin(0.0)
    try:
        assert groups.control in {"cpuset", "affinity"}
        groups.component("users").add(ProcessId.of(child.pid))
        assert os.sched_getaffinity(child.pid) == {cpu}
    finally:
        child.kill()
        child.wait()
        assert remove_groups(groups.roots) == []


def test_without_a_budget_a_deployment_is_uncontrolled() -> None:
    groups = DeploymentGroups(f"test-{os.getpid()}-none", ())
    try:
        assert groups.control == "uncontrolled"
    finally:
        remove_groups(groups.roots)


def test_where_no_group_may_be_made_the_process_tree_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "bench.deployments.local.cgroups.find_hierarchies", lambda: read_hierarchies("", "")
    )
    groups = DeploymentGroups("none", (min(os.sched_getaffinity(0)),))
    assert groups.control == "affinity"
    assert groups.roots == []
    assert groups.component("users").cpu_seconds(ProcessId.of(os.getpid())) > 0


def test_this_machine_is_read_without_an_error() -> None:
    find_hierarchies()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cpuacct.usage", "1250000000\n"),  # v1, nanoseconds
        ("cpu.stat", "usage_usec 1250000\nuser_usec 1000000\nsystem_usec 250000\n"),  # v2
    ],
)
def test_a_group_counts_its_own_cpu(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    assert ComponentGroup([tmp_path], tmp_path).cpu_seconds(None) == 1.25


def test_v2_holds_each_component_in_a_group_below_the_deployments_cpuset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = f"29 23 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    found = read_hierarchies("0::/\n", mounts)
    monkeypatch.setattr("bench.deployments.local.cgroups.find_hierarchies", lambda: found)
    groups = DeploymentGroups("fake", (1, 2))
    assert groups.control == "cpuset"
    root = tmp_path / "shopbench-fake"
    assert groups.roots == [root]
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpuset"
    assert (root / "cpuset.cpus").read_text() == "1,2"
    group = groups.component("db:users")
    group.add(ProcessId.of(os.getpid()))
    assert group.accounting == root / "db-users"
    assert group.pids()  # our own id was written there


def test_without_schedstat_the_kernels_ticks_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.deployments.local.cgroups._scheduled", lambda _: 0.0)
    child = spin(0.3)
    try:
        deadline = time.monotonic() + 10
        times = psutil.Process(child.pid).cpu_times()
        while times.user + times.system < 0.25:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            times = psutil.Process(child.pid).cpu_times()
        counted = ComponentGroup([], None).cpu_seconds(ProcessId.of(child.pid))
    finally:
        child.kill()
        child.wait()
    assert counted == pytest.approx(times.user + times.system, abs=0.05)
    assert counted >= 0.25


needs_two_cpus = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="one CPU: nothing to be held to"
)


@needs_two_cpus
def test_between_release_and_confine_a_deployment_uses_every_cpu() -> None:
    everywhere = os.sched_getaffinity(0)
    cpu = min(everywhere)
    groups = DeploymentGroups(f"test-{os.getpid()}-start", (cpu,))
    child = spin(0.0)
    try:
        groups.release()
        group = groups.component("users")
        group.add(ProcessId.of(child.pid))
        assert os.sched_getaffinity(child.pid) == everywhere
        groups.confine()
        group.confine(groups.affinity, ProcessId.of(child.pid))
        assert os.sched_getaffinity(child.pid) == {cpu}
    finally:
        child.kill()
        child.wait()
        assert remove_groups(groups.roots) == []


@needs_two_cpus
def test_by_affinity_every_thread_of_a_started_process_is_confined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "bench.deployments.local.cgroups.find_hierarchies", lambda: read_hierarchies("", "")
    )
    cpu = min(os.sched_getaffinity(0))
    groups = DeploymentGroups("none", (cpu,))
    code = "import threading; threading.Thread(target=input).start(); print('up', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        groups.release()
        group = groups.component("users")
        group.add(ProcessId.of(child.pid))
        threads = [int(name) for name in os.listdir(f"/proc/{child.pid}/task")]
        assert len(threads) == 2
        assert len(os.sched_getaffinity(threads[1])) > 1
        groups.confine()
        group.confine(groups.affinity, ProcessId.of(child.pid))
        assert [os.sched_getaffinity(thread) for thread in threads] == [{cpu}, {cpu}]
        child.kill()
