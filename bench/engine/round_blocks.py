"""A start of several deployments, and blocks of paired rounds of one operation in it.

What `latency` and the selftest measure with: first orders, the gap between rounds, the idle rate,
a block. CPU is read before a block and when its background work has settled; what the deployments
use when nobody asks them (the idle rate) is taken off. Neighbour: `round_trials` stores blocks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from bench.deployments.base import COMPONENTS, Deployment, Usage
from bench.engine.database_servers import configure, own_servers
from bench.engine.deployment_pool import DeploymentPool
from bench.engine.first_answers import never_right
from bench.engine.meters import (
    Reading,
    foreign_cpu,
    process_cpu,
    read_machine,
)
from bench.engine.run_context import RunContext
from bench.engine.target import DeploymentSubject, usage_between
from bench.errors import ShopbenchError
from bench.load.generator import ClosedLoop, Target
from bench.load.plan import Result, Rounds, Visit
from bench.results.journal import utc_now

# The requests of the mixed load that these four stand for, as shares of the mix.
SHARES = {"product_read": 0.65, "wallet_read": 0.10, "order": 0.18, "overview": 0.07}
WRITES = frozenset({"order"})
CUSTOMERS = 20  # of the seed; each has orders before anything is measured
# Visits of each operation before anything is measured. 44 by 4 clients: each of the 4 connections
# that a pool begins with has then prepared every statement (at the 5th time) and planned it for
# good (5 later). More orders, so that no page of the customers is empty. More reads, as Python
# collects the garbage of its start after some 600 to 900 requests (60 to 90 ms in the monolith),
# and then not once in 7,000: measured here, it would be an eighth of a read's CPU in half of the
# starts.
WARM_VISITS = {"order": 84, "product_read": 540, "wallet_read": 44, "overview": 44}
WARM_CLIENTS, WARM_LIMIT_S = 4, 20.0
REST_S = 1.0  # after ordering the tables, before anything is metered
BUSY = 0.30  # of the deployments' core, all of them together: light load
ONE_TRANSACTION = frozenset({"monolith"})  # nothing is left to do after a write's answer
PAUSE_S = 0.002  # from an answer to the request to the next deployment
# A write's background work must not fall into the next one. After an order the services' relay and
# settling use CPU for 15 ms (4.7 of 4.9 ms of it; 40 orders, quiet machine), the monolith none.
WRITE_PAUSE_S = 0.020
LEAST_GAP_S = 0.002
CALIBRATION_S = 2.0  # for each operation, once a run


@dataclass(frozen=True)
class Design:
    """What is the same in every start of an experiment. `members` by name, in the rows' order.

    `longer_s`: measured seconds of operations whose rounds are few; the others' are `measured_s`.
    """

    experiment: str
    members: tuple[str, ...]
    warmup_s: float
    measured_s: float
    idle_s: float
    pauses_s: Mapping[str, float] = field(default_factory=dict)
    longer_s: Mapping[str, float] = field(default_factory=dict)

    def pause_s(self, operation: str, member: str) -> float:
        """Seconds from a member's answer to the request to the next."""
        works_on = operation in WRITES and member.partition("#")[0] not in ONE_TRANSACTION
        return self.pauses_s.get(operation, WRITE_PAUSE_S if works_on else PAUSE_S)

    def block_s(self, operation: str) -> float:
        """Measured seconds of a block."""
        return self.longer_s.get(operation, self.measured_s)


@dataclass(frozen=True)
class Meters:
    """CPU so far of every member, and the moment it was read (perf_counter).

    `machine`: everybody's CPU; `ours_s`: that of the bench itself.
    """

    at: dict[str, float]
    usage: dict[str, Mapping[str, Usage]]
    machine: Reading
    ours_s: float

    def spent_s(self, since: Meters, name: str) -> dict[str, float]:
        """CPU seconds of a member's components since an earlier reading."""
        spent = usage_between(since.usage[name], self.usage[name])
        return {component: cpu_s for component, (cpu_s, _) in spent.items()}

    def total_s(self, since: Meters) -> float:
        """CPU seconds of all members since an earlier reading."""
        return sum(sum(self.spent_s(since, name).values()) for name in self.usage)

    def foreign_cores(self, since: Meters) -> float | None:
        """Cores that neither the deployments nor the bench kept busy; None: not measurable."""
        ours_s = self.ours_s - since.ours_s
        return foreign_cpu(since.machine, self.machine, self.total_s(since) + ours_s)

    def window_s(self, since: Meters, name: str) -> float:
        """Seconds between the two readings of a member."""
        return self.at[name] - since.at[name]

    def idle_cores(self, since: Meters) -> dict[str, float]:
        """Cores that each member used since an earlier reading."""
        return {
            name: sum(self.spent_s(since, name).values()) / self.window_s(since, name)
            for name in self.usage
        }


@dataclass(frozen=True)
class Block:
    """What was read around the rounds of one operation: `results` of `members`, in order."""

    experiment: str
    number: int
    options: Rounds
    members: tuple[str, ...]
    results: list[Result]
    first: Meters
    last: Meters
    idle_before: dict[str, float]
    idle_after: dict[str, float]
    left: dict[str, int | None]  # events still undelivered, by member
    started_at: str


