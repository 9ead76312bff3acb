"""Replays a user's own locustfile open-loop: the schedule says when, the file says what.

Every visit runs one task on a free instance of a user class and never waits for one. Runs in the
load process. Two steps, so that `on_start` costs no trial anything: a plan of loop `prepare` makes
the instances, the next plan uses them. Neighbours: `roster` holds the instances, `worker` calls.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from contextlib import redirect_stdout
from time import perf_counter
from typing import Any

import gevent
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)

from bench.load.pacer import make_pacer
from bench.load.plan import Plan, Result
from bench.load.roster import Member, Roster, Stay, run_task
from bench.load.rows import Row, to_columns
from bench.load.userfile import LocustfileError, where

LEAD_S = 0.05  # from 'all is ready' to the trial's zero
_ENDS_VISIT = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser, StopTest)


class CustomLoad:
    """Serves the plans of one load process that name a locustfile."""

    def __init__(self) -> None:
        self._roster: Roster | None = None

    def serve(self, plan: Plan) -> Result:
        """Run one plan. Raises LocustfileError, also for a plan without a `prepare` before it."""
        with redirect_stdout(sys.stderr):  # stdout is the way back to the parent
            if plan.loop != "prepare":
                return self._replay(plan)
            self._dismiss()
            if plan.concurrency:
                self._roster = Roster(plan)
                self._roster.start()
            return _nothing()

    def _replay(self, plan: Plan) -> Result:
        if self._roster is None or self._roster.base_url != plan.base_url:
            raise LocustfileError("no users were prepared")
        replay = CustomReplay(plan, self._roster)
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            return replay.run()
        finally:
            gc.enable()
            gc.unfreeze()

    def _dismiss(self) -> None:
        roster, self._roster = self._roster, None
        if roster is not None:
            roster.stop()


class CustomReplay:
    """One trial of a prepared roster."""

    def __init__(self, plan: Plan, roster: Roster) -> None:
        self.plan = plan
        self._roster = roster
        self._rows = roster.rows
        self._rows.clear()  # what an earlier plan of this roster left
        self._active: set[gevent.Greenlet] = set()
        self._skipped = 0
        self._unfinished = 0
        self._cpu_marks: list[tuple[float, float]] = []
        self._choices = [roster.choose(visit) for visit in plan.visits]

    def run(self) -> Result:
        """Replay the plan to its end, drain, return the rows."""
        random.seed(self.plan.seed)
        pacer = make_pacer()
        self._zero = perf_counter() + LEAD_S
        marker = gevent.spawn(self._mark_cpu)
        try:
            if self.plan.loop == "open":
                self._run_open(pacer)
            else:
                self._run_closed()
            marker.join(timeout=0 if self.plan.max_visits else None)
            self._drain()
        finally:
            marker.kill()
            pacer.close()
        return self._result(pacer.name)

    def _run_open(self, pacer: Any) -> None:
        zero, free = self._zero, self._roster.free
        for number, visit in enumerate(self.plan.visits):
            pacer.wait_until(zero + visit.due_s)
            cls, task = self._choices[number]
            if not free[cls]:
                self._skipped += 1
                continue
            self._spawn(self._visit, free[cls].pop(), cls, task, number, zero + visit.due_s)

    def _run_closed(self) -> None:
        numbers = iter(range(self.plan.max_visits or sys.maxsize))
        for _ in range(self.plan.concurrency):
            self._spawn(self._repeat, numbers)
        gevent.joinall(list(self._active), timeout=self.plan.measured_to_s)

    def _spawn(self, function: Any, *arguments: Any) -> None:
        greenlet = gevent.spawn(function, *arguments)
        self._active.add(greenlet)
        greenlet.rawlink(self._active.discard)

    def _repeat(self, numbers: Any) -> None:
        """One closed-loop client: the next visit as soon as the last one is over."""
        end = self._zero + self.plan.measured_to_s
        for number in numbers:
            now = perf_counter()
            cls, task = self._choices[number % len(self._choices)]
            if now >= end or not self._roster.free[cls]:
                return
            self._visit(self._roster.free[cls].pop(), cls, task, number, now)
            gevent.sleep(0)  # a visit without a request must not hold the hub

    def _visit(self, member: Member, cls: Any, task: Any, number: int, due: float) -> None:
        stay = Stay(number, f"{cls.__name__}.{task.__name__}", due)
        member.stay = stay
        try:
            run_task(task, member.user)
        except _ENDS_VISIT:
            pass
        except Exception as exc:  # noqa: BLE001 - the user's code: a failed row that says where
            if not stay.failed:  # else it stumbled over an answer that is counted as failed
                self._stumbled(stay, where(exc, self._roster.file.path))
        finally:
            stay.over = True
            member.stay = None
            self._roster.free[cls].append(member)

    def _stumbled(self, stay: Stay, text: str) -> None:
        now = perf_counter()
        due = min(stay.ready, now)
        self._rows.append((due, now, now, 0, 0, stay.journey, stay.journey, text, stay.number, ""))

    def _mark_cpu(self) -> None:
        """Read the process's CPU time at both ends of the measured window."""
        for mark_s in (self.plan.measured_from_s, self.plan.measured_to_s):
            gevent.sleep(max(0.0, self._zero + mark_s - perf_counter()))
            self._cpu_marks.append((perf_counter(), time.process_time()))

    def _drain(self) -> None:
        """Wait for the visits still out; what does not come is a timeout, never dropped."""
        gevent.joinall(list(self._active), timeout=self.plan.drain_s)
        left = list(self._active)
        self._unfinished = len(left)
        for member in self._roster.all:
            if member.stay is not None:
                member.stay.over = True  # no further request
        gevent.killall(left, exception=TimeoutError, timeout=1.0)
        self._drained = perf_counter()
        while len(self._cpu_marks) < 2:  # a closed loop of so many visits ends when they are made
            self._cpu_marks.append((self._drained, time.process_time()))

    def _result(self, pacer: str) -> Result:
        (start, cpu_start), (end, cpu_end) = self._cpu_marks
        zero = self._zero
        rows: list[Row] = [
            (row[0] - zero, row[1] - zero, row[2] - zero, *row[3:]) for row in self._rows
        ]
        columns: dict[str, Any] = to_columns(rows)
        return Result(
            started_monotonic=zero,
            **columns,
            # how many requests a visit makes is the file's secret: those made, and one a skip
            planned=len(rows) + self._skipped,
            skipped=self._skipped,
            abandoned=0,
            unfinished=self._unfinished,
            cpu_seconds=cpu_end - cpu_start,
            cpu_window_s=max(end - start, 1e-9),
            drained_s=self._drained - zero,
            pacer=pacer,
            samples=[],
        )


def _nothing() -> Result:
    """The answer to `prepare`."""
    columns: dict[str, Any] = to_columns([])
    return Result(
        started_monotonic=perf_counter(),
        **columns,
        planned=0,
        skipped=0,
        abandoned=0,
        unfinished=0,
        cpu_seconds=0.0,
        cpu_window_s=1e-9,
        drained_s=0.0,
        pacer="",
        samples=[],
    )
