"""The user instances of a trial with a locustfile, each with its client tapped.

Every request through `self.client` becomes a row: Locust's request event says how it ended, the
tap says when it was due and sent. Neighbours: `userfile` loads the file, `custom` replays visits.
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import gevent
import locust
from gevent.pool import Pool
from locust import HttpUser
from locust.env import Environment
from locust.exception import CatchResponseError, InterruptTaskSet

from bench.load.plan import Plan, Visit
from bench.load.rows import Row
from bench.load.userfile import (
    LocustfileError,
    handlers,
    is_class,
    load_userfile,
    restore_handlers,
    where,
)

PREPARE_LIMIT_S = 30.0  # for all on_start together
DISMISS_LIMIT_S = 5.0
STARTS_AT_ONCE = 16
_LEAST_INSTANCES = 8
_REASON_LENGTH = 80
_MAX_CAUSES = 5
_NAME_LENGTH = 60
_NETWORK_REASONS = (
    ("timeout", "timeout"),
    ("timed out", "timeout"),
    ("refused", "refused"),
    ("reset", "reset"),
    ("broken pipe", "reset"),
    ("closed", "closed"),
)


@dataclass
class Stay:
    """A visit under way. `ready`: when its last answer was in, so the next request is due."""

    number: int
    journey: str
    ready: float
    name: str = ""
    failed: bool = False
    over: bool = False


class Member:
    """One instance of a user class, its client tapped: `fire` stands for Locust's request event."""

    def __init__(self, user: Any, roster: Roster) -> None:
        self.user = user
        self.stay: Stay | None = None
        self.rows: list[Row] = roster.rows
        self._base_url = roster.base_url
        self._forward = roster.environment.events.request.fire
        self._send = user.client._send_request_safe_mode
        self._timeout_s = roster.timeout_s if isinstance(user, HttpUser) else None
        self._request = user.client.request
        user.client.request = self._named
        user.client.request_event = self
        user.client._send_request_safe_mode = self._timed
        user.wait = _no_wait

    def _timed(self, method: str, url: str, **options: Any) -> Any:
        """Send, and leave on the response when it was due and sent."""
        stay = self.stay
        if self._timeout_s and options.get("timeout") is None:
            options["timeout"] = self._timeout_s
        if stay is None:
            return self._send(method, url, **options)
        if stay.over:
            raise gevent.GreenletExit
        due, sent = stay.ready, perf_counter()
        try:
            response = self._send(method, url, **options)
        except TimeoutError:  # the drain's end
            self._row(stay, (due, sent, perf_counter()), (0, 0, _operation(stay.name)), "timeout")
            raise
        stay.ready = perf_counter()
        response.shopbench_times = (due, sent, url)
        return response

    def _named(self, method: str, url: str, *rest: Any, **options: Any) -> Any:
        """Keep the name of a request, for the case that no answer comes."""
        if self.stay is not None:
            self.stay.name = str(options.get("name") or (rest[0] if rest else None) or url)
        return self._request(method, url, *rest, **options)

    def fire(self, **meta: Any) -> None:
        """Take the row of an answer, then tell the file's own listeners."""
        if self.stay is not None and hasattr(meta["response"], "shopbench_times"):
            self._record(self.stay, meta)
        self._forward(**meta)

    def _record(self, stay: Stay, meta: dict[str, Any]) -> None:
        response = meta["response"]
        due, sent, url = response.shopbench_times
        # Locust's clock starts a little before `sent`: on a busy core its sum may lie ahead of now
        done = min(sent + meta["response_time"] / 1000, perf_counter())
        status = int(getattr(response, "status_code", 0) or 0)
        error = reason(meta["exception"], status)
        if not url.startswith(self._base_url):
            error = "sent to another host"
        stay.ready = max(stay.ready, done)
        headers = getattr(response, "headers", None) or {}
        timing = headers.get("server-timing", "")
        answer = (status, int(meta["response_length"] or 0), _operation(meta["name"]))
        self._row(stay, (due, sent, done), answer, error, timing if isinstance(timing, str) else "")

    def _row(
        self,
        stay: Stay,
        times: tuple[float, float, float],
        answer: tuple[int, int, str],
        error: str,
        timing: str = "",
    ) -> None:
        stay.failed |= bool(error)
        self.rows.append((*times, *answer, stay.journey, error, stay.number, timing))


