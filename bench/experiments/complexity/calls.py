"""Calls, bytes, statements and commits of each operation, counted while it is made.

Every connection of the deployment to another process or a database goes through the proxy, which
counts; the database servers log their statements. What the shop does by itself meanwhile is
measured idle and taken off.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import msgspec
import pyarrow as pa

from bench.deployments.base import Deployment
from bench.engine.database_servers import own_servers
from bench.engine.deployment_fleet import prime_orders
from bench.engine.run_context import RunContext
from bench.engine.statements import StatementLog, already_counted, statement_log
from bench.engine.target import DeploymentSubject
from bench.engine.trial import TrialKey
from bench.errors import ShopbenchError
from bench.experiments.complexity.orders_asked import ask, is_on_an_order, orders_of
from bench.experiments.complexity.records import OperationCalls
from bench.faults.proxy_control import HopControl
from bench.load.generator import ClosedLoop
from bench.load.mixes import JOURNEYS
from bench.load.operations import OPERATIONS, Operation
from bench.load.plan import Visit
from bench.load.schedule import Schedule, ScheduleSpec
from bench.results.dataset import SQL
from bench.results.journal import SqlCount, Trial, TrialStatus

CUSTOMERS = 8  # of whom each has orders soon, so that no page is empty
PRIMED_ORDERS = 40
IDLE_S = 2.0
LIMIT_S = 30.0
PASSED = 0.5  # calls of a request from which on it passes there: less is left over from idling


@dataclass(frozen=True)
class Flow:
    """What passed in some seconds: requests and bytes by hop, statements, commits."""

    seconds: float
    calls: Mapping[str, float]
    bytes_sent: float
    statements: float
    commits: float

    def less(self, other: Flow, share: float) -> Flow:
        """This without a share of another flow, never below zero."""
        return Flow(
            self.seconds,
            {
                hop: max(0.0, count - share * other.calls.get(hop, 0.0))
                for hop, count in self.calls.items()
            },
            max(0.0, self.bytes_sent - share * other.bytes_sent),
            max(0.0, self.statements - share * other.statements),
            max(0.0, self.commits - share * other.commits),
        )

    def each(self, requests: int) -> Flow:
        """One request's."""
        calls = {hop: count / requests for hop, count in self.calls.items()}
        rest = (self.bytes_sent, self.statements, self.commits)
        return Flow(self.seconds / requests, calls, *(each / requests for each in rest))


class FlowMeter:
    """Reads what has passed since it was read last."""

    def __init__(self, hops: HopControl, log: StatementLog) -> None:
        self._hops = hops
        self._log = log
        self._before = hops.counts()
        self._at = time.monotonic()

    def since_last(self) -> Flow:
        """What passed since this was called last."""
        sql, now, at = self._log.since_last(), self._hops.counts(), time.monotonic()
        before, self._before = self._before, now
        seconds, self._at = at - self._at, at
        return Flow(
            seconds,
            {hop: float(each.exchanges - before[hop].exchanges) for hop, each in now.items()},
            float(
                sum(
                    each.bytes_up + each.bytes_down - before[hop].bytes_up - before[hop].bytes_down
                    for hop, each in now.items()
                )
            ),
            float(sql.statements or 0),
            float(sql.commits),
        )


def journey_of(operation: str) -> str:
    """The journey that is this operation alone. Raises ShopbenchError if there is none."""
    if JOURNEYS.get(operation) != (operation,):
        raise ShopbenchError(f"no journey is {operation} alone: it cannot be counted", 1)
    return operation


def count_calls(ctx: RunContext, deployment: Deployment, requests: int) -> list[OperationCalls]:
    """Count every operation of the load on one deployment."""
    tokens = ctx.fleet.tokens_of(deployment)[:CUSTOMERS]
    subject = DeploymentSubject(deployment, tokens)
    try:
        prime_orders(ctx.load, subject.target, PRIMED_ORDERS)
        subject.settle()
        with _meter(deployment) as meter:
            return _counted(ctx, subject, meter, requests)
    finally:
        subject.close()


