"""What is done to a running shop: releases, good, bad and planted. Each returns what it found.

A bad release is bad in both arms alike: one that never gets ready, and one whose inventory module
fails every operation, by the fault point that both arms have under the same name.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from bench.deployments.base import ComponentInfo, Deployment
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError
from bench.experiments.redeploy.course import Done
from bench.experiments.redeploy.records import OWNER
from bench.faults.points import FaultSpec, arm
from bench.faults.twins import BROKEN_RELEASE

LOCK_S = 1.0  # held by the planted migration in one transaction
OTHER_VERSION = {"LOG_LEVEL": "error"}  # the setting in which two versions side by side differ


def release(
    deployment: Deployment,
    component: str,
    *,
    beside: bool,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Roll out a release. `beside`: it takes over at an endpoint of its own.

    Otherwise it is started again on the port of the old one, and serves when the call returns.
    """
    ordered = time.time()
    deployment.redeploy(component, environment or {})
    returned = time.time()
    parts = processes_of(deployment, component)
    ready = [part.started_at if beside else returned for part in parts]
    cold = [age_s(part.pid) - (time.time() - at) for part, at in zip(parts, ready, strict=True)]
    return Done(in_service_s=min(ready) - ordered, cold_start_s=sum(cold) / len(cold))


def never_ready(deployment: Deployment, component: str, seconds: float) -> Done:
    """Roll out a release that never gets ready: it must be refused, and nothing of it be left."""
    before = pids_of(deployment, component)
    try:
        deployment.redeploy(component, BROKEN_RELEASE, seconds)
    except ShopbenchError as refusal:
        said = refusal.message
    else:
        return Done(held=False, said="the driver took it")
    left = broken_left(deployment, component)
    same = pids_of(deployment, component) == before
    wrong = [] if same else ["another process serves"]
    wrong += [f"{left} processes of it are left"] if left else []
    return Done(held=not wrong, said="; ".join(wrong) or said.partition(":")[0])


def wrong_answers(deployment: Deployment, component: str, notice_s: float, *, beside: bool) -> Done:
    """Roll out a release that gets ready and fails every operation of inventory; roll it back.

    It is noticed after `notice_s`; the way back is a second release with the old settings.
    """
    with tempfile.TemporaryDirectory(prefix="shopbench-release-") as folder:
        arm(Path(folder), f"{OWNER}.operation", FaultSpec("error", once=False))
        start = time.perf_counter()
        bad = {"SHOP_FAULTS": "1", "SHOP_FAULTS_DIR": folder}
        release(deployment, component, beside=beside, environment=bad)
        out = time.perf_counter()
        time.sleep(notice_s)
        noticed = time.perf_counter()
        good = {"SHOP_FAULTS": "0", "SHOP_FAULTS_DIR": ""}
        done = release(deployment, component, beside=beside, environment=good)
    back = time.perf_counter()
    parts = {"release": out - start, "noticed": noticed - out, "roll-back": back - noticed}
    return Done(cold_start_s=done.cold_start_s, parts=parts)


def without_drain(deployment: Deployment, component: str) -> Done:
    """The planted release: kill the old one, then start the new one."""
    deployment.restart(component)
    return Done()


def side_by_side(deployment: Deployment, component: str, seconds: float) -> Done:
    """Release one of two replicas with another setting; let both versions serve for a while."""
    begun = time.perf_counter()
    deployment.redeploy(f"{component}#1", OTHER_VERSION)
    both = time.perf_counter()
    before = deployment.spread(component)
    time.sleep(seconds)
    after = deployment.spread(component)
    spread = {name: count - before.get(name, 0) for name, count in after.items()}
    differ = len({_version(pid) for pid in pids_of(deployment, component).values()}) == len(spread)
    held = differ and min(spread.values()) > 0
    said = "" if held else f"not two versions that both served: {spread}"
    return Done(held=held, said=said, spread=spread, parts={"release": both - begun})


def lock_table(dsn: str, table: str, column: str) -> Done:
    """The planted migration: a column's type changed in one transaction that lasts a second.

    Rolled back, so that the shop is as it was.
    """
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        change = f"ALTER TABLE {table} ALTER COLUMN {column} TYPE numeric"
        connection.execute(change.encode())
        connection.execute(b"SELECT pg_sleep(%s)", (LOCK_S,))
        connection.rollback()
    return Done()


def processes_of(deployment: Deployment, component: str) -> list[ComponentInfo]:
    """The process of that name, or all its replicas. Raises ShopbenchError if there is none."""
    found = [
        part
        for part in deployment.components()
        if part.kind == "process" and part.name.partition("#")[0] == component
    ]
    if not found:
        raise ShopbenchError(f"{deployment.name} has no process {component}", 1)
    return found


def pids_of(deployment: Deployment, component: str) -> dict[str, int]:
    """Their process ids by name."""
    return {part.name: part.pid for part in processes_of(deployment, component)}


def age_s(pid: int) -> float:
    """Seconds since a process was started. Raises ProcessLookupError."""
    started = ProcessId.of(pid).started
    if sys.platform == "linux":  # in ticks since boot, whatever the wall clock does
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
    return time.time() - started


def broken_left(deployment: Deployment, component: str) -> int:
    """How many processes of a release that never got ready still run."""
    (pid, *_) = pids_of(deployment, component).values()
    supervisor = psutil.Process(pid).parent()
    found = 0
    for process in supervisor.children(recursive=True) if supervisor is not None else []:
        with suppress(psutil.Error):
            found += not BROKEN_RELEASE.keys().isdisjoint(process.environ())
    return found


def _version(pid: int) -> str:
    (name,) = OTHER_VERSION
    return str(psutil.Process(pid).environ().get(name, ""))
