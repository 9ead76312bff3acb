"""The arrival source: one Locust user that replays a plan and never waits for an answer.

Every request's response time counts from its due time, also in what Locust's statistics get.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from time import perf_counter
from typing import Any

import gevent
from gevent.event import Event
from locust import User, task
from locust.exception import StopUser

from bench.load.crew import Crew
from bench.load.operations import API_PREFIX, OPERATIONS, Operation, Order, check_answer
from bench.load.pacer import make_pacer
from bench.load.plan import Plan, Request, Result, Sample, Visit
from bench.load.pool import Answer, Session, SessionPool
from bench.load.rows import Row, given_up_early, to_columns

LEAD_S = 0.05  # from 'all is ready' to the trial's zero
MAX_SAMPLES = 300
_CLOSED_HEADROOM = 1_000_000  # visits a closed loop may make: it wraps round the plan's


class Replay:
    """State of one trial: sends the plan's visits, collects rows."""

    def __init__(
        self, plan: Plan, request_event: Any, agree_zero: Callable[[], float] | None = None
    ) -> None:
        """`agree_zero`: returns the zero (perf_counter) that several load processes share."""
        self.plan = plan
        self._agree_zero = agree_zero or (lambda: perf_counter() + LEAD_S)
        self.done = Event()
        self._request_event = request_event
        self._pool = SessionPool(plan.base_url, plan.max_sessions, plan.request_timeout_s)
        self._wires = _Wires(plan, self._pool.host_header)
        self._pacer = make_pacer()
        self._crew = Crew(self._visit)
        self._rows: list[Row] = []
        self._samples: list[Sample] = []
        self._zero = 0.0
        self._failure: Exception | None = None
        self._planned = 0
        self._skipped = 0
        self._abandoned = 0
        self._cpu_marks: list[tuple[float, float]] = []

    def run(self) -> None:
        """Replay the plan to its end, drain, and set `done`."""
        self._pool.warm(min(self.plan.warm_sessions, self.plan.max_sessions))
        try:
            self._zero = self._agree_zero()
            if self.plan.loop == "open":
                self._run_open()
            else:
                self._run_closed()
            self._drain()
        except Exception as exc:
            self._failure = exc  # `result` raises it; Locust would only log it
            raise
        finally:
            self._pacer.close()
            self.done.set()

    def _run_open(self) -> None:
        marker = gevent.spawn(self._mark_cpu)
        wait_until, zero = self._pacer.wait_until, self._zero
        for number, visit in enumerate(self.plan.visits):
            wait_until(zero + visit.due_s)
            self._planned += len(visit.requests)
            session = self._pool.take()
            if session is None:
                self._skipped += len(visit.requests)
            else:
                self._arrive(number, visit, session)
        marker.join()

    def _arrive(self, number: int, visit: Visit, session: Session) -> None:
        """Send the first step at once; the answer and the other steps are the crew's work."""
        request = visit.requests[0]
        operation = OPERATIONS[request.operation]
        wire = self._wires.build(operation, request, visit.user, f"{number}-0", "")
        self._crew.hand(number, visit, session, wire, session.send_now(wire))

    def _run_closed(self) -> None:
        marker = gevent.spawn(self._mark_cpu)
        numbers = iter(range(self.plan.max_visits or _CLOSED_HEADROOM))
        clients = [gevent.spawn(self._repeat, numbers) for _ in range(self.plan.concurrency)]
        self._crew.busy.update(clients)
        for client in clients:
            client.rawlink(self._crew.busy.discard)
        gevent.joinall(clients, timeout=self._zero + self.plan.measured_to_s - perf_counter())
        marker.join(timeout=0 if self.plan.max_visits else None)

    def _repeat(self, numbers: Any) -> None:
        """One closed-loop client: the next visit as soon as the last one is answered."""
        gevent.sleep(max(0.0, self._zero - perf_counter()))
        visits, end = self.plan.visits, self._zero + self.plan.measured_to_s
        for number in numbers:
            now = perf_counter()
            if now >= end:
                return
            session = self._pool.take()
            if session is None:
                return
            visit = visits[number % len(visits)]
            self._planned += len(visit.requests)
            again = Visit(now - self._zero, visit.journey, visit.user, visit.requests)
            self._visit(number, again, session)

    def _visit(
        self, number: int, visit: Visit, session: Session, wire: bytes = b"", sent: float = 0.0
    ) -> None:
        """Make the steps of a visit, each due when the one before it is answered.

        `wire`, `sent`: the first step, if it was built and, where `sent` > 0, sent already.
        """
        due, order_id = self._zero + visit.due_s, ""
        for step, request in enumerate(visit.requests):
            operation = OPERATIONS[request.operation]
            if step or not wire:
                key, sent = f"{number}-{step}", 0.0
                wire = self._wires.build(operation, request, visit.user, key, order_id)
            answer = session.exchange(wire, operation.method, sent)
            error, order = self._judge(operation, answer, number)
            self._record(number, visit.journey, operation, due, answer, error)
            if error or _ends_early(visit, step, order):
                self._abandoned += len(visit.requests) - step - 1
                break
            due, order_id = answer.done, order.id if order else order_id
        self._pool.give_back(session)

    def _judge(self, operation: Operation, answer: Answer, number: int) -> tuple[str, Order | None]:
        """The error of an answer ("" if none) and the order it speaks of."""
        if answer.error:
            return answer.error, None
        if number % self.plan.sample_every == 0 and len(self._samples) < MAX_SAMPLES:
            self._samples.append(Sample(operation.name, answer.status, answer.body))
        error, decoded = check_answer(operation, answer.status, answer.body)
        return error, decoded if isinstance(decoded, Order) else None

    def _record(  # noqa: PLR0913 - the parts of one row, called from one place
        self,
        number: int,
        journey: str,
        operation: Operation,
        due: float,
        answer: Answer,
        error: str,
    ) -> None:
        zero = self._zero
        self._rows.append(  # in the order of rows.COLUMNS
            (
                due - zero,
                answer.sent - zero,
                answer.done - zero,
                answer.status,
                len(answer.body),
                operation.name,
                journey,
                error,
                number,
                answer.server_timing,
            )
        )

    def _tell_locust(self) -> None:
        """Feed Locust's statistics, when nothing is timed any more: 13 us for each request."""
        epoch = time.time() - perf_counter() + self._zero
        for due, _, done, _, size, name, _, error, _, _ in self._rows:
            operation = OPERATIONS[name]
            self._request_event.fire(
                request_type=operation.method,
                name=name,
                response_time=(done - due) * 1000,
                response_length=size,
                response=None,
                context={},
                exception=RuntimeError(error) if error else None,
                start_time=epoch + due,
                url=operation.route,
            )

    def _mark_cpu(self) -> None:
        """Read the process's CPU time at both ends of the measured window."""
        for mark_s in (self.plan.measured_from_s, self.plan.measured_to_s):
            gevent.sleep(max(0.0, self._zero + mark_s - perf_counter()))
            self._cpu_marks.append((perf_counter(), time.process_time()))

    def _drain(self) -> None:
        """Wait for the answers still out; what does not come is a timeout, never dropped."""
        self._drained_from = perf_counter()
        self._unfinished = self._crew.dismiss(self.plan.drain_s)
        self._drained = perf_counter()
        while len(self._cpu_marks) < 2:  # a closed loop of so many visits ends when they are made
            self._cpu_marks.append((self._drained, time.process_time()))
        self._pool.close()
        self._tell_locust()

    def result(self) -> Result:
        """The trial's rows and counts. Raises what broke the replay, if something did.

        RuntimeError: answers were given up before their time, which would be the generator's
        failures and not the server's.
        """
        if self._failure is not None:
            raise self._failure
        early = given_up_early(
            self._rows, self.plan.request_timeout_s, self._drained_from - self._zero
        )
        if early:
            raise RuntimeError(f"{early} answers were given up long before their timeout")
        (start, cpu_start), (end, cpu_end) = self._cpu_marks
        columns: dict[str, Any] = to_columns(self._rows)
        return Result(
            started_monotonic=self._zero,
            **columns,
            planned=self._planned,
            skipped=self._skipped,
            abandoned=self._abandoned,
            unfinished=self._unfinished,
            cpu_seconds=cpu_end - cpu_start,
            cpu_window_s=max(end - start, 1e-9),
            drained_s=self._drained - self._zero,
            pacer=self._pacer.name,
            samples=self._samples,
        )


