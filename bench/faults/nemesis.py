"""Injects faults into a running deployment and undoes them, whatever happens in between.

Order: ledger, then deed; undo, then ledger. Leaving the context undoes all that is still open, on
an exception, Ctrl-C, SIGTERM and SIGHUP as well; after kill -9 the next command does.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.faults.catalogue import plan
from bench.faults.fault_ledger import Entry, FaultLedger, undo_entry
from bench.faults.model import (
    DeploymentFacts,
    Fault,
    Injection,
    NotApplicable,
    Step,
    facts_from,
)
from bench.faults.points import FaultSpec, arm
from bench.faults.undo import control_of, undos_of

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Injected:
    """A fault under way. `started` and `at` (monotonic, seconds) enclose the injection."""

    fault: Fault
    injection: Injection
    entry: Entry
    started: float
    at: float


class Nemesis:
    """Injects into one deployment; one for each run. A context manager."""

    def __init__(self, deployment: Deployment, ledger: FaultLedger) -> None:
        self._deployment = deployment
        self._ledger = ledger
        self._rollouts: dict[str, Rollout] = {}
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Nemesis:
        """From now on SIGTERM and SIGHUP unwind as Ctrl-C does, unless somebody handles them."""
        if threading.current_thread() is threading.main_thread():
            for number in _STOPPING[1:]:
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            with _undisturbed():
                self.clear_all()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()

    def facts(self) -> DeploymentFacts:
        """What twins depend on in the deployment, as it is now."""
        deployment = self._deployment
        hops: list[str] = []
        if deployment.hops_socket is not None:
            with control_of(deployment) as control:
                hops = list(control.settings())
        return facts_from(
            deployment.name,
            deployment.components(),
            hops,
            fault_points=deployment.faults_dir is not None,
            reach=deployment.reach,
        )

    def inject(self, fault: Fault) -> Injected:
        """Inject a fault; it lasts until `clear`. On a failure nothing of it stays.

        Raises:
            NotApplicable: it has no twin in this deployment.
            ShopbenchError: it could not be injected.
        """
        injection = plan(fault, self.facts())
        if isinstance(injection, NotApplicable):
            raise injection
        undos = undos_of(injection, self._deployment)
        started = time.monotonic()
        entry = self._ledger.open(self._deployment.ident, fault.name, injection.does, undos)
        try:
            for step in injection.steps:
                self._take(step, entry)
        except BaseException:
            self._undo(entry)
            raise
        return Injected(fault, injection, entry, started, time.monotonic())

    def clear(self, injected: Injected) -> None:
        """Undo a fault and start again what it ended. Nothing happens if it has been undone.

        Raises:
            ShopbenchError: it could not be undone; its entry stays in the ledger.
        """
        self._undo(injected.entry)

    def clear_all(self) -> None:
        """Undo all that this process injected here and has not undone."""
        failed = []
        for entry in self._ledger.own(self._deployment.ident):
            try:
                self._undo(entry)
            except ShopbenchError as error:
                failed.append(error.message)
        if failed:
            raise ShopbenchError("; ".join(failed))

    def _undo(self, entry: Entry) -> None:
        if entry not in self._ledger.own(self._deployment.ident):
            return
        undo_entry(entry, self._deployment)
        rollout = self._rollouts.pop(entry.ident, None)
        self._ledger.close(entry)
        if rollout is not None:
            rollout.check()

    def _take(self, step: Step, entry: Entry) -> None:
        deployment, target = self._deployment, step.target
        if step.action == "kill":
            if step.settings.get("held"):
                deployment.hold(target)
            deployment.kill(target)
        elif step.action == "pause":
            deployment.pause(target)
        elif step.action == "hop":
            with control_of(deployment) as control:
                control.change({target: dict(step.settings)})
        elif step.action == "arm":
            assert deployment.faults_dir is not None
            arm(deployment.faults_dir, target, FaultSpec(**step.settings))
        else:
            self._rollouts[entry.ident] = Rollout(deployment, target, **step.settings)


class Rollout:
    """A release that must not get ready, rolled out in the background."""

    def __init__(
        self,
        deployment: Deployment,
        component: str,
        *,
        environment: Mapping[str, str],
        ready_seconds: float,
    ) -> None:
        self._component = component
        self._refused = ""

        def roll_out() -> None:
            try:
                deployment.redeploy(component, environment, ready_seconds)
            except ShopbenchError as error:
                self._refused = error.message

        self._thread = threading.Thread(target=roll_out, name=f"rollout-{component}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Wait for its end. Raises ShopbenchError if the broken release was taken."""
        self._thread.join()
        if not self._refused:
            raise ShopbenchError(f"the broken release of {self._component} was taken into service")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off signals that would end us, in the main thread, until the block has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {number: signal.signal(number, lambda n, _: waiting.append(n)) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])
