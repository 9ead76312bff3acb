"""Fault points: places where a test may make this process fail on purpose. Off unless
SHOP_FAULTS=1.

A point is armed by the file `<point>.json` in the faults folder; with `once`, the process that wins
the renaming of that file is the one that fails. `<component>.operation` is at the entry of every
operation of a component, however it is called.
"""

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import Literal

import msgspec

from microservices.chassis import hogs
from microservices.chassis.errors import InternalError

HANG_LIMIT_SECONDS = 60.0
HANG_POLL_SECONDS = 0.02
POISON = "X-Poison"  # a request's header: the component whose operations it is poison to


class DropReply(Exception):
    """The connection is to be closed without an answer."""


class Fault(msgspec.Struct, frozen=True):
    """What happens at a point; `marked`: only to a request that is poison to the component."""

    action: Literal["error", "delay", "hang", "die", "drop_reply", "burn", "leak"]
    seconds: float = 2.0
    probability: float = 1.0
    once: bool = True
    marked: bool = False
    share: float = 0.9
    mib_per_s: float = 64.0
    cap_mib: float = 256.0


_folder: Path | None = None


def arm(folder: str | None) -> None:
    """Looks for armed faults in `folder` from now on; None switches all points off."""
    global _folder  # noqa: PLW0603 - one switch a process: a point costs one comparison
    _folder = Path(folder) if folder else None


def armed() -> bool:
    """Whether fault points are looked at in this process."""
    return _folder is not None


async def maybe_fail(point: str, *, poisoned: bool = False) -> None:
    """Fails here if the point is armed.

    Raises:
        InternalError: action `error`.
        DropReply: action `drop_reply`.
    """
    if _folder is not None:
        await _fail(_folder / f"{point}.json", poisoned)


async def enter_operation(component: str, poison: str) -> None:
    """The point at the entry of a component's operations. Raises what `maybe_fail` raises."""
    await maybe_fail(f"{component}.operation", poisoned=poison == component)


async def _fail(path: Path, poisoned: bool) -> None:
    fault = _armed(path, poisoned)
    if fault is None:
        return
    match fault.action:
        case "error":
            raise InternalError("A fault was injected here.")
        case "drop_reply":
            raise DropReply
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "delay":
            await asyncio.sleep(fault.seconds)
        case "hang":
            await _hang(path, fault.once)
        case "burn":
            hogs.burn(path, fault.share)
        case "leak":
            hogs.leak(path, fault.mib_per_s, fault.cap_mib)


def _armed(path: Path, poisoned: bool) -> Fault | None:
    """The fault of this file if it is this call that shall fail."""
    try:
        fault = msgspec.json.decode(path.read_bytes(), type=Fault)
        if fault.marked and not poisoned:
            return None
        if fault.probability < 1.0 and random.random() >= fault.probability:
            return None
        if fault.once:
            path.rename(f"{path}.fired")
    except FileNotFoundError:  # not armed, or another process was first
        return None
    return fault


async def _hang(path: Path, once: bool) -> None:
    """Sleeps until the file is gone: of a fault that fires once the one marked as fired."""
    marker = Path(f"{path}.fired") if once else path
    waits = int(HANG_LIMIT_SECONDS / HANG_POLL_SECONDS)
    for _ in range(waits):
        if not marker.exists():
            return
        await asyncio.sleep(HANG_POLL_SECONDS)
