"""The floor: each arm against a bare handler of its own framework that runs the same SQL.

One core, saturating closed loop, short paired blocks. It shows that neither arm is a straw man:
an arm should reach 0.6 of the rate its framework, server and SQL allow at all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.deployments.base import COMPONENTS, Deployment
from bench.deployments.local.home import StateHome
from bench.experiments.laboratory import (
    TRIAL_OVERHEAD_S,
    Attempt,
    Laboratory,
    Series,
    run_series,
    store,
)
from bench.experiments.served import PartSubject, ServedSubject
from bench.experiments.statements import count_statements
from bench.experiments.subject import Subject
from bench.experiments.trial import TrialKey
from bench.journal import TrialStatus
from bench.load.generator import ClosedLoop
from bench.load.schedule import ScheduleSpec, build_schedule

EXPERIMENT = "floor"
OPERATIONS = ("product_read", "wallet_read", "order")
TARGET, BOUND = 0.6, 0.55
CLIENTS = 12
WARMUP_S = 0.25
SQL_S = 0.8
RERUN_FACTOR = 2.0  # of the profile's share: a block of two short trials is cheap to repeat
START_S = 2.0
DRF, AIOHTTP = "bare-drf", "bare-aiohttp"
_SERVED_BY = {"product_read": "inventory", "wallet_read": "payments"}
_POOL = "16"


@dataclass(frozen=True)
class Comparison:
    """One operation: the arm's subject against the bare handler, on one deployment's data.

    `rival`: the arm's process if both sides would take work from the same outbox; then the one
    that is not measured is stopped meanwhile.
    """

    operation: str
    arm: Subject
    bare: ServedSubject
    deployment: Deployment
    framework: str
    source: str
    rival: str = ""

    @contextmanager
    def alone(self, subject: Subject) -> Iterator[None]:
        """Stop the other side while `subject` is measured."""
        if not self.rival:
            yield
        elif subject is self.arm:
            self.bare.pause()
            try:
                yield
            finally:
                self.bare.resume()
        else:
            self.deployment.pause(self.rival)
            try:
                yield
            finally:
                self.deployment.resume(self.rival)


def run(lab: Laboratory) -> None:
    """Start the bare handlers, count their SQL, run the blocks."""
    block_s = announce(lab)
    with ExitStack() as stack:
        comparisons = [*_monolith(lab, stack), *_services(lab, stack)]
        lab.writer.add_settings(floor=[_described(each) for each in comparisons])
        for each in comparisons:
            for subject in (each.arm, each.bare):
                lab.progress.say(f"counting SQL of {subject.name}: {each.operation}")
                with each.alone(subject):
                    count_statements(lab, each.deployment, subject, each.operation)
                lab.progress.done(SQL_S)
        run_series(lab, [_series(lab, each, block_s) for each in comparisons])


def _series(lab: Laboratory, pair: Comparison, block_s: float) -> Series:
    label = f"{EXPERIMENT} {pair.arm.name} {pair.operation}"
    return Series(
        label,
        block_s,
        lambda block: _attempt(lab, pair, block),
        key=(EXPERIMENT, pair.operation, 0.0),
        names=(pair.arm.name, pair.bare.name),
    )


def announce(lab: Laboratory) -> float:
    """Tell the progress what is coming; return the planned seconds of one block."""
    block_s = 2 * (WARMUP_S + lab.profile.floor_measured_s + TRIAL_OVERHEAD_S)
    pairs = 2 * len(OPERATIONS)
    lab.progress.plan(3 * START_S + pairs * (2 * SQL_S + block_s * lab.profile.min_blocks))
    share = RERUN_FACTOR * lab.profile.rerun_share
    lab.rerun_budget_s += share * pairs * block_s * lab.profile.min_blocks
    return block_s


def _attempt(lab: Laboratory, pair: Comparison, block: int) -> Attempt:
    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(EXPERIMENT, pair.operation, block, number)
        spec = ScheduleSpec(pair.operation, 2_000.0, seed, 0.0, 0.0, 2.0)
        schedule = build_schedule(spec)
        loop = ClosedLoop(CLIENTS, WARMUP_S, lab.profile.floor_measured_s)
        # ABBA: a drift of the machine hits both alike
        order = (pair.arm, pair.bare) if block % 2 == 0 else (pair.bare, pair.arm)
        statuses = []
        for position, subject in enumerate(order):
            lab.progress.say(f"block {block + 1}: {pair.operation} on {subject.name}")
            key = TrialKey(EXPERIMENT, block, number, position)
            with pair.alone(subject):
                measured = lab.bench.run_closed(key, subject, schedule, loop)
            statuses.append(store(lab, measured))
        return statuses

    return attempt


def _monolith(lab: Laboratory, stack: ExitStack) -> list[Comparison]:
    """The monolith against a bare DRF view on its own database."""
    lab.progress.say("starting the bare DRF handler")
    deployment, arm = lab.fleet.deployment("monolith"), lab.fleet.current("monolith")
    environment = {
        "DATABASE_URL": deployment.database_dsn("orders"),
        "DATABASE_POOL_MAX": _POOL,
        "GUNICORN_WORKERS": "1",
        "SIGNING_KEY_FILE": str(_signing_key()),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:monolith.config.gunicorn"]
    bare = ServedSubject(DRF, [*command, "monolith.floor:application"], environment, _cpus(lab))
    stack.enter_context(bare.over(arm, ("db:shop",)))
    lab.progress.done(START_S)
    return [
        Comparison(operation, arm, bare, deployment, "DRF", "monolith/floor.py")
        for operation in OPERATIONS
    ]


def _services(lab: Laboratory, stack: ExitStack) -> list[Comparison]:
    """Reads: the one service against the bare handler. Order: the four composed against it."""
    return [
        *(_read(lab, stack, operation) for operation in ("product_read", "wallet_read")),
        _order(lab, stack),
    ]


def _read(lab: Laboratory, stack: ExitStack, operation: str) -> Comparison:
    component = _SERVED_BY[operation]
    deployment = lab.fleet.deployment("microservices")
    whole = lab.fleet.current("microservices")
    port = next(each.port for each in deployment.components() if each.name == component)
    database = f"db:{component}"
    arm = PartSubject("service", f"http://127.0.0.1:{port}", whole, (component, database))
    bare = _bare_aiohttp(lab, deployment).over(whole, (database,))
    stack.enter_context(bare)
    return _service_comparison(operation, arm, bare, deployment)


def _order(lab: Laboratory, stack: ExitStack) -> Comparison:
    deployment, whole = lab.fleet.deployment("modular"), lab.fleet.current("modular")
    parts = deployment.components()
    names = tuple(each.name for each in parts)
    arm = PartSubject("service", deployment.base_url, whole, names)
    databases = tuple(each.name for each in parts if each.kind == "database")
    (process,) = (each.name for each in parts if each.kind == "process")
    bare = _bare_aiohttp(lab, deployment).over(whole, databases)
    stack.enter_context(bare)
    lab.progress.done(START_S)
    return _service_comparison("order", arm, bare, deployment, process)


def _bare_aiohttp(lab: Laboratory, deployment: Deployment) -> ServedSubject:
    dsns = {f"{name.upper()}_DATABASE_URL": deployment.database_dsn(name) for name in COMPONENTS}
    environment = {**dsns, "SIGNING_KEY_FILE": str(_signing_key())}
    command = [sys.executable, "-m", "microservices.floor"]
    return ServedSubject(AIOHTTP, command, environment, _cpus(lab))


def _service_comparison(
    operation: str, arm: Subject, bare: ServedSubject, deployment: Deployment, rival: str = ""
) -> Comparison:
    source = "microservices/floor.py"
    return Comparison(operation, arm, bare, deployment, "aiohttp", source, rival)


def _described(pair: Comparison) -> dict[str, object]:
    """The comparison as the report reads it."""
    return asdict(
        _Described(
            pair.operation,
            pair.arm.name,
            pair.bare.name,
            pair.framework,
            pair.source,
            TARGET,
            BOUND,
        )
    )


@dataclass(frozen=True)
class _Described:
    operation: str
    arm: str
    bare: str
    framework: str
    source: str
    target: float
    bound: float


def _cpus(lab: Laboratory) -> tuple[int, ...]:
    cpus: tuple[int, ...] = tuple(lab.writer.journal.settings["cpus"])
    return cpus


def _signing_key() -> Path:
    return StateHome.from_environment().keys / "signing.pem"
