"""The two sides of each floor comparison: an arm's process, and a bare handler on its databases.

Neighbours: `floor` measures them, `served` starts the bare handlers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.child_python import child_python
from bench.deployments.base import COMPONENTS, Deployment
from bench.deployments.local.home import StateHome
from bench.deployments.local.plan import TOTAL_POOL, gunicorn_workers
from bench.engine.bare_handler_process import PartSubject, ServedSubject
from bench.engine.run_context import RunContext
from bench.engine.target import DeploymentSubject, Subject

DEPLOYMENTS = ("monolith", "modular", "microservices")
OPERATIONS = ("product_read", "wallet_read", "order")
DRF, AIOHTTP = "bare-drf", "bare-aiohttp"
SOURCES = {"DRF": "monolith/floor.py", "aiohttp": "microservices/floor.py"}
_SERVED_BY = {"product_read": "inventory", "wallet_read": "payments"}


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
    rival: str = ""

    @property
    def sides(self) -> tuple[Subject, Subject]:
        """The arm and the bare handler."""
        return self.arm, self.bare

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


def comparisons_of(
    ctx: RunContext, members: Mapping[str, Deployment], stack: ExitStack
) -> list[Comparison]:
    """Start the bare handlers beside their arms; all end with `stack`."""
    subjects = {
        name: DeploymentSubject(deployment, ctx.fleet.tokens_of(deployment))
        for name, deployment in members.items()
    }
    for subject in subjects.values():
        stack.callback(subject.close)
    sides = _Sides(ctx, members, subjects, stack)
    return [
        *sides.monolith(),
        *(sides.read(operation) for operation in ("product_read", "wallet_read")),
        sides.order(),
    ]


@dataclass(frozen=True)
class _Sides:
    ctx: RunContext
    members: Mapping[str, Deployment]
    subjects: Mapping[str, DeploymentSubject]
    stack: ExitStack

    def monolith(self) -> list[Comparison]:
        """The monolith against a bare DRF handler on its own database."""
        self.ctx.progress.say("starting the bare DRF handler")
        deployment, arm = self.members["monolith"], self.subjects["monolith"]
        environment = {
            "DATABASE_URL": deployment.database_dsn("orders"),
            "DATABASE_POOL_MAX": str(TOTAL_POOL),
            "GUNICORN_WORKERS": str(gunicorn_workers(self._cpus)),
            "SIGNING_KEY_FILE": str(_signing_key()),
        }
        command = child_python("-m", "gunicorn", "-c", "python:monolith.config.gunicorn")
        bare = ServedSubject(DRF, [*command, "monolith.floor:application"], environment, self._cpus)
        self.stack.enter_context(bare.over(arm, ("db:shop",)))
        return [Comparison(operation, arm, bare, deployment, "DRF") for operation in OPERATIONS]

    def read(self, operation: str) -> Comparison:
        """The one service that serves a read, called directly."""
        component, name = _SERVED_BY[operation], "microservices"
        deployment, whole = self.members[name], self.subjects[name]
        port = next(each.port for each in deployment.components() if each.name == component)
        database = f"db:{component}"
        arm = PartSubject("service", f"http://127.0.0.1:{port}", whole, (component, database))
        bare = self._aiohttp(deployment, whole, (database,))
        return Comparison(operation, arm, bare, deployment, "aiohttp")

    def order(self) -> Comparison:
        """The four components composed in one process."""
        deployment, whole = self.members["modular"], self.subjects["modular"]
        parts = deployment.components()
        arm = PartSubject("service", deployment.base_url, whole, tuple(each.name for each in parts))
        databases = tuple(each.name for each in parts if each.kind == "database")
        (process,) = (each.name for each in parts if each.kind == "process")
        bare = self._aiohttp(deployment, whole, databases)
        return Comparison("order", arm, bare, deployment, "aiohttp", process)

    def _aiohttp(
        self, deployment: Deployment, whole: DeploymentSubject, databases: tuple[str, ...]
    ) -> ServedSubject:
        self.ctx.progress.say("starting a bare aiohttp handler")
        dsns = {
            f"{name.upper()}_DATABASE_URL": deployment.database_dsn(name) for name in COMPONENTS
        }
        environment = {**dsns, "SIGNING_KEY_FILE": str(_signing_key())}
        command = child_python("-m", "microservices.floor")
        bare = ServedSubject(AIOHTTP, command, environment, self._cpus).over(whole, databases)
        return self.stack.enter_context(bare)

    @property
    def _cpus(self) -> tuple[int, ...]:
        return tuple(self.ctx.writer.journal.settings["cpus"])


def _signing_key() -> Path:
    return StateHome.from_environment().keys / "signing.pem"