class PairedStart:
    """The members of one start, ready to be asked. A context manager."""

    def __init__(self, ctx: RunContext, design: Design, number: int, pool: DeploymentPool) -> None:
        self._ctx, self._design, self._number = ctx, design, number
        self.pool = pool
        self.subjects = {
            name: DeploymentSubject(deployment, ctx.fleet.tokens_of(deployment)[:CUSTOMERS])
            for name, deployment in pool.members.items()
        }

    def __enter__(self) -> PairedStart:
        if any(each.cpu_control == "uncontrolled" for each in self.pool.members.values()):
            self._ctx.writer.mark_uncontrolled("this machine allows no CPU budget: uncontrolled")
        return self

    def __exit__(self, *_: object) -> None:
        for subject in self.subjects.values():
            subject.close()

    def prime(self) -> None:
        """Give every customer orders, so that no page is empty; warm up; order the tables anew."""
        for operation, visits in WARM_VISITS.items():
            self._warm(operation, visits)
        for name, deployment in self.pool.members.items():
            self.subjects[name].settle()
            order_tables(deployment)
            if self._ctx.options.place == "local":
                no_autovacuum(deployment)
        time.sleep(REST_S)

    def _warm(self, operation: str, count: int) -> None:
        """Send every member the same visits of an operation, some at once.

        Raises ShopbenchError where none of them is answered rightly.
        """
        visits = [Visit(0.0, operation, number) for number in range(count)]
        loop = ClosedLoop(WARM_CLIENTS, 0.0, WARM_LIMIT_S, max_visits=count)
        for name in self.pool.members:  # in the order of starting, another one in each start
            self._say(f"warming {name}: {operation}")
            result = self._ctx.load.run_closed(self.subjects[name].target, visits, loop)
            if wrong := never_right(result):
                raise ShopbenchError(f"{name} {wrong}", 1)

    def gap_s(self, operation: str, members: tuple[str, ...] = ()) -> float:
        """Mean gap between rounds of an operation: set once a run, before it is measured.

        `members`: who takes part in a round; empty, all do.
        """
        names = members or self._design.members
        key = operation if names == self._design.members else f"{operation}/{len(names)}"
        settings = self._ctx.setting(self._design.experiment) or {}
        known: dict[str, float] = dict(settings.get("gaps_s", {}))
        if key not in known:
            self._say(f"how long a round of {operation} takes")
            known[key] = self._calibrated_gap(operation, names)
            self._ctx.progress.done(CALIBRATION_S)
            changed = {**settings, "gaps_s": known}
            self._ctx.writer.add_settings(**{self._design.experiment: changed})
        return known[key]

    def idle(self) -> dict[str, float]:
        """Cores that each member uses while nobody asks it."""
        self._say("idle")
        first = self._read()
        time.sleep(self._design.idle_s)
        return self._read().idle_cores(first)

    def block(
        self, operation: str, gap_s: float, idle: dict[str, float], part: int | None = None
    ) -> Block:
        """Rounds of one operation of all members. See `block_of`."""
        return self.block_of(self._design.members, operation, gap_s, idle, part)

    def block_of(
        self,
        members: tuple[str, ...],
        operation: str,
        gap_s: float,
        idle: dict[str, float],
        part: int | None = None,
    ) -> Block:
        """Rounds of one operation; `idle` as measured last, measured again after writes.

        `part`: the block's number, where a start has several of an operation; None, the start's.
        """
        design, number = self._design, self._number if part is None else part
        self._say(f"rounds of {operation}")
        seed = self._ctx.seed(design.experiment, number, operation)
        options = Rounds(
            operation,
            seed,
            gap_s,
            design.warmup_s,
            design.block_s(operation),
            pauses_s=[design.pause_s(operation, name) for name in members],
        )
        started_at, first = utc_now(), self._read()
        results = self._run(options, members)
        left = self._settle()
        last = self._read()
        after = self.idle() if operation in WRITES else idle
        return Block(
            design.experiment,
            number,
            options,
            members,
            results,
            first,
            last,
            idle,
            after,
            left,
            started_at,
        )

    def _calibrated_gap(self, operation: str, members: tuple[str, ...]) -> float:
        """The gap at which the members of a round together keep their core busy for 30 %."""
        pauses_s = [self._design.pause_s(operation, name) for name in members]
        options = Rounds(operation, 1, LEAST_GAP_S, 0.0, CALIBRATION_S, pauses_s=pauses_s)
        first = self._read()
        results = self._run(options, members)
        busy_s = self._read().total_s(first) / max(1, len(set(results[0].visit)))
        self._settle()
        return max(LEAST_GAP_S, round(busy_s / BUSY - round_s(results, pauses_s), 4))

    def _run(self, options: Rounds, members: Sequence[str]) -> list[Result]:
        targets: list[Target] = [self.subjects[name].target for name in members]
        return self._ctx.load.run_rounds(targets, options)

    def _settle(self) -> dict[str, int | None]:
        return {name: subject.settle() for name, subject in self.subjects.items()}

    def _read(self) -> Meters:
        at, usage = {}, {}
        for name, subject in self.subjects.items():
            usage[name] = subject.usage()
            at[name] = time.perf_counter()
        load_s = sum(process_cpu(pid) or 0.0 for pid in self._ctx.load.pids)
        return Meters(at, usage, read_machine(), load_s + time.process_time())

    def _say(self, text: str) -> None:
        self._ctx.progress.say(f"start {self._number + 1}: {text}")


def round_s(results: list[Result], pauses_s: Sequence[float]) -> float:
    """Mean seconds of a round: its times, from sending to the answer, and its pauses."""
    times_s = sum(sum(r.done_s) - sum(r.sent_s) for r in results)
    return times_s / max(1, len(set(results[0].visit))) + sum(pauses_s)


def order_tables(deployment: Deployment) -> None:
    """VACUUM ANALYZE and a checkpoint in every database, so that all starts begin alike."""
    for dsn in {deployment.database_dsn(component) for component in COMPONENTS}:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


def no_autovacuum(deployment: Deployment) -> None:
    """Every server's autovacuum wakes a minute after its start and takes 30 to 40 ms of CPU: of one
    member while it is asked, of another while its idle rate is measured. The tables are in order.
    """
    configure(own_servers(deployment), "ALTER SYSTEM SET autovacuum = off")
