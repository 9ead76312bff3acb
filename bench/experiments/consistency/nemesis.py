"""Kills processes, gunicorn workers and databases with SIGKILL, at random by a seed, one at a time.

What was killed is held back for a random short time, then comes back. Nothing is left to undo if
the bench itself is killed: the deployment is its own and goes with it.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError

WORKER_OF = "a worker of "


@dataclass(frozen=True)
class Kill:
    """One kill: seconds to wait before it, and seconds that the target stays away."""

    target: str
    gap_s: float
    down_s: float


@dataclass(frozen=True)
class Pace:
    """Ranges of seconds, both ends included."""

    gap_s: tuple[float, float] = (0.3, 1.2)
    down_s: tuple[float, float] = (0.1, 1.5)


def targets_of(deployment: Deployment) -> list[str]:
    """Every process and database server, and a worker of each server that has some."""
    found = []
    for component in deployment.components():
        found.append(component.name)
        if component.kind == "process" and _children(component.pid):
            found.append(WORKER_OF + component.name)
    return sorted(found)


def planned_kills(targets: list[str], count: int, seed: int, pace: Pace) -> Iterator[Kill]:
    """The targets in random rounds, so that few kills reach many; the same for the same seed."""
    choices = random.Random(f"nemesis/{seed}")
    bag: list[str] = []
    for _ in range(count):
        if not bag:
            bag = choices.sample(targets, len(targets))
        yield Kill(bag.pop(), choices.uniform(*pace.gap_s), choices.uniform(*pace.down_s))


def kill(deployment: Deployment, target: str) -> bool:
    """SIGKILL a component, or one worker process of it; False if there was nothing to kill.

    A component stays away until it is released; a worker is replaced by its own server.
    """
    if not target.startswith(WORKER_OF):
        deployment.hold(target)
        deployment.kill(target)
        return True
    name = target.removeprefix(WORKER_OF)
    server = next((each for each in deployment.components() if each.name == name), None)
    if server is None:
        raise ShopbenchError(f"no component {name!r} in {deployment.name}", 2)
    workers = _children(server.pid)
    if not workers:
        return False  # it has just died and its server starts another
    os.kill(workers[0], signal.SIGKILL)
    return True


def comes_back_alone(target: str) -> bool:
    """Whether its own server starts it again."""
    return target.startswith(WORKER_OF)


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []
