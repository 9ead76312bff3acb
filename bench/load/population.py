"""The user instances of one locustfile against one host, and their visits: one task each.

An Environment of its own for each, as `locust` makes one. Neighbours: `arrivals` says when a visit
comes, `listener` takes the rows to what it asks for.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, HttpUser, TaskSet, User, constant
from locust.clients import LocustHttpAdapter
from locust.env import Environment
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.runners import WorkerNode

from bench.load.listener import VISIT, Stay
from bench.load.plan import REQUEST_TIMEOUT_S, Visit

STARTS_AT_ONCE = 16
START_LIMIT_S = 120.0  # for all on_start together
STOP_LIMIT_S = 5.0
Progress = Callable[[int, int], None]  # how many of how many
_VISIT_ENDS = (RescheduleTask, RescheduleTaskImmediately, StopUser, StopTest)


class PopulationError(Exception):
    """Users of a locustfile could not be made or started."""


class Member:
    """One instance of a user class. Its visits are the turns of Locust's own loop, without waits.

    A task set that is entered and not left goes on at the next visit, as it does in Locust.
    """

    def __init__(self, user: Any) -> None:
        self.user = user
        self.stay: Stay | None = None
        self._inside: list[Any] = []  # task sets entered and not yet left, outermost first
        own_context: Callable[[], dict[str, Any]] = user.context
        user.context = lambda: {**own_context(), VISIT: self.stay}

    def visit(self, stay: Stay, task: Any, seed: int) -> None:
        """Run `task`, or one task of the task set that the last visit was in.

        `random` is seeded with the visit's own number first. Raises what the file's code raises.
        """
        self.stay = stay
        random.seed(seed)
        try:
            self._turn(task)
        except _VISIT_ENDS:
            pass
        finally:
            self.stay = None

    def _turn(self, task: Any) -> None:
        holder = self.user
        if self._inside:
            holder = self._inside[-1]
            task = holder.get_next_task()
        try:
            while is_task_set(task):
                holder = task(holder)
                self._inside.append(holder)
                holder.on_start()
                task = holder.get_next_task()
            if holder is self.user:
                task(holder)
            else:
                holder.execute_task(task)
        except InterruptTaskSet:
            if self._inside:
                self._inside.pop().on_stop()


class Population:
    """Instances in Locust's own proportions; those of a class are alike, any free one serves."""

    def __init__(
        self,
        environment: Environment,
        classes: Sequence[Any],
        most: int = 512,
        host_header: str = "",
    ) -> None:
        """`classes` make the visits; `most`: instances of one class, where it may grow.

        `host_header`: sent with every request in place of the URL's host.
        """
        self.environment = environment
        self.classes = tuple(classes)
        self.members: list[Member] = []
        self._most = most
        self._headers = {"Host": host_header} if host_header else {}
        for cls in self.classes:
            if issubclass(cls, FastHttpUser) and self._headers:
                cls.default_headers = {**(cls.default_headers or {}), **self._headers}
        self._free: dict[Any, list[Member]] = {cls: [] for cls in self.classes}
        self._made: Counter[Any] = Counter()
        self._shares: list[int] = [1] * len(self.classes)
        leave_out_waits(self.classes)
        self._named = {task.__name__: (cls, task) for cls in self.classes for task in cls.tasks}

    def start(
        self, users: int, limit_s: float = START_LIMIT_S, ready: Progress = lambda done, of: None
    ) -> None:
        """Make so many users and run their on_start, some at once; `ready` is told of each.

        Raises PopulationError if that takes longer than `limit_s`, and what an on_start raised.
        """
        counts = proportions(self.environment, self.classes, users)
        self._shares = [counts[cls] for cls in self.classes]
        begun = [self._make(cls) for cls in self.classes for _ in range(counts[cls])]
        started: list[Member] = []
        failures: list[Exception] = []

        def start(member: Member) -> None:
            try:
                member.user.on_start()
            except Exception as exc:  # noqa: BLE001 - the user's code: the caller is told
                failures.append(exc)
                return
            started.append(member)
            ready(len(started), len(begun))

        pool = Pool(STARTS_AT_ONCE)
        with gevent.Timeout(limit_s, False):
            for member in begun:
                if not failures:
                    pool.spawn(start, member)
            pool.join()
        pool.kill(timeout=1)
        if failures:
            raise failures[0]
        if len(started) < len(begun):
            raise PopulationError(
                f"on_start of {len(begun)} users took longer than {limit_s:g} s "
                f"({len(started)} were ready)"
            )
        for member in begun:
            self.give_back(member)

    def grow(self, users: int) -> None:
        """Make so many instances of each class ahead, where its on_start is nothing."""
        for cls in self.classes:
            for _ in range(min(users, self._most)):
                self._free[cls].append(self._make(cls))

    def choose(self, visit: Visit) -> tuple[Any, Any]:
        """The class and the task of a visit: the journey it names, else drawn from its number."""
        if visit.journey:
            found: tuple[Any, Any] = self._named[visit.journey]
            return found
        draw = random.Random(f"{visit.number}/task")
        cls = draw.choices(self.classes, self._shares)[0]
        return cls, draw.choice(cls.tasks)  # Locust lists a task as often as it weighs

    def take(self, cls: Any) -> Member | None:
        """A free instance, made now if its class may grow; None if all are on a visit."""
        if self._free[cls]:
            return self._free[cls].pop()
        if cls.on_start is not User.on_start or self._made[cls] >= self._most:
            return None
        return self._make(cls)

    def give_back(self, member: Member) -> None:
        """The visit is over."""
        self._free[type(member.user)].append(member)

    def close(self) -> None:
        """Close the connections; nobody may be on a visit."""
        for member in self.members:
            client = member.user.client
            (client if isinstance(member.user, HttpUser) else client.client).close()

    def stop(self) -> None:
        """Run every on_stop, as far as there is time; what fails there harms no measurement."""
        pool = Pool(STARTS_AT_ONCE)
        for member in self.members:
            pool.spawn(_quietly, member.user.on_stop)
        pool.join(timeout=STOP_LIMIT_S)
        pool.kill(timeout=1)

    def _make(self, cls: Any) -> Member:
        member = Member(cls(self.environment))
        if isinstance(member.user, HttpUser):
            _limit_time(member.user.client)
            member.user.client.headers.update(self._headers)
        self.members.append(member)
        self._made[cls] += 1
        return member


