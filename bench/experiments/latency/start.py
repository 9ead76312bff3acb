"""One start: fresh processes of every deployment, and in them a block of rounds an operation.

Order of starting, order of the operations and order within a round are shuffled. CPU is read
before a block and when its background work has settled; what the deployments use when nobody asks
them (the idle rate) is taken off.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from bench.deployments.base import COMPONENTS, Deployment, Usage
from bench.errors import ShopbenchError
from bench.experiments.deployment_pool import DeploymentPool, start_together
from bench.experiments.laboratory import Laboratory
from bench.experiments.latency.plan import (
    BUSY,
    CALIBRATION_S,
    CUSTOMERS,
    EXPERIMENT,
    LEAST_GAP_S,
    PAUSE_S,
    PRIMING_ROUNDS,
    SQL_S,
    WRITE_PAUSE_S,
    WRITES,
    Plan,
)
from bench.experiments.meters import (
    Reading,
    foreign_cpu,
    process_cpu,
    read_machine,
    steal_share,
)
from bench.experiments.statements import already_counted, count_statements
from bench.experiments.subject import DeploymentSubject, usage_between
from bench.journal import ComponentUsage, Trial, utc_now
from bench.load.generator import Target, result_rows
from bench.load.plan import Result, Rounds
from bench.paired.rounds import PairedRounds, is_twin


@dataclass(frozen=True)
class _Meters:
    """CPU so far of every member, and the moment it was read (perf_counter).

    `machine`: everybody's CPU; `ours_s`: that of the bench itself.
    """

    at: dict[str, float]
    usage: dict[str, Mapping[str, Usage]]
    machine: Reading
    ours_s: float

    def spent_s(self, since: _Meters, name: str) -> dict[str, float]:
        """CPU seconds of a member's components since an earlier reading."""
        spent = usage_between(since.usage[name], self.usage[name])
        return {component: cpu_s for component, (cpu_s, _) in spent.items()}

    def foreign_cores(self, since: _Meters) -> float | None:
        """Cores that neither the deployments nor the bench kept busy; None: not measurable."""
        known_s = sum(sum(self.spent_s(since, name).values()) for name in self.usage)
        return foreign_cpu(since.machine, self.machine, known_s + self.ours_s - since.ours_s)

    def window_s(self, since: _Meters, name: str) -> float:
        """Seconds between the two readings of a member."""
        return self.at[name] - since.at[name]


@dataclass(frozen=True)
class _Block:
    """What was read around the rounds of one operation."""

    operation: str
    options: Rounds
    results: list[Result]
    first: _Meters
    last: _Meters
    idle_before: dict[str, float]
    idle_after: dict[str, float]
    started_at: str


def measure_start(lab: Laboratory, plan: Plan, number: int, rounds: PairedRounds) -> None:
    """Start all members, measure every operation, stop them; the trials go to `rounds` too."""
    rng = random.Random(f"{lab.options.seed}/{EXPERIMENT}/{number}")
    order = rng.sample(plan.members, len(plan.members))
    lab.progress.say(f"start {number + 1}: starting {len(order)} deployments")
    openers = {name: lab.fleet.opener(name.partition("#")[0]) for name in order}
    with start_together(openers, order) as pool:
        _Start(lab, plan, number, pool, rounds).measure(rng)
    lab.progress.done(plan.start_s)


