"""One stretch: load as planned, and in the middle of it a fault (or, in a control, none).

The load runs in a thread of its own while the method takes its course in the main thread, where
signals arrive: whatever ends it, the fault is cleared.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import Any

import msgspec

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.experiments.failure.open_work import OpenWork
from bench.experiments.failure.spec import OVERLOAD, POISON, Step
from bench.experiments.failure.steady import SteadyState
from bench.faults.nemesis import Nemesis
from bench.load.generator import LoadProcess, Target
from bench.load.mixes import JOURNEYS
from bench.load.plan import Result, Visit
from bench.load.visits import SKIPPED

PATIENCE_S = 4.0  # of a visitor with one answer: the shop's own deadline is 3 s
# More than usual: what an overload holds up must not look like a client without connections.
MAX_USERS = 850
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
        if step is None or not _sleep_until(begun + self.at_s, load):
            return
        health = self.steady.look(rounds=1, at_rest=False)
        if not health.steady:
            self.marks.unsteady = health.broken
            return
        self.marks.injected = perf_counter()
        if step.kind == OVERLOAD:
            _sleep_until(self.marks.injected + step.seconds, load)
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
            if not _sleep_until(perf_counter() + _POISON_EVERY_S, load):
                return
        _sleep_until(until, load)


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


class Conducted:
    """Plays the load process to `Bench`: the same load, with a course beside it."""

    def __init__(self, load: LoadProcess, course: Course, orders_dsn: str) -> None:
        self._load = load
        self._course = course
        self.open_work = OpenWork(orders_dsn)
        self.zero = 0.0  # of the load's clock, once it is over
        self.skipped_visits = 0

    @property
    def marks(self) -> Marks:
        """When what happened."""
        return self._course.marks

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the load process."""
        return self._load.pids

    def run_open(
        self, target: Target, visits: list[Visit], window: tuple[float, float], **options: float
    ) -> Result:
        """Replay the visits while the course is taken. Raises what either raises."""
        options |= {"request_timeout_s": PATIENCE_S, "max_users": MAX_USERS}
        with self.open_work, ThreadPoolExecutor(1) as pool:
            load = pool.submit(self._load.run_open, target, visits, window, **options)
            try:
                self._course.take(load, perf_counter())
                result = load.result()
            except BaseException:  # the trial is lost: let the thread end
                self._load.kill()
                with suppress(Exception):
                    load.result()
                self._load.stop()
                raise
        self.zero = result.started_monotonic
        result, self.skipped_visits = with_skipped(result, visits)
        return result


def with_skipped(result: Result, visits: Sequence[Visit]) -> tuple[Result, int]:
    """The result with a row for each visit that found no session, and how many those were.

    Their first step is a row with the error `skipped`; the others count as abandoned.
    """
    made = set(result.visit)
    missing = [number for number in range(len(visits)) if number not in made]
    if not missing:
        return result, 0
    rows: dict[str, list[Any]] = {
        name: list(getattr(result, name))
        for name in ("due_s", "sent_s", "done_s", "status", "bytes", "operation", "journey")
    }
    rows |= {name: list(getattr(result, name)) for name in ("error", "visit", "server_timing")}
    abandoned = 0
    for number in missing:
        visit = visits[number]
        steps = JOURNEYS[visit.journey]
        abandoned += len(steps) - 1
        for name in ("due_s", "sent_s", "done_s"):
            rows[name].append(visit.due_s)
        rows["status"].append(0)
        rows["bytes"].append(0)
        rows["operation"].append(steps[0])
        rows["journey"].append(visit.journey)
        rows["error"].append(SKIPPED)
        rows["visit"].append(number)
        rows["server_timing"].append("")
    by_due = sorted(
        range(len(rows["due_s"])), key=lambda at: (rows["due_s"][at], rows["visit"][at])
    )
    ordered = {name: [column[at] for at in by_due] for name, column in rows.items()}
    changed = msgspec.structs.replace(
        result, **ordered, skipped=0, abandoned=result.abandoned + abandoned
    )
    return changed, len(missing)


def _sleep_until(when: float, load: Future[Result]) -> bool:
    """Wait for a moment; False if the load ended before it."""
    done, _ = wait([load], timeout=max(0.0, when - perf_counter()))
    return not done
