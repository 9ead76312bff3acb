"""Reads what a deployment uses between two moments, and waits until it has come to rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.deployments.base import Deployment, Usage
from bench.engine.target import Subject, usage_between
from bench.experiments.footprint.records import Window

GLANCE_S = 0.3  # between two looks at the CPU
STEADY_CORES = 0.02  # two looks that differ by less are alike
QUIET_CORES = 0.1  # above, CPU that has not fallen yet is not taken for rest


@dataclass(frozen=True)
class Reading:
    """CPU so far and memory now, by component, and when it was read (perf_counter)."""

    at: float
    usage: Mapping[str, Usage]

    def since(self, before: Reading) -> Window:
        """What was used from an earlier reading to this one."""
        spent = usage_between(before.usage, self.usage)
        return Window(
            seconds=self.at - before.at,
            cpu_s={name: cpu_s for name, (cpu_s, _) in spent.items()},
            pss_bytes={name: pss for name, (_, pss) in spent.items()},
        )


def read(deployment: Deployment) -> Reading:
    """Read a deployment now."""
    usage = deployment.usage()
    return Reading(time.perf_counter(), usage)


def idle_window(deployment: Deployment, seconds: float) -> Window:
    """What a deployment uses while nobody asks it."""
    first = read(deployment)
    time.sleep(seconds)
    return read(deployment).since(first)


def wait_for_rest(deployment: Deployment, subject: Subject, limit_s: float) -> tuple[float, bool]:
    """Wait until the outbox is empty and the CPU no longer falls.

    Returns the seconds that took, and False if it had not come to rest when the time was over.
    """
    begun = time.perf_counter()
    left = subject.settle()
    before, glances = read(deployment), [float("inf")]
    while time.perf_counter() - begun < limit_s:
        time.sleep(GLANCE_S)
        now = read(deployment)
        glances.append(now.since(before).cpu_ms_per_s / 1000.0)
        before = now
        if not left and at_rest(glances):
            return time.perf_counter() - begun, True
    return time.perf_counter() - begun, False


def at_rest(cores: list[float]) -> bool:
    """Whether the last two of these CPU rates are alike, and low enough to be no work."""
    return abs(cores[-1] - cores[-2]) < STEADY_CORES and cores[-1] < QUIET_CORES
