"""Fault points, the same names as in the services: armed by files in SHOP_FAULTS_DIR.

`<component>.operation` is at the entry of every operation of a module, by HTTP or from another.
"""

import json
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from monolith.common import hogs
from monolith.common.errors import InternalError

_SENT = ("before_send", "before_commit", "after_commit_before_reply")
_COMMITTED = ("before_commit", "after_commit_before_reply")
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
POINTS = tuple(
    f"{step}.{moment}"
    for steps, moments in ((_CALLS, _SENT), (_OWN_STEPS, _COMMITTED))
    for step in steps
    for moment in moments
)
OPERATION_POINTS = tuple(
    f"{component}.operation" for component in ("users", "inventory", "orders", "payments")
)
LONGEST_HANG_SECONDS = 60.0

logger = logging.getLogger(__name__)


class DropReply(Exception):
    """The `drop_reply` action: the connection is to be closed without an answer."""


class _Marks(threading.local):
    """The component to whose operations this thread's request is poison (X-Poison)."""

    poison = ""


MARKS = _Marks()


def _off(point: str) -> None:
    """What every fault point does unless SHOP_FAULTS=1."""


def _on(point: str) -> None:
    path = settings.SHOP.faults_dir / f"{point}.json"
    try:
        fault = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if fault.get("marked", False) and MARKS.poison != point.partition(".")[0]:
        return
    if random.random() >= fault.get("probability", 1.0):
        return
    if fault.get("once", True):
        fired = path.with_name(path.name + ".fired")
        try:
            os.rename(path, fired)
        except FileNotFoundError:
            return
        path = fired
    logger.info("fault point %s fires: %s", point, fault["action"])
    _act(path, fault)


def _act(path: Path, fault: Mapping[str, Any]) -> None:
    match fault["action"]:
        case "error":
            raise InternalError
        case "delay":
            time.sleep(float(fault.get("seconds", 2.0)))
        case "hang":
            _hang(path)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "drop_reply":
            raise DropReply
        case "burn":
            hogs.start_once(path, hogs.burn, float(fault["share"]))
        case "leak":
            how = float(fault["mib_per_s"]), float(fault["cap_mib"])
            hogs.start_once(path, hogs.leak, *how)


def _hang(path: Path) -> None:
    end = time.monotonic() + LONGEST_HANG_SECONDS
    while path.exists() and time.monotonic() < end:
        time.sleep(0.05)


ARMED: bool = settings.SHOP.faults
hit: Callable[[str], None] = _on if ARMED else _off
