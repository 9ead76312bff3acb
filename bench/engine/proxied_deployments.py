"""Deployments whose calls go through the proxy, with the delay and loss of their hops at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from types import TracebackType

from bench.deployments.base import Hops, UpOptions, Usage
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.engine.capacity_probe import prime
from bench.engine.run_context import RunContext
from bench.engine.target import DeploymentSubject
from bench.faults.hop_state import HopSettings
from bench.faults.proxy_control import HopControl, Message, round_trips
from bench.load.generator import ClosedLoop, Target
from bench.load.schedule import ScheduleSpec, build_schedule

LONE_REQUESTS, LONE_WARMUP = 7, 3
LONE_DELAY_MS = 20.0  # far above what the processes compute between two messages
LONE_S = 1.2
_LONE_LIMIT_S = 5.0


class HopFleet:
    """A fleet of one kind of hops. A context manager: none outlives it."""

    def __init__(self, ctx: RunContext, hops: Hops) -> None:
        self.hops = hops
        self._ctx = ctx
        self._options = UpOptions(
            seed=ctx.options.shop_seed, cpus=tuple(ctx.setting("cpus") or ()), hops=hops
        )
        self._opened: dict[str, LocalDeployment] = {}
        self._fleet = ctx.fleet.beside(self._open)
        self._fleet.on_fresh(lambda subject: prime(ctx, subject))

    def __enter__(self) -> HopFleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._fleet.close()

    def subject(self, name: str) -> DeploymentSubject:
        """The named deployment, started if it is not up."""
        return self._fleet.subject(name)

    def proxied(self, name: str) -> bool:
        """Whether anything of it goes through the proxy: a monolith calls no other service."""
        self.subject(name)
        return self._opened[name].hops_socket is not None

    def set_hops(self, settings: HopSettings, names: Iterable[str]) -> None:
        """Make every hop of the named deployments behave so."""
        for name in names:
            if self.proxied(name):
                with self._control(name) as control:
                    control.set_all(settings)

    def count_round_trips(self, name: str, mix: str) -> dict[str, float]:
        """Count the messages of single requests: medians over `LONE_REQUESTS`, one at a time.

        `sequential`: round trips that follow one another; `calls`: all requests sent over a hop.
        """
        if not self.proxied(name):
            return {"sequential": 0.0, "calls": 0.0}
        target = self.subject(name).target
        spec = ScheduleSpec(mix, 50.0, self._ctx.seed("lone", mix), 0.0, 0.0, 2.0)
        visits = build_schedule(spec).visits
        traces: list[list[Message]] = []
        with self._control(name) as control:
            control.set_all(HopSettings(delay_ms=LONE_DELAY_MS))
            for number in range(LONE_WARMUP + LONE_REQUESTS):
                control.start_trace()
                loop = ClosedLoop(1, 0.0, _LONE_LIMIT_S, max_visits=1)
                self._ctx.load.run_closed(target, visits[number : number + 1], loop)
                traces.append(control.take_trace())
            control.set_all(HopSettings())
        self.subject(name).settle()
        counted = traces[LONE_WARMUP:]
        return {
            "sequential": float(median(round_trips(trace) for trace in counted)),
            "calls": float(median(sum(m.way == "up" for m in trace) for trace in counted)),
        }

    def _open(self, name: str) -> LocalDeployment:
        self._opened[name] = open_deployment(name, options=self._options)
        return self._opened[name]

    def _control(self, name: str) -> HopControl:
        path = self._opened[name].hops_socket
        assert path is not None
        return HopControl(path)


class Renamed:
    """A subject under another name in the results."""

    def __init__(self, inner: DeploymentSubject, name: str) -> None:
        self._inner = inner
        self.name = name

    @property
    def target(self) -> Target:
        return self._inner.target

    def usage(self) -> Mapping[str, Usage]:
        return self._inner.usage()

    def settle(self) -> int | None:
        return self._inner.settle()
