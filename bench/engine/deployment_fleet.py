"""The deployments of a run: started, seeded, primed with orders, handed out as subjects.

With `restart` each request for a subject gets a fresh deployment and only one is up; otherwise
each is started once and all stay up, since idle ones cost little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Protocol

from bench.contract.seed import SeedSpec
from bench.deployments.base import Deployment
from bench.engine.target import DeploymentSubject
from bench.errors import ShopbenchError
from bench.load.generator import ClosedLoop, LoadProcess, Target
from bench.load.plan import Visit
from bench.load.schedule import ScheduleSpec, build_schedule

PRIME_CLIENTS = 8
PRIME_LIMIT_S = 300.0
PRIME_ATTEMPTS, PRIME_WAIT_S = 5, 1.0
REFUSED = 503
_PRIME_SEED = 20_260_101  # the same orders everywhere, whatever the run's seed


class OpenDeployment(Deployment, Protocol):
    """A deployment as a context manager: up on entry, down on exit."""

    def __enter__(self) -> Deployment:
        """Start it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Stop it."""


class Fleet:
    """Opens deployments by name. A context manager: none outlives it."""

    def __init__(
        self,
        opener: Callable[[str], OpenDeployment],
        tokens: Callable[[Deployment], list[str]],
        *,
        restart: bool,
        uncontrolled: Callable[[], None] = lambda: None,
    ) -> None:
        """`uncontrolled`: called when a deployment has no CPU budget that is enforced."""
        self._opener = opener
        self._uncontrolled = uncontrolled
        self._tokens = tokens
        self._restart = restart
        self._open: dict[str, tuple[ExitStack, Deployment, DeploymentSubject]] = {}
        self._prepare: Callable[[DeploymentSubject], None] = lambda _: None
        self._controlled = True

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def on_fresh(self, prepare: Callable[[DeploymentSubject], None]) -> None:
        """What to do with each deployment after it was started or reset."""
        self._prepare = prepare

    def beside(self, opener: Callable[[str], OpenDeployment] | None = None) -> Fleet:
        """A fleet of its own with the same users; what is up stays up, whatever the profile."""
        return Fleet(
            opener or self._opener, self._tokens, restart=False, uncontrolled=self._uncontrolled
        )

    def opener(self, name: str) -> Callable[[], OpenDeployment]:
        """How to open one of that name which this fleet does not look after."""
        return partial(self._opener, name)

    def tokens_of(self, deployment: Deployment) -> list[str]:
        """The tokens of the seeded customers there."""
        return self._tokens(deployment)

    def subject(self, name: str) -> DeploymentSubject:
        """The named deployment, ready for a trial."""
        if self._restart:
            self.close()
        return self._entry(name)[2]

    def deployment(self, name: str) -> Deployment:
        """The named deployment itself, as it is."""
        return self._entry(name)[1]

    def current(self, name: str) -> DeploymentSubject:
        """The named deployment as it is, started only if it is not up."""
        return self._entry(name)[2]

    def reset(self, name: str, seed: SeedSpec) -> None:
        """Load the seed again and prepare it; a fresh deployment needs neither."""
        if not self._restart:
            _, deployment, subject = self._entry(name)
            deployment.reset(seed)
            self._prepare(subject)

    def as_new(self, name: str, seed: SeedSpec) -> DeploymentSubject:
        """The named deployment in its first state, the others left as they are.

        Started if it is not up; else started again where each trial gets a fresh one, and where
        not the seed is loaded again.
        """
        if name in self._open and self._restart:
            self._open.pop(name)[0].close()
        elif name in self._open:
            self.reset(name, seed)
        return self._entry(name)[2]

    @property
    def controlled(self) -> bool:
        """Whether every deployment started so far ran within a CPU budget."""
        return self._controlled

    def close(self) -> None:
        """Stop all, at the same time: an interrupted run is gone within 5 s."""
        stacks = [entry[0] for entry in self._open.values()]
        self._open.clear()
        if stacks:
            with ThreadPoolExecutor(len(stacks)) as pool:
                ended = [pool.submit(stack.close) for stack in stacks]
            for each in ended:
                each.result()

    def _entry(self, name: str) -> tuple[ExitStack, Deployment, DeploymentSubject]:
        if name not in self._open:
            with ExitStack() as stack:
                deployment = stack.enter_context(self._opener(name))
                if deployment.cpu_control == "uncontrolled":
                    self._uncontrolled()
                self._controlled &= deployment.cpu_control != "uncontrolled"
                subject = DeploymentSubject(deployment, self._tokens(deployment))
                stack.callback(subject.close)
                self._prepare(subject)
                self._open[name] = (stack.pop_all(), deployment, subject)
        return self._open[name]


def prime_orders(load: LoadProcess, target: Target, orders: int) -> None:
    """Place the same orders in every deployment, so that its pages have something to show.

    An order refused for load (503) was not placed: it is sent again, as its Retry-After asks.
    Raises ShopbenchError if an order is not accepted.
    """
    visits = priming_visits(orders)
    for attempt in range(PRIME_ATTEMPTS):
        if not visits:
            return
        time.sleep(PRIME_WAIT_S if attempt else 0.0)
        loop = ClosedLoop(PRIME_CLIENTS, 0.0, PRIME_LIMIT_S, max_visits=len(visits))
        result = load.run_closed(target, visits, loop)
        rows = list(zip(result.visit, result.status, result.error, strict=True))
        others = {error for _, status, error in rows if error and status != REFUSED}
        if others or len(rows) < len(visits):
            reason = ", ".join(sorted(others)) or "too slow"
            raise ShopbenchError(f"{target.base_url} does not take orders: {reason}", 1)
        visits = [visits[number] for number, status, _ in rows if status == REFUSED]
    raise ShopbenchError(
        f"{target.base_url} does not take orders: {len(visits)} of them refused with status "
        f"{REFUSED}, {PRIME_ATTEMPTS} times in a row",
        1,
    )


def priming_visits(orders: int) -> list[Visit]:
    """So many orders, each of a customer of its own drawing."""
    spec = ScheduleSpec("order", orders * 1.2 + 50, _PRIME_SEED, 0.0, 0.0, 1.0, gaps="uniform")
    return build_schedule(spec).visits[:orders]
