"""One trial inside the load process, open or closed: from a plan and a population to its result.

Neighbours: `worker` calls it, `arrivals` paces it, `listener` takes the rows.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from time import perf_counter

import gevent

from bench.load.arrivals import Arrivals, NoFreeInstance, journey_name
from bench.load.listener import RowListener, Stay
from bench.load.mixes import JOURNEYS
from bench.load.pacer import make_pacer
from bench.load.plan import Plan, Result
from bench.load.population import Population
from bench.load.rows import Row, to_columns

LEAD_S = 0.05  # from 'all is ready' to the trial's zero
_PENDING = 202


class CpuMeter:
    """CPU time of this process between two moments; a greenlet of its own reads it."""

    def __init__(self, start: float, end: float) -> None:
        """Moments on perf_counter."""
        self._marks: list[tuple[float, float]] = []
        self._greenlet = gevent.spawn(self._read, (start, end))

    def close(self) -> tuple[float, float]:
        """(CPU seconds, wall seconds); a mark not yet reached is set now."""
        self._greenlet.kill()
        while len(self._marks) < 2:
            self._mark()
        (start, cpu_start), (end, cpu_end) = self._marks
        return cpu_end - cpu_start, max(end - start, 1e-9)

    def join(self) -> None:
        """Wait for the second moment."""
        self._greenlet.join()

    def _read(self, moments: tuple[float, float]) -> None:
        for moment in moments:
            gevent.sleep(max(0.0, moment - perf_counter()))
            self._mark()

    def _mark(self) -> None:
        self._marks.append((perf_counter(), time.process_time()))


class Trial:
    """Visits of a plan, made by a population."""

    def __init__(
        self,
        plan: Plan,
        population: Population,
        listener: RowListener,
        where: Callable[[Exception], str],
    ) -> None:
        """`where`: in words, where in the locustfile an exception came from."""
        self.plan = plan
        self._population = population
        self._listener = listener
        self._where = where
        self._arrivals = Arrivals(population, self._ended)
        self._planned = 0  # requests of the visits that came due
        self._skipped = 0
        self._silent = 0

    def run(self, agree_zero: Callable[[], float] | None = None) -> Result:
        """Make the visits, drain, count. `agree_zero`: the zero that several processes share."""
        plan, pacer = self.plan, make_pacer()
        self._listener.begin()
        zero = agree_zero() if agree_zero else perf_counter() + LEAD_S
        meter = CpuMeter(zero + plan.measured_from_s, zero + plan.measured_to_s)
        try:
            if plan.loop == "open":
                if self._arrivals.run(plan.visits, zero, pacer, self._over):
                    meter.join()
            else:
                self._run_closed(zero)
            unfinished = self._arrivals.drain(plan.drain_s)
        finally:
            pacer.close()
            cpu_s, window_s = meter.close()
        drained_s = perf_counter() - zero
        rows = self._listener.rows(zero)
        return Result(
            started_monotonic=zero,
            **to_columns(rows),
            planned=self._planned if self._named else len(rows) + self._skipped,
            skipped=self._skipped,
            abandoned=abandoned(rows) if self._named else 0,
            unfinished=unfinished,
            cpu_seconds=cpu_s,
            cpu_window_s=window_s,
            drained_s=drained_s,
            pacer=pacer.name,
            samples=self._listener.samples,
            examples=self._listener.examples,
            elsewhere=self._listener.elsewhere,
            silent=self._silent,
        )

    def _over(self) -> bool:
        """Whether somebody has ended the load before its time."""
        return bool(self.plan.stop_file) and os.path.exists(self.plan.stop_file)

    @property
    def _named(self) -> bool:
        """Whether visits name journeys, so that we know how many requests each makes."""
        return bool(self.plan.visits[0].journey)

    def _run_closed(self, zero: float) -> None:
        numbers = iter(range(self.plan.max_visits or sys.maxsize))
        for _ in range(self.plan.concurrency):
            self._arrivals.spawn(self._repeat, numbers, zero)
        self._arrivals.wait(zero + self.plan.measured_to_s)

    def _repeat(self, numbers: Iterator[int], zero: float) -> None:
        """One closed-loop client: the next visit as soon as the last one is over."""
        gevent.sleep(max(0.0, zero - perf_counter()))
        visits, end = self.plan.visits, zero + self.plan.measured_to_s
        for number in numbers:
            now = perf_counter()
            if now >= end:
                return
            visit = visits[number % len(visits)]
            cls, chosen = self._population.choose(visit)
            member = self._population.take(cls)
            if member is None:
                return
            stay = Stay(number, journey_name(visit, cls, chosen), now)
            self._arrivals.make(member, stay, chosen, visit.number)
            gevent.sleep(0)  # a visit without a request must not hold the hub

    def _ended(self, stay: Stay, failure: Exception | None) -> None:
        requests = len(JOURNEYS.get(stay.journey, ())) if self._named else 1
        self._planned += requests
        if isinstance(failure, NoFreeInstance):
            self._skipped += requests
        elif failure is not None and self._named:  # our own journey broke: its steps are missing
            print(f"{stay.journey}: {type(failure).__name__}: {failure}", file=sys.stderr)
        elif failure is not None and not stay.failed:  # else it stumbled over a failure counted
            self._listener.stumbled(stay, self._where(failure))
        elif not stay.requests:
            self._silent += 1


def abandoned(rows: list[Row]) -> int:
    """Steps that were never due, because the visit ended before them for a good reason.

    That is a failed step, or an order that cannot be cancelled since it is not confirmed.
    """
    steps: Counter[tuple[int, str]] = Counter()
    ended: set[int] = set()
    for _, _, _, status, _, _, journey, error, visit, _ in rows:
        steps[visit, journey] += 1
        if error or status == _PENDING:
            ended.add(visit)
    return sum(
        max(0, len(JOURNEYS[journey]) - made)
        for (visit, journey), made in steps.items()
        if visit in ended or JOURNEYS[journey][made : made + 1] == ("order_cancel",)
    )