def proportions(environment: Environment, classes: Iterable[Any], users: int) -> dict[Any, int]:
    """How many of each class Locust itself starts: `fixed_count` first, then by weight."""
    listed = list(classes)
    node = WorkerNode(id="shopbench")
    dispatcher = environment.dispatcher_class(worker_nodes=[node], user_classes=listed)
    dispatcher.new_dispatch(users, spawn_rate=max(users, 1))
    counts: dict[str, int] = {}
    for dispatched in dispatcher:
        counts = dispatched[node.id]
    return {cls: counts.get(cls.__name__, 0) for cls in listed}


def set_host(classes: Iterable[Any], base_url: str, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
    """Point user classes at a host, as `locust --host` does, with a limit on every request."""
    for cls in classes:
        cls.host = base_url
        if issubclass(cls, FastHttpUser):
            cls.network_timeout = min(cls.network_timeout, timeout_s)
            cls.connection_timeout = min(cls.connection_timeout, timeout_s)


def leave_out_waits(classes: Iterable[Any]) -> None:
    """Take the waiting times from user classes and their task sets: a schedule says who comes."""
    left, seen = list(classes), set()
    while left:
        cls = left.pop()
        if cls not in seen:
            seen.add(cls)
            cls.wait_time = constant(0)
            left += [task for task in cls.tasks if is_task_set(task)]


def is_task_set(task: Any) -> bool:
    """Whether a task is a class with tasks of its own."""
    return inspect.isclass(task) and issubclass(task, TaskSet)


class _LimitedAdapter(LocustHttpAdapter):  # type: ignore[misc]  # Locust has no types
    """A limit where the file gives none; requests has none by itself."""

    def send(self, request: Any, **options: Any) -> Any:
        options["timeout"] = options.get("timeout") or REQUEST_TIMEOUT_S
        return super().send(request, **options)


def _limit_time(session: Any) -> None:
    for scheme, adapter in list(session.adapters.items()):
        if type(adapter) is LocustHttpAdapter:  # else the file brought its own
            session.mount(scheme, _LimitedAdapter(pool_manager=session.user.pool_manager))


def _quietly(function: Callable[[], object]) -> None:
    try:
        with gevent.Timeout(STOP_LIMIT_S):
            function()
    except Exception as exc:  # noqa: BLE001 - the user's code, after the measurement
        print(f"after the trial: {type(exc).__name__}: {exc}", file=sys.stderr)