class _Start:
    """The members of one start, ready to be asked."""

    def __init__(
        self, lab: Laboratory, plan: Plan, number: int, pool: DeploymentPool, rounds: PairedRounds
    ) -> None:
        self._lab, self._plan, self._number, self._rounds = lab, plan, number, rounds
        self._pool = pool
        self._subjects = {
            name: DeploymentSubject(deployment, lab.fleet.tokens_of(deployment)[:CUSTOMERS])
            for name, deployment in pool.members.items()
        }
        self._targets = [self._target(name) for name in plan.members]

    def measure(self, rng: random.Random) -> None:
        """Prime, then a block of each operation in random order."""
        try:
            self._prime()
            gaps = self._gaps()
            idle = self._idle()
            for operation in rng.sample(self._plan.operations, len(self._plan.operations)):
                if operation in WRITES:
                    idle = self._idle()
                block = self._block(operation, gaps[operation], idle)
                idle = block.idle_after
                self._store(block)
            if not all(each.cpu_control != "uncontrolled" for each in self._pool.members.values()):
                why = "this machine allows no CPU budget: uncontrolled"
                self._lab.writer.mark_uncontrolled(why)
            self._count_sql()
        finally:
            for subject in self._subjects.values():
                subject.close()

    def _target(self, name: str) -> Target:
        return self._subjects[name].target

    def _prime(self) -> None:
        """Give every customer orders, so that no page is empty; then order the tables anew."""
        self._lab.progress.say(f"start {self._number + 1}: placing the first orders")
        options = Rounds("order", 0, LEAST_GAP_S, 0.0, 60.0, PAUSE_S, PRIMING_ROUNDS)
        self._check("order", self._lab.load.run_rounds(self._targets, options))
        for name, deployment in self._pool.members.items():
            self._subjects[name].settle()
            order_tables(deployment)

    def _gaps(self) -> dict[str, float]:
        """Mean gap between rounds by operation: set once a run, before it is measured."""
        known: dict[str, float] = dict((self._lab.setting(EXPERIMENT) or {}).get("gaps_s", {}))
        for operation in self._plan.operations:
            if operation not in known:
                self._lab.progress.say(f"how long a round of {operation} takes")
                known[operation] = self._calibrated_gap(operation)
                self._lab.progress.done(CALIBRATION_S)
        kept = self._lab.setting(EXPERIMENT) or {}
        self._lab.writer.add_settings(**{EXPERIMENT: {**kept, "gaps_s": known}})
        return known

    def _calibrated_gap(self, operation: str) -> float:
        """The gap at which all members together keep their core busy for 30 %."""
        first = self._read()
        options = Rounds(operation, 1, 0.02, 0.0, CALIBRATION_S, pause_of(operation))
        results = self._lab.load.run_rounds(self._targets, options)
        self._check(operation, results)
        self._settle()
        last = self._read()
        made = max(1, len(set(results[0].visit)))
        busy_s = sum(sum(last.spent_s(first, name).values()) for name in self._plan.members) / made
        return max(LEAST_GAP_S, round(busy_s / BUSY - round_s(results), 4))

    def _block(self, operation: str, gap_s: float, idle: dict[str, float]) -> _Block:
        size, lab = self._plan.size, self._lab
        lab.progress.say(f"start {self._number + 1}: rounds of {operation}")
        seed = lab.seed(EXPERIMENT, self._number, operation)
        options = Rounds(
            operation, seed, gap_s, size.warmup_s, size.measured_s, pause_of(operation)
        )
        started_at, first = utc_now(), self._read()
        results = lab.load.run_rounds(self._targets, options)
        self._settle()
        last = self._read()
        after = self._idle() if operation in WRITES else idle
        return _Block(operation, options, results, first, last, idle, after, started_at)

    def _store(self, block: _Block) -> None:
        for position, (name, result) in enumerate(
            zip(self._plan.members, block.results, strict=True)
        ):
            trial = trial_of(self._number, position, name, block, result)
            rows = result_rows(result)
            self._lab.writer.add_trial(trial, rows)
            self._rounds.add(trial, rows)

    def _check(self, operation: str, results: list[Result]) -> None:
        """Stop where a deployment answers nothing rightly. Raises ShopbenchError."""
        for name, result in zip(self._plan.members, results, strict=True):
            if result.error and all(result.error):
                said = f"{name} answers {operation} wrongly: {result.error[0]}"
                raise ShopbenchError(said, 1)

    def _settle(self) -> None:
        for subject in self._subjects.values():
            subject.settle()

    def _read(self) -> _Meters:
        at, usage = {}, {}
        for name, subject in self._subjects.items():
            usage[name] = subject.usage()
            at[name] = time.perf_counter()
        load_s = sum(process_cpu(pid) or 0.0 for pid in self._lab.load.pids)
        return _Meters(at, usage, read_machine(), load_s + time.process_time())

    def _idle(self) -> dict[str, float]:
        """Cores that each member uses while nobody asks it."""
        self._lab.progress.say(f"start {self._number + 1}: idle")
        first = self._read()
        time.sleep(self._plan.size.idle_s)
        last = self._read()
        return {
            name: sum(last.spent_s(first, name).values()) / last.window_s(first, name)
            for name in self._plan.members
        }

    def _count_sql(self) -> None:
        """Statements and commits of each operation, once a run."""
        for name, subject in self._subjects.items():
            for operation in self._plan.operations if not is_twin(name) else ():
                if not already_counted(self._lab, name, operation):
                    self._lab.progress.say(f"counting SQL of {name}: {operation}")
                    count_statements(self._lab, self._pool.members[name], subject, operation)
                    self._lab.progress.done(SQL_S)


