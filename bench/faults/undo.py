"""How each step of an injection is undone; every undo may be repeated, and done for nothing.

The ledger is written before a step is taken, so an undo cannot tell whether it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.faults.model import Injection, Step
from bench.faults.points import disarm
from bench.faults.proxy_control import HopControl


@dataclass(frozen=True)
class Undo:
    """`do` names the undo, `target` a component, hop or point; as JSON in the ledger."""

    do: str
    target: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def undos_of(injection: Injection, deployment: Deployment) -> tuple[Undo, ...]:
    """Say how to undo an injection, the last step first. Reads how the hops behave now."""
    found: list[Undo] = []
    for step in reversed(injection.steps):
        found += _undos_of_step(step, injection.host, deployment)
    return tuple(found)


def _undos_of_step(step: Step, host: str, deployment: Deployment) -> Iterable[Undo]:
    if step.action == "kill":
        return (Undo("start", step.target.partition(":worker")[0]),)
    if step.action == "pause":
        return (Undo("resume", step.target),)
    if step.action == "hop":
        with control_of(deployment) as control:
            now = control.settings()[step.target]
        before = {name: getattr(now, name) for name in step.settings}
        return (Undo("set_hop", step.target, before),)
    if step.action == "release":
        return (Undo("end_rollout", step.target),)
    dies = step.settings.get("action") == "die"
    return (Undo("disarm", step.target), *((Undo("start", host),) if dies else ()))


def control_of(deployment: Deployment) -> HopControl:
    """A connection to the deployment's proxy. Raises ShopbenchError if it has none."""
    if deployment.hops_socket is None:
        raise ShopbenchError(f"nothing of {deployment.name} goes through the proxy")
    return HopControl(deployment.hops_socket)


def perform(undo: Undo, deployment: Deployment) -> str | None:
    """Undo one thing; say what was done, None if there was nothing to do.

    Raises:
        ShopbenchError: it could not be undone, or the ledger names no undo that is known.
    """
    if undo.do not in _UNDOS:
        raise ShopbenchError(f"unknown undo {undo.do!r}")
    return _UNDOS[undo.do](undo, deployment)


def _start(undo: Undo, deployment: Deployment) -> str | None:
    """Its supervisor may have started it again meanwhile, if nobody has held it back."""
    conditions = {part.name: part.condition for part in deployment.components()}
    if undo.target not in conditions:
        return None
    deployment.release(undo.target)
    ended = conditions[undo.target] in ("exited", "failed")
    return f"{undo.target} started again" if ended else None


def _resume(undo: Undo, deployment: Deployment) -> str | None:
    conditions = {part.name: part.condition for part in deployment.components()}
    if conditions.get(undo.target.partition(":worker")[0]) in ("exited", "failed"):
        return None
    deployment.resume(undo.target)
    return f"{undo.target} resumed"


def _set_hop(undo: Undo, deployment: Deployment) -> str | None:
    with control_of(deployment) as control:
        control.change({undo.target: dict(undo.settings)})
    return f"hop {undo.target} is as before"


def _disarm(undo: Undo, deployment: Deployment) -> str | None:
    folder: Path | None = deployment.faults_dir
    if folder is None:
        return None
    disarm(folder, undo.target)
    return f"{undo.target} disarmed"


def _end_rollout(undo: Undo, deployment: Deployment) -> str | None:
    deployment.cancel_redeploy(undo.target)
    return f"no rollout of {undo.target} is under way"


_UNDOS: Mapping[str, Callable[[Undo, Deployment], str | None]] = {
    "start": _start,
    "resume": _resume,
    "set_hop": _set_hop,
    "disarm": _disarm,
    "end_rollout": _end_rollout,
}
