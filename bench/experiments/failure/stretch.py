"""One stretch: load as planned, and in the middle of it a fault (or, in a control, none).

Neighbours: `engine.conducted_load` runs the load beside it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter, sleep

from bench.deployments.base import Deployment
from bench.engine.conducted_load import sleep_until
from bench.errors import ShopbenchError
from bench.experiments.failure.spec import OVERLOAD, POISON, Step
from bench.experiments.failure.steady import SteadyState
from bench.faults.nemesis import Nemesis
from bench.load.plan import Result

_WATCH_S = 0.25
_POISON_EVERY_S = 1.0
_READY_LIMIT_S = 30.0


@dataclass
class Marks:
    """When what happened, on the clock of the load; None: it did not."""

    injected: float | None = None
    cleared: float | None = None  # the clearing began
    undone: float | None = None  # and ended
    detected: float | None = None  # a health check of a process failed
    ready: float | None = None  # and all passed again
    unsteady: tuple[str, ...] = ()  # why nothing was injected


@dataclass
class Course:
    """What happens while the load runs. `step` None: nothing, a control.

    `at_s` and `seconds` on the load's clock.
    """

    step: Step | None
    at_s: float
    steady: SteadyState
    nemesis: Nemesis
    marks: Marks = field(default_factory=Marks)

    def take(self, load: Future[Result], begun: float) -> None:
        """Inject, wait, clear. Returns when that is done; the load may still run."""
        step = self.step
        if step is None or not sleep_until(begun + self.at_s, load):
            return
        health = self.steady.look(rounds=1, at_rest=False)
        if not health.steady:
            self.marks.unsteady = health.broken
            return
        self.marks.injected = perf_counter()
        if step.kind == OVERLOAD:
            sleep_until(self.marks.injected + step.seconds, load)
            self.marks.cleared = self.marks.undone = perf_counter()
            return
        injected = self.nemesis.inject(step.fault)
        with _Watch(self.steady.deployment, self.marks):
            self._last(step, self.marks.injected + step.seconds, load)
            self.marks.cleared = perf_counter()
            self.nemesis.clear(injected)
            self.marks.undone = perf_counter()

    def _last(self, step: Step, until: float, load: Future[Result]) -> None:
        """Wait while the fault lasts; a poison is a request that somebody has to send."""
        while step.kind == POISON and perf_counter() < until - _POISON_EVERY_S:
            self.steady.poison(step.component)
            if not sleep_until(perf_counter() + _POISON_EVERY_S, load):
                return
        sleep_until(until, load)


class _Watch:
    """An operator's health checks: notes when they fail, and when all pass after the clearing."""

    def __init__(self, deployment: Deployment, marks: Marks) -> None:
        self._deployment = deployment
        self._marks = marks
        self._over = threading.Event()
        self._broken_off = False
        self._thread = threading.Thread(target=self._look, name="health checks", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._broken_off = kind is not None
        self._over.set()
        if not self._broken_off:  # else the fault is still there, and nobody waits for its end
            self._thread.join(2 * _READY_LIMIT_S)

    def _look(self) -> None:
        while True:
            over = self._over.wait(_WATCH_S)
            if self._broken_off:
                return
            begun = perf_counter()
            try:
                ready = self._deployment.ready()
            except ShopbenchError:
                ready = False
            if not ready and self._marks.detected is None:
                self._marks.detected = perf_counter()
            if over and ready:
                self._marks.ready = perf_counter()
            if over and (ready or begun > (self._marks.undone or begun) + _READY_LIMIT_S):
                return
            if over:
                sleep(_WATCH_S)