@contextmanager
def _meter(deployment: Deployment) -> Iterator[FlowMeter]:
    if deployment.hops_socket is None:
        raise ShopbenchError(f"no calls of {deployment.name} go through the proxy", 1)
    with (
        statement_log(own_servers(deployment)) as log,
        HopControl(deployment.hops_socket) as hops,
    ):
        yield FlowMeter(hops, log)


def _counted(
    ctx: RunContext, subject: DeploymentSubject, meter: FlowMeter, requests: int
) -> list[OperationCalls]:
    meter.since_last()
    time.sleep(IDLE_S)
    idle = meter.since_last()
    found = []
    for operation in sorted(OPERATIONS.values(), key=is_on_an_order):  # orders are placed first
        ctx.progress.say(f"counting the calls of {operation.name} on {subject.name}")
        count = _asked if is_on_an_order(operation) else _sent
        made, failed, flow = count(ctx, subject, operation, Window(meter, idle, requests))
        own = flow.each(max(1, made))
        calls = {hop: round(n, 2) for hop, n in own.calls.items() if n >= PASSED}
        found.append(
            OperationCalls(
                *(subject.name, operation.name, made, failed, calls),
                *(round(each, 2) for each in (own.bytes_sent, own.statements, own.commits)),
            )
        )
    return found


@dataclass(frozen=True)
class Window:
    """How one operation is counted: `requests` times, less what passes in an idle shop."""

    meter: FlowMeter
    idle: Flow
    requests: int

    def begin(self) -> None:
        """Forget what passed until now."""
        self.meter.since_last()

    def end(self) -> Flow:
        """What has passed since, for the requests."""
        busy = self.meter.since_last()
        return busy.less(self.idle, busy.seconds / self.idle.seconds)


def _asked(
    ctx: RunContext, subject: DeploymentSubject, operation: Operation, window: Window
) -> tuple[int, int, Flow]:
    """Ask it of confirmed orders; (requests made, failed, what passed)."""
    target = subject.target
    orders = orders_of(target.base_url, target.tokens)[: window.requests]
    if not orders:
        raise ShopbenchError(f"{subject.name} has no confirmed order to count {operation.name}", 1)
    window.begin()
    failed = ask(target.base_url, operation, orders)
    subject.settle()
    return len(orders), failed, window.end()


def _sent(
    ctx: RunContext, subject: DeploymentSubject, operation: Operation, window: Window
) -> tuple[int, int, Flow]:
    """Send its journey, one after the other, and keep the trial; (made, failed, what passed)."""
    journey, requests = journey_of(operation.name), window.requests
    loop = ClosedLoop(1, 0.0, LIMIT_S, max_visits=requests)
    schedule = _schedule(journey, ctx.seed("calls", journey), requests)
    window.begin()
    trial, rows = ctx.bench.run_closed(TrialKey(SQL, 0, 0, 0), subject, schedule, loop)
    flow = window.end()
    return rows.num_rows, _kept(ctx, trial, rows, flow), flow


def _kept(ctx: RunContext, trial: Trial, rows: pa.Table, flow: Flow) -> int:
    """Keep the trial unless the run has one; return how many requests failed.

    Timing gates do not matter to a count; a failed request does.
    """
    failed = sum(bool(text) for text in rows.column("error").to_pylist())
    if not already_counted(ctx, trial.deployment, trial.mix):
        sql = SqlCount(round(flow.statements), round(flow.commits))
        status: TrialStatus = "invalid" if failed else "valid"
        ctx.writer.add_trial(replace(trial, sql=sql, gates=(), status=status), rows)
    return failed


def _schedule(journey: str, seed: int, requests: int) -> Schedule:
    """So many visits of one journey, drawn from the seed."""
    draw = random.Random(seed)
    visits = [Visit(0.0, journey, draw.getrandbits(63)) for _ in range(requests)]
    spec = ScheduleSpec(journey, 2.0 * requests, seed, 0.0, 0.0, 1.0)
    return Schedule(spec, visits, hashlib.sha256(msgspec.msgpack.encode(visits)).hexdigest())