class Roster:
    """The user instances of one trial, by class. Each class has its share of them by weight."""

    def __init__(self, plan: Plan) -> None:
        self.base_url = plan.base_url
        self.timeout_s = plan.request_timeout_s
        self.rows: list[Row] = []
        self._saved = handlers()
        random.seed(plan.seed)
        try:
            self.file = load_userfile(Path(plan.locustfile))
            self.classes = self.file.classes
            self.environment = Environment(
                user_classes=list(self.classes), host=plan.base_url, events=locust.events
            )
            self.environment.events.init.fire(
                environment=self.environment, runner=None, web_ui=None
            )
            self.environment.events.test_start.fire(environment=self.environment)
            self.free = {cls: self._members(cls, plan.concurrency) for cls in self.classes}
        except BaseException:
            restore_handlers(self._saved)
            raise
        self.all = [member for members in self.free.values() for member in members]

    def start(self) -> None:
        """Run every on_start, some at once. Raises LocustfileError if one fails."""
        pool = Pool(STARTS_AT_ONCE)
        failures: list[str] = []
        for member in self.all:
            pool.spawn(self._start_one, member, failures)
        if not pool.join(timeout=PREPARE_LIMIT_S):
            pool.kill(timeout=1)
            failures.append(f"{self.file.path.name}: on_start of {len(self.all)} users is too slow")
        if failures:
            restore_handlers(self._saved)
            raise LocustfileError(failures[0])

    def stop(self) -> None:
        """Run every on_stop, as far as there is time; what fails there harms no measurement."""
        pool = Pool(STARTS_AT_ONCE)
        for member in self.all:
            pool.spawn(_quietly, member.user.on_stop)
        pool.join(timeout=DISMISS_LIMIT_S)
        pool.kill(timeout=1)
        _quietly(lambda: self.environment.events.test_stop.fire(environment=self.environment))
        restore_handlers(self._saved)

    def choose(self, visit: Visit) -> tuple[Any, Any]:
        """The class and the task of a visit, by their weights, from the visit's own number."""
        rng = random.Random(visit.user)
        cls = rng.choices(self.classes, [each.weight for each in self.classes])[0]
        return cls, rng.choice(cls.tasks)  # Locust lists a task as often as it weighs

    def _members(self, cls: Any, total: int) -> list[Member]:
        share = cls.weight / sum(each.weight for each in self.classes)
        cls.host = self.base_url
        if not issubclass(cls, HttpUser):
            cls.network_timeout = min(cls.network_timeout, self.timeout_s)
            cls.connection_timeout = min(cls.connection_timeout, self.timeout_s)
        count = max(_LEAST_INSTANCES, math.ceil(total * share))
        try:
            return [Member(cls(self.environment), self) for _ in range(count)]
        except Exception as exc:
            raise LocustfileError(where(exc, self.file.path)) from exc

    def _start_one(self, member: Member, failures: list[str]) -> None:
        try:
            member.user.on_start()
        except Exception as exc:  # noqa: BLE001 - the user's code: reported, not understood
            failures.append(f"{where(exc, self.file.path)} (in on_start)")


def _operation(name: object) -> str:
    """A request's name as an operation; `all` means all of them in the results."""
    text = " ".join(str(name).split())[:_NAME_LENGTH]
    return text if text not in {"", "all"} else f"{text}_"


def run_task(task: Any, parent: Any) -> None:
    """Run a task function, or every task of a SequentialTaskSet once, in order."""
    if not is_class(task):
        task(parent)
        return
    taskset = task(parent)
    taskset.wait = _no_wait
    taskset.on_start()
    try:
        for inner in taskset.tasks:
            run_task(inner, taskset)
    except InterruptTaskSet:
        pass  # the file ends this sequence, not the visit
    finally:
        taskset.on_stop()


def reason(exception: Any, status: int) -> str:
    """A short name for a failure, "" if there is none: the vocabulary of the shop's own load."""
    if exception is None:
        return "" if status else "no answer"
    text = " ".join(str(exception).split())
    if isinstance(exception, CatchResponseError | str):
        return text[:_REASON_LENGTH] or "failed"
    if status >= 400:
        return f"status {status}"
    lowered = " ".join(_chain(exception)).lower()
    found = next((name for part, name in _NETWORK_REASONS if part in lowered), None)
    return found or type(exception).__name__


def _chain(exception: BaseException) -> list[str]:
    """Kind and text of an exception and of what caused it."""
    found: list[str] = []
    cause: BaseException | None = exception
    while cause is not None and len(found) < _MAX_CAUSES:
        found.append(f"{type(cause).__name__} {cause!r}")
        original = getattr(cause, "original", None)
        cause = original or cause.__cause__ or cause.__context__
    return found


def _no_wait() -> None:
    """Think times are the schedule's business."""


def _quietly(function: Any) -> None:
    try:
        function()
    except Exception as exc:  # noqa: BLE001 - the user's code, after the measurement
        print(f"after the trial: {type(exc).__name__}: {exc}", file=sys.stderr)
