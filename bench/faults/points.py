"""Arms and disarms fault points: one small file each, in the deployment's faults directory.

Both arms have the same points under the same names.
A point armed `once` is fired by the one process that renames its file to `<name>.json.fired`.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.deployments.base import COMPONENTS
from bench.errors import ShopbenchError, near

Action = Literal["error", "delay", "hang", "die", "drop_reply", "burn", "leak"]
# What makes one call fail; `burn` and `leak` go on beside the calls instead.
ACTIONS: tuple[Action, ...] = ("error", "delay", "hang", "die", "drop_reply")

_CALLS = (
    "inventory.reserve",
    "inventory.settle",
    "inventory.release",
    "payments.charge",
    "payments.refund",
)
_OWN_STEPS = (
    "payments.deposit",
    "orders.place",
    "orders.confirm",
    "orders.reject",
    "orders.request_cancellation",
    "orders.cancel",
)
_SENT = ("before_send", "before_commit", "after_commit_before_reply")
_COMMITTED = ("before_commit", "after_commit_before_reply")

POINTS = tuple(
    f"{step}.{moment}"
    for steps, moments in ((_CALLS, _SENT), (_OWN_STEPS, _COMMITTED))
    for step in steps
    for moment in moments
)

# At the entry of every operation of a component, whoever calls it.
OPERATION_POINTS = tuple(f"{component}.operation" for component in COMPONENTS)
ALL_POINTS = (*POINTS, *OPERATION_POINTS)

POISON_HEADER = "X-Poison"


@dataclass(frozen=True)
class FaultSpec:
    """What an armed point does. `seconds` is for `delay`; `hang` lasts until it is disarmed.

    `marked`: only to a request with the header `X-Poison: <component>`, and to the calls made for
    it. `burn` takes a `share` of a core, `leak` takes `mib_per_s` up to `cap_mib`, in each process
    that comes to the point, until it is disarmed.
    """

    action: Action
    seconds: float = 2.0
    probability: float = 1.0
    once: bool = True
    marked: bool = False
    share: float = 0.9
    mib_per_s: float = 64.0
    cap_mib: float = 256.0


def arm(faults_dir: Path, point: str, spec: FaultSpec) -> None:
    """Arm a point; a process sees either the whole file or none.

    Raises:
        ShopbenchError: no such point.
    """
    path = _path(faults_dir, point)
    path.with_name(path.name + ".fired").unlink(missing_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    os.replace(unfinished, path)


def disarm(faults_dir: Path, point: str) -> None:
    """Disarm a point, fired or not; a process that hangs in it goes on."""
    path = _path(faults_dir, point)
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".fired").unlink(missing_ok=True)


def disarm_all(faults_dir: Path) -> None:
    """Disarm every point."""
    for point in ALL_POINTS:
        disarm(faults_dir, point)


def has_fired(faults_dir: Path, point: str) -> bool:
    """Whether a point armed `once` has been fired since it was armed."""
    path = _path(faults_dir, point)
    return path.with_name(path.name + ".fired").exists()


def wait_fired(faults_dir: Path, point: str, *, within_s: float) -> bool:
    """Wait until a point armed `once` has fired; False if it has not within `within_s`."""
    deadline = time.monotonic() + within_s
    while not has_fired(faults_dir, point):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _path(faults_dir: Path, point: str) -> Path:
    if point not in ALL_POINTS:
        raise ShopbenchError(f"unknown fault point {point!r}{near(point, ALL_POINTS)}", 2)
    return faults_dir / f"{point}.json"


Journey = Literal["checkout", "refused", "cancellation", "deposit"]


@dataclass(frozen=True)
class SingleFault:
    """One case: what a client does, and the one point that fails once while it does."""

    journey: Journey
    point: str
    action: Action

    @property
    def name(self) -> str:
        return f"{self.journey}-{self.point}-{self.action}"


# `refused`: an order that the wallet cannot pay, so that reserved stock is released again.
_STEPS: dict[Journey, tuple[str, ...]] = {
    "checkout": (
        "orders.place",
        "inventory.reserve",
        "payments.charge",
        "orders.confirm",
        "inventory.settle",
    ),
    "refused": ("inventory.release", "orders.reject"),
    "cancellation": (
        "orders.request_cancellation",
        "payments.refund",
        "inventory.release",
        "orders.cancel",
    ),
    "deposit": ("payments.deposit",),
}

SINGLE_FAULTS = tuple(
    SingleFault(journey, point, action)
    for journey, steps in _STEPS.items()
    for step in steps
    for point in POINTS
    if point.startswith(step + ".")
    for action in ACTIONS
)
