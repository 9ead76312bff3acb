"""Open-loop arrivals for any locustfile: visits come when they are due and wait for nobody.

Locust's own users are closed: each waits for its answer before it asks again, so a slow server is
asked less. Here a seed alone says when somebody comes, and each arrival runs one task on a free
instance of a user class. In a locustfile of your own:

    from locust import FastHttpUser, task
    from bench.load.arrivals import OpenLoop

    class Visitor(FastHttpUser):
        abstract = True  # Locust starts none of its own
        @task
        def home(self):
            self.client.get("/")

    class Arrivals(OpenLoop):
        visitors = [Visitor]
        rate = 50  # visits a second; Poisson

    locust -f mine.py --headless -u 1 -t 30s --host http://127.0.0.1:8000

Locust's tables have the requests as always, and a row `visit` for each task that counts from the
moment a visit was due to its end. A visit that finds no free instance is a failure there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, ClassVar

import gevent
from locust import User, task
from locust.exception import StopUser

from bench.load.listener import Stay
from bench.load.pacer import Pacer, make_pacer
from bench.load.plan import Visit
from bench.load.population import Member, Population, set_host
from bench.load.schedule import Gaps, due_times


class NoFreeInstance(Exception):
    """A visit was due and every instance of its class was on another: it is skipped."""


Ended = Callable[[Stay, Exception | None], None]


class Arrivals:
    """Visits under way. `ended` is told of each: what its code raised, or NoFreeInstance."""

    def __init__(self, population: Population, ended: Ended) -> None:
        self._population = population
        self._ended = ended
        self._under_way: set[gevent.Greenlet] = set()
        self._stays: set[Stay] = set()

    def run(
        self,
        visits: Iterable[Visit],
        zero: float,
        pacer: Pacer,
        over: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Send every visit on its way when it is due, `zero` + its `due_s` on perf_counter.

        `over` is asked before each and ends the arrivals early. Returns whether all came.
        """
        for number, visit in enumerate(visits):
            cls, chosen = self._population.choose(visit)
            due = zero + visit.due_s
            pacer.wait_until(due)
            if over():
                return False
            stay = Stay(number, journey_name(visit, cls, chosen), due)
            member = self._population.take(cls)
            if member is None:
                self._ended(stay, NoFreeInstance("no free instance"))
            else:
                self.spawn(self.make, member, stay, chosen, visit.number)
        return True

    def spawn(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run something in a greenlet that `drain` waits for."""
        greenlet = gevent.spawn(function, *arguments)
        self._under_way.add(greenlet)
        greenlet.rawlink(self._under_way.discard)

    def make(self, member: Member, stay: Stay, chosen: Any, seed: int) -> None:
        """Make one visit here and now; what its own code raises is told, not raised."""
        failure: Exception | None = None
        self._stays.add(stay)
        try:
            member.visit(stay, chosen, seed)
        except Exception as exc:  # noqa: BLE001 - the file's code: as Locust does, told by event
            failure = exc
            self._population.environment.events.user_error.fire(
                user_instance=member.user, exception=exc, tb=exc.__traceback__
            )
        finally:
            self._stays.discard(stay)
            self._population.give_back(member)
        self._ended(stay, failure)

    def drain(self, patience_s: float) -> int:
        """Wait for the visits under way; what is left gets a TimeoutError. How many that were."""
        gevent.sleep(0)  # let what was spawned begin
        gevent.joinall(list(self._under_way), timeout=patience_s)
        left = list(self._under_way)
        gevent.killall(left, exception=TimeoutError, timeout=1.0)  # an answer that did not come
        self.stop()
        return len(left)

    def stop(self) -> None:
        """End what is under way: no further request, and no row of the one that is out."""
        for stay in self._stays:
            stay.over = True
        gevent.killall(list(self._under_way), timeout=1.0)

    def wait(self, until: float) -> None:
        """Wait for what was spawned, at the longest until a moment on perf_counter."""
        gevent.joinall(list(self._under_way), timeout=max(0.0, until - perf_counter()))


def journey_name(visit: Visit, cls: Any, chosen: Any) -> str:
    """What a visit is called: the shop's journey, or class and task of a file."""
    return visit.journey or f"{cls.__name__}.{chosen.__name__}"


class OpenLoop(User):  # type: ignore[misc]  # Locust has no types
    """The one user of an open-loop test with plain Locust; see the module."""

    abstract = True
    fixed_count = 1
    visitors: ClassVar[Sequence[type[User]]] = ()
    rate: ClassVar[float] = 10.0  # visits a second
    gaps: ClassVar[Gaps] = "poisson"
    seed: ClassVar[int] = 1
    seconds: ClassVar[float] = 3600.0  # that arrivals come; -t ends the test sooner
    instances: ClassVar[int] = 64  # of the visitors, in Locust's proportions; more where on_start
    most: ClassVar[int] = 512  # is not the class's own

    @task  # type: ignore[untyped-decorator]
    def arrive(self) -> None:
        """Make all visits, then stop."""
        population = Population(self.environment, self.visitors, self.most)
        set_host(self.visitors, self.host or self.environment.host)
        population.start(self.instances)
        draw = random.Random(self.seed)
        visits = (
            Visit(due_s, "", draw.getrandbits(63))
            for due_s in due_times(draw, self.rate, 0.0, self.seconds, self.gaps)
        )
        arrivals, pacer = Arrivals(population, self._tell), make_pacer()
        zero = perf_counter() + 0.05
        try:
            arrivals.run(visits, zero, pacer)
            arrivals.drain(10.0)
        finally:
            arrivals.stop()
            pacer.close()
            population.stop()
        raise StopUser

    def _tell(self, stay: Stay, failure: Exception | None) -> None:
        seconds = perf_counter() - stay.due
        self.environment.events.request.fire(
            request_type="visit",
            name=stay.journey,
            response_time=seconds * 1000,
            response_length=0,
            response=None,
            context={},
            exception=failure,
            start_time=time.time() - seconds,
            url="",
        )
