"""Fires fault points one after the other while people buy: arm, see it fire, mend."""

from __future__ import annotations

import random
import time
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
    arm(shop.faults_dir, fault.point, FaultSpec(fault.action, seconds=DELAY_S))
    try:
        hit = wait_fired(shop.faults_dir, fault.point, within_s=FIRES_WITHIN_S)
        if hit and fault.action == "hang":
            time.sleep(HANG_S)
    finally:
        disarm(shop.faults_dir, fault.point)
    return hit, restart_what_dies(shop) if hit and fault.action == "die" else []


def restart_what_dies(shop: RunningShop, within_s: float = DIES_WITHIN_S) -> list[str]:
    """The process ends right after the point has fired; a gunicorn worker comes back alone."""
    deadline = time.monotonic() + within_s
    while not (dead := shop.restart_what_died()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return dead
