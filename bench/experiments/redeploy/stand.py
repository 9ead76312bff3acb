"""The two shops of the experiment, up side by side from the first stretch to the last."""

from __future__ import annotations

from types import TracebackType

from bench.deployments.base import Deployment
from bench.engine.capacity_probe import closed_loop_rps, prime
from bench.engine.proxied_deployments import Renamed
from bench.engine.run_context import RunContext
from bench.engine.target import Subject
from bench.experiments.redeploy.records import GATEWAY, MIX, MONOLITH, OWNER, TWO
from bench.load.generator import ClosedLoop

WARM_UP = ClosedLoop(8, 0.0, 2.0)  # of fresh replicas: plans, pools, imports at first use


class Stand:
    """A context manager: no shop outlives it."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx
        self._fleet = ctx.fleet.beside()
        self._fleet.on_fresh(lambda subject: prime(ctx, subject))
        self._scaled: set[str] = set()

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._fleet.close()

    def deployment(self, name: str) -> Deployment:
        """The named shop, started if it is not up."""
        return self._fleet.deployment(name)

    def subject(self, name: str) -> Subject:
        """The same, ready for load; under a name of its own once it has second endpoints."""
        subject = self._fleet.current(name)
        return Renamed(subject, TWO[name]) if name in self._scaled else subject

    def scaled_and_warm(self, name: str) -> None:
        """From here on two of what holds the public port, and of the owner of the table.

        Warm each time: a stretch leaves behind the replicas that it has released, and those are as
        cold as fresh ones.
        """
        if name not in self._scaled:
            for component in (MONOLITH,) if name == MONOLITH else (GATEWAY, OWNER):
                self.deployment(name).scale(component, 2)
            self._scaled.add(name)
        closed_loop_rps(self._ctx, self.subject(name), MIX, WARM_UP)
