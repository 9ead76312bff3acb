"""CPU quotas: what is written in v1 and v2, what is read, and that a real group is held back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.deployments.local.cgroups import DeploymentGroups, find_hierarchies, read_hierarchies
from bench.deployments.local.ledger import remove_groups
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.quota import Quota, Throttling, check_cores, read_throttling
from bench.errors import ShopbenchError

V1_STAT = "nr_periods 120\nnr_throttled 30\nthrottled_time 1500000000\n"
V1_STAT_WITH_BURSTS = V1_STAT + "nr_bursts 0\nburst_time 0\n"
V2_STAT = """\
usage_usec 9000000
user_usec 8000000
system_usec 1000000
nr_periods 120
nr_throttled 30
throttled_usec 1500000
"""


@pytest.mark.parametrize("text", [V1_STAT, V1_STAT_WITH_BURSTS, V2_STAT])
def test_throttling_is_read_from_either_version(text: str) -> None:
    assert read_throttling(text) == Throttling(120, 30, 1.5)


@pytest.mark.parametrize("text", ["", "usage_usec 5\n", "nr_periods\n"])
def test_what_does_not_count_throttling_reads_as_none(text: str) -> None:
    assert read_throttling(text) == Throttling()


def test_v1_is_limited_and_lifted(tmp_path: Path) -> None:
    quota = Quota(tmp_path, "cpu")
    assert quota.limit(0.15)
    assert (tmp_path / "cpu.cfs_period_us").read_text() == "10000"
    assert (tmp_path / "cpu.cfs_quota_us").read_text() == "1500"
    quota.lift()
    assert (tmp_path / "cpu.cfs_quota_us").read_text() == "-1"
    (tmp_path / "cpu.stat").write_text(V1_STAT)
    assert quota.throttling().held_back == 30


def test_v2_is_limited_and_lifted(tmp_path: Path) -> None:
    quota = Quota(tmp_path, "unified")
    assert quota.limit(2.0)
    assert (tmp_path / "cpu.max").read_text() == "20000 10000"
    quota.lift()
    assert (tmp_path / "cpu.max").read_text() == "max 10000"
    (tmp_path / "cpu.stat").write_text(V2_STAT)
    assert quota.throttling().waited_s == 1.5


def test_a_deployment_weighs_as_its_processes_would(tmp_path: Path) -> None:
    for kind, name, told in (("cpu", "cpu.shares", "16384"), ("unified", "cpu.weight", "1600")):
        Quota(tmp_path, kind).weigh(16)  # type: ignore[arg-type]
        assert (tmp_path / name).read_text() == told


def test_a_group_that_is_gone_has_no_quota(tmp_path: Path) -> None:
    assert not Quota(tmp_path / "gone", "cpu").limit(0.5)
    assert Quota(tmp_path / "gone", "cpu").throttling() == Throttling()


@pytest.mark.parametrize("cores", [0.0, 0.05, -1.0])
def test_a_quota_the_kernel_would_refuse_is_refused_before(cores: float) -> None:
    with pytest.raises(ShopbenchError, match=r"at least 0\.1 core"):
        check_cores(cores)


@pytest.mark.parametrize(
    ("cgroup", "mounts", "place"),
    [
        (
            "3:cpu,cpuacct:/box\n",
            "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
            ("cpu", Path("/sys/fs/cgroup/cpu,cpuacct/box")),
        ),
        (
            "0::/user.slice\n",
            "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            ("unified", Path("/sys/fs/cgroup/user.slice")),
        ),
        ("", "", None),
    ],
)
def test_the_place_of_quotas_is_found(
    cgroup: str, mounts: str, place: tuple[str, Path] | None
) -> None:
    assert read_hierarchies(cgroup, mounts).bandwidth == place


def test_a_real_group_is_held_back_and_runs_freely_again() -> None:
    groups = DeploymentGroups(f"test-{os.getpid()}-quota", (), quotas=True)
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        if not groups.enforces_quotas:
            assert find_hierarchies().bandwidth is None or os.getuid() != 0
            pytest.skip("no CPU quota can be set here")
        group = groups.component("users#1", 0.1)
        group.add(ProcessId.of(child.pid))
        group.hold()
        deadline = time.monotonic() + 10
        while group.throttling().held_back < 20:
            assert time.monotonic() < deadline, group.throttling()
            time.sleep(0.02)
        found = group.throttling()
        assert found.periods >= found.held_back
        assert found.waited_s > 0
        group.release()
        held_back = group.throttling().held_back
        used = group.cpu_seconds(None)
        while group.cpu_seconds(None) < used + 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert group.throttling().held_back <= held_back + 1
    finally:
        child.kill()
        child.wait()
        assert remove_groups(groups.roots) == []


def test_a_component_without_a_quota_is_not_held() -> None:
    groups = DeploymentGroups(f"test-{os.getpid()}-free", (), quotas=True)
    try:
        group = groups.component("db:users")
        group.hold()
        if group.quota is not None:
            assert group.cores is None
            quota_us = group.quota.folder / "cpu.cfs_quota_us"
            assert not quota_us.exists() or quota_us.read_text().strip() == "-1"
    finally:
        assert remove_groups(groups.roots) == []


def test_without_quotas_asked_for_none_is_made() -> None:
    groups = DeploymentGroups(f"test-{os.getpid()}-unasked", ())
    try:
        assert not groups.enforces_quotas
        assert groups.component("users", 0.1).quota is None
    finally:
        remove_groups(groups.roots)
