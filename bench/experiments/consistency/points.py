"""Fires fault points one after the other while people buy: arm, see it fire, mend."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.experiments.consistency.shop import RunningShop
from bench.faults.points import (
    SINGLE_FAULTS,
    Action,
    FaultSpec,
    arm,
    disarm,
    wait_fired,
)

FIRES_WITHIN_S = 10.0  # the rarest journey, a cancellation, comes by several times
DELAY_S = 1.3  # longer than a peer's timeout of 1 s
HANG_S = 1.6
DIES_WITHIN_S = 0.8
_POLL_S = 0.02


@dataclass(frozen=True)
class PointFault:
    """A fault point and what it does when it is reached next."""

    point: str
    action: Action


def all_point_faults() -> list[PointFault]:
    """Every point of checkout, cancellation and deposit with every action, each once."""
    return list(dict.fromkeys(PointFault(each.point, each.action) for each in SINGLE_FAULTS))


def chosen_faults(count: int, seed: int) -> list[PointFault]:
    """So many of them in random order, the same for the same seed."""
    every = all_point_faults()
    return random.Random(f"points/{seed}").sample(every, min(count, len(every)))


def fire(shop: RunningShop, fault: PointFault) -> tuple[bool, list[str]]:
    """Arm it, wait until somebody has reached it, mend. Returns (hit, components restarted)."""
    restarts = shop.restarts()
    arm(shop.faults_dir, fault.point, FaultSpec(fault.action, seconds=DELAY_S))
    try:
        hit = wait_fired(shop.faults_dir, fault.point, within_s=FIRES_WITHIN_S)
        if hit and fault.action == "hang":
            time.sleep(HANG_S)
    finally:
        disarm(shop.faults_dir, fault.point)
    return hit, wait_restarted(shop, restarts) if hit and fault.action == "die" else []


def wait_restarted(
    shop: RunningShop, before: Mapping[str, int], within_s: float = DIES_WITHIN_S
) -> list[str]:
    """Wait until what dies is back; returns what its supervisor has started again since `before`.

    The process ends right after the point has fired; of the monolith it is a worker, which
    gunicorn replaces unseen.
    """
    deadline = time.monotonic() + within_s
    while not (fresh := [name for name, n in shop.restarts().items() if n > before.get(name, 0)]):
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    for name in fresh:
        shop.bring_back(name)
    return fresh