def trial_of(number: int, position: int, name: str, block: _Block, result: Result) -> Trial:
    """The journal's entry of one member's part of a block."""
    spent = usage_between(block.first.usage[name], block.last.usage[name])
    usage = {component: ComponentUsage(cpu, pss) for component, (cpu, pss) in spent.items()}
    idle = (block.idle_before[name] + block.idle_after[name]) / 2
    options = block.options
    trial_id = f"{EXPERIMENT}-s{number:02}-{block.operation}-{name.replace('#', '.')}"
    return Trial(
        trial_id=trial_id,
        experiment=EXPERIMENT,
        block=number,
        position=position,
        deployment=name,
        mix=block.operation,
        offered_rps=0.0,
        seed=options.seed,
        schedule_sha256="",
        warmup_s=options.warmup_s,
        measured_s=options.measured_s,
        measured_from_s=options.warmup_s,
        measured_to_s=options.warmup_s + options.measured_s,
        planned=result.planned,
        sent=len(result.due_s),
        skipped=result.skipped,
        status="valid",
        gates=(),
        usage=usage,
        sql=None,
        lag_ms_p99=None,
        started_at=block.started_at,
        rows_file=f"rows/{trial_id}.parquet",
        loop="rounds",
        cpu_requests=len(result.due_s),
        facts={
            **_machine_facts(block),
            "gap_ms": options.gap_s * 1e3,
            "pause_ms": options.pause_s * 1e3,
            "cpu_window_s": block.last.window_s(block.first, name),
            "idle_cores": idle,
            "idle_cores_before": block.idle_before[name],
            "idle_cores_after": block.idle_after[name],
        },
    )


def _machine_facts(block: _Block) -> dict[str, float]:
    """What else ran meanwhile: shown, never a reason to throw anything away."""
    read = {
        "foreign_cores": block.last.foreign_cores(block.first),
        "steal_share": steal_share(block.first.machine, block.last.machine),
    }
    return {name: value for name, value in read.items() if value is not None}


def pause_of(operation: str) -> float:
    """Seconds from an answer to the request to the next member."""
    return WRITE_PAUSE_S if operation in WRITES else PAUSE_S


def round_s(results: list[Result]) -> float:
    """Mean seconds of a round, from the first request to the last answer."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for result in results:
        for number, sent, done in zip(result.visit, result.sent_s, result.done_s, strict=True):
            first[number] = min(sent, first.get(number, sent))
            last[number] = max(done, last.get(number, done))
    spans = [last[number] - first[number] for number in first]
    return sum(spans) / len(spans) if spans else 0.0


def order_tables(deployment: Deployment) -> None:
    """VACUUM ANALYZE and a checkpoint in every database, so that all starts begin alike."""
    for dsn in {deployment.database_dsn(component) for component in COMPONENTS}:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")