def _ends_early(visit: Visit, step: int, order: Order | None) -> bool:
    """Only a confirmed order can be cancelled; a pending one (202) is the shop's good right."""
    following = visit.requests[step + 1 : step + 2]
    cancels = bool(following) and following[0].operation == "order_cancel"
    return cancels and order is not None and order.status != "confirmed"


class _Wires:
    """Builds the bytes of requests from parts made once."""

    def __init__(self, plan: Plan, host: str) -> None:
        self._key_prefix = plan.key_prefix
        self._path_prefix = plan.path_prefix
        base = f" HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n".encode()
        self._anonymous = base
        self._users = [
            base + f"Authorization: Bearer {token}\r\n".encode() for token in plan.tokens
        ]

    def build(
        self, operation: Operation, request: Request, user: int, key: str, order_id: str
    ) -> bytes:
        """The whole request. `key` is unique within the trial."""
        path = self._path_prefix + request.path[len(API_PREFIX) :].replace("{order_id}", order_id)
        head = self._users[user] if operation.authorized else self._anonymous
        wire = f"{operation.method} {path}".encode() + head
        if operation.keyed:
            wire += f"Idempotency-Key: {self._key_prefix}-{key}\r\n".encode()
        if request.body:
            length = len(request.body)
            wire += f"Content-Type: application/json\r\nContent-Length: {length}\r\n".encode()
        elif operation.method == "POST":
            wire += b"Content-Length: 0\r\n"
        return wire + b"\r\n" + request.body


class ArrivalSource(User):  # type: ignore[misc]  # Locust has no types
    """The one Locust user of an open-loop trial; `replay` is set by the worker."""

    replay: Replay

    @task  # type: ignore[untyped-decorator]
    def arrive(self) -> None:
        self.replay.run()
        raise StopUser
