"""The arms on stage: deployments whose processes are held to quotas, scaled between probes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from bench.deployments.base import UpOptions, Usage
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.deployments.local.topology import parse_topology
from bench.engine.capacity_probe import prime, right_rps
from bench.engine.run_context import RunContext
from bench.engine.target import DeploymentSubject, Subject
from bench.experiments.scaling.path import QuotaUse, Replicas, quota_uses
from bench.experiments.scaling.sizes import REPLICA_CORES
from bench.load.generator import ClosedLoop, Target

PILOT_CLIENTS, PILOT_WARMUP_S = 16, 0.3


class Arm:
    """One deployment and how many replicas each of its processes has."""

    def __init__(self, deployment: LocalDeployment, subject: DeploymentSubject) -> None:
        self.deployment = deployment
        self.subject = subject
        self._edged: tuple[str, ...] = ()
        self._now = single(deployment.name)

    def edge(self, components: tuple[str, ...]) -> None:
        """Put an edge before each of these, so that every level has the same hops."""
        for component in components:
            if component not in self._edged:
                self.deployment.scale(component, self._now[component])
                self._edged = (*self._edged, component)

    def scale_to(self, replicas: Mapping[str, int]) -> None:
        """Run so many replicas of each; return when all are ready."""
        for component, n in replicas.items():
            if n != self._now[component]:
                self.deployment.scale(component, n)
                self._now[component] = n
                if component not in self._edged:
                    self._edged = (*self._edged, component)


class Stage:
    """The arms of the experiment, up side by side. A context manager: none outlives it."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self._options = UpOptions(
            seed=ctx.options.shop_seed,
            cpus=tuple(ctx.setting("cpus") or ()),
            replica_cores=REPLICA_CORES,
        )
        self._opened: dict[str, LocalDeployment] = {}
        self._arms: dict[str, Arm] = {}
        self._fleet = ctx.fleet.beside(self._open)
        self._fleet.on_fresh(self._prime)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._fleet.close()

    def arm(self, name: str) -> Arm:
        """The named deployment, started if it is not up."""
        if name not in self._arms:
            subject = self._fleet.subject(name)
            self._arms[name] = Arm(self._opened[name], subject)
        return self._arms[name]

    def reset(self, name: str) -> None:
        """Load the seed again, with its orders."""
        self._fleet.reset(name, self._ctx.options.shop_seed)

    @property
    def controlled(self) -> bool:
        """Whether every deployment holds its quotas and its CPUs."""
        enforced = all(each.quotas_enforced for each in self._opened.values())
        return enforced and self._fleet.controlled

    def _open(self, name: str) -> LocalDeployment:
        self._opened[name] = open_deployment(name, options=self._options)
        return self._opened[name]

    def _prime(self, subject: DeploymentSubject) -> None:
        """Place the orders at full speed: the quotas are for what is measured."""
        deployment = self._opened[subject.name]
        deployment.limit(None)
        try:
            prime(self._ctx, subject)
        finally:
            deployment.limit(REPLICA_CORES)


class Metered:
    """A subject that keeps the first and the last reading of its usage."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.readings: list[Mapping[str, Usage]] = []

    @property
    def name(self) -> str:
        return self._subject.name

    @property
    def target(self) -> Target:
        return self._subject.target

    def usage(self) -> Mapping[str, Usage]:
        found = self._subject.usage()
        self.readings = [*self.readings[:1], found]
        return found

    def settle(self) -> int | None:
        return self._subject.settle()

    def uses(self, seconds: float) -> list[QuotaUse]:
        """Shares of the quotas used between the two readings, over `seconds` of load."""
        return quota_uses(self.readings[0], self.readings[-1], seconds)


def single(name: str) -> Replicas:
    """One replica of every process of a deployment."""
    return dict.fromkeys(parse_topology(name).processes, 1)


def saturate(
    ctx: RunContext, arm: Arm, mix: str, measured_s: float
) -> tuple[float, list[QuotaUse]]:
    """(Right answers a second, shares of the quotas used) of a saturating closed loop."""
    loop = ClosedLoop(PILOT_CLIENTS, PILOT_WARMUP_S, measured_s)
    first, begun = arm.subject.usage(), time.monotonic()
    rate_rps = right_rps(ctx, arm.subject, mix, loop)
    last, seconds = arm.subject.usage(), time.monotonic() - begun
    arm.subject.settle()
    return rate_rps, quota_uses(first, last, seconds)
