"""The deployments under fault: every hop through the proxy, fault points in, resilience as asked.

Control and fault run through the same proxy; the numbers of other experiments, without one, are
not to be held against these. Between containers stands none: there, faults of the network are
not applicable.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from bench.contract.seed import product_ids
from bench.deployments.base import COMPONENTS, Deployment, UpOptions
from bench.deployments.places import open_at
from bench.engine.capacity_probe import prime
from bench.engine.proxied_deployments import Renamed
from bench.engine.run_context import RunContext
from bench.experiments.failure.spec import Resilience, Spec
from bench.experiments.failure.steady import SteadyState

MOST_OPEN = 2  # idle ones cost 1 % of a core each


@dataclass(frozen=True)
class Arm:
    """A deployment with its protections (breakers, retries, bulkheads, shedding) on or off."""

    deployment: str
    resilience: Resilience = "on"

    @property
    def label(self) -> str:
        """Its name in the results."""
        off = " (resilience off)" if self.resilience == "off" else ""
        return self.deployment + off


class FaultFleet:
    """At most two arms are up. A context manager: none outlives it."""

    def __init__(self, ctx: RunContext, spec: Spec) -> None:
        self._ctx = ctx
        self._spec = spec
        self._fleets: dict[Arm, ExitStack] = {}
        self._deployments: dict[Arm, Deployment] = {}
        self._subjects: dict[Arm, Renamed] = {}

    def __enter__(self) -> FaultFleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        stacks = list(self._fleets.values())
        self._fleets.clear()
        with ThreadPoolExecutor(MOST_OPEN) as pool:  # an interrupted run is gone within 5 s
            ended = [pool.submit(stack.close) for stack in stacks]
        for each in ended:
            each.result()

    def subject(self, arm: Arm) -> Renamed:
        """The arm ready for load, started if it is not up."""
        if arm not in self._fleets:
            for other in list(self._fleets)[: max(0, len(self._fleets) - MOST_OPEN + 1)]:
                self.discard(other)
            self._start(arm)
        self._fleets[arm] = self._fleets.pop(arm)  # the last used is the last to go
        return self._subjects[arm]

    def deployment(self, arm: Arm) -> Deployment:
        """The arm's deployment, started if it is not up."""
        self.subject(arm)
        return self._deployments[arm]

    def discard(self, arm: Arm) -> None:
        """Stop an arm; the next use of it is a fresh one."""
        self._subjects.pop(arm, None)
        self._deployments.pop(arm, None)
        stack = self._fleets.pop(arm, None)
        if stack is not None:
            stack.close()

    def steady_state(self, arm: Arm) -> SteadyState:
        """The spec's hypothesis about an arm."""
        subject = self.subject(arm)
        token = subject.target.tokens[-1]
        hypothesis = self._spec.steady_state
        product = product_ids(self._ctx.options.shop_seed)[0]
        return SteadyState(self._deployments[arm], token, product, hypothesis)

    def dsns(self, arm: Arm) -> dict[str, str]:
        """DSN of each component's database, not through the proxy."""
        deployment = self.deployment(arm)
        return {component: deployment.database_dsn(component) for component in COMPONENTS}

    def _start(self, arm: Arm) -> None:
        ctx = self._ctx
        options = UpOptions(
            seed=ctx.options.shop_seed,
            cpus=tuple(ctx.setting("cpus") or ()),
            hops="all" if ctx.options.place == "local" else "direct",
            faults=True,
            resilience=arm.resilience == "on",
        )
        with ExitStack() as stack:
            fleet = stack.enter_context(
                ctx.fleet.beside(lambda name: open_at(ctx.options.place, name, options=options))
            )
            fleet.on_fresh(lambda subject: prime(ctx, subject))
            self._subjects[arm] = Renamed(fleet.subject(arm.deployment), arm.label)
            self._deployments[arm] = fleet.deployment(arm.deployment)
            ctx.writer.add_settings(restart_policy=self._deployments[arm].restart_policy)
            self._fleets[arm] = stack.pop_all()
