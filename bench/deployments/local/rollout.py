"""Rolls out a new release of a serving process: ready as a second endpoint first, or not at all.

A release that does not get ready on a spare port within its time is ended; the old one has served
all the while. The callers of a service know both of its ports, and the edge before a replica is
told of another one. The clients of an edge know only one: there the release is then started again
on the old one's port.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.deployments.local.home import StateHome
from bench.deployments.local.managed import Managed
from bench.deployments.local.network_proxy import retarget
from bench.deployments.local.ports import Reserve, claim_ports, release_ports
from bench.deployments.local.processes import ProcessId
from bench.deployments.local.server_processes import READY_SECONDS, ServingProcess
from bench.errors import ShopbenchError

_CANCEL_SECONDS = 20.0
_ROLLOUT = "rollout"

TakeOver = Callable[[ServingProcess], None]


class Rollouts:
    """At most one rollout of each component at a time; each can be cancelled.

    `routed`: what is called through the proxy, which is told of a new port.
    """

    def __init__(self, home: StateHome, folder: Path, owner: ProcessId) -> None:
        self.routed: frozenset[str] = frozenset()
        self._home = home
        self._folder = folder
        self._owner = owner
        self._spares = Reserve()
        self._lock = threading.Lock()
        self._under_way: dict[str, tuple[threading.Event, threading.Event]] = {}

    def reserve(self, services: Iterable[str]) -> dict[str, int]:
        """Keep a second port for each service; return them."""
        names = list(services)
        for name, port in zip(names, claim_ports(self._home, len(names), self._owner), strict=True):
            self._spares.hold(name, port)
        return self._spares.ports()

    def roll_out(
        self,
        managed: Managed,
        environment: Mapping[str, str],
        seconds: float | None,
        take_over: TakeOver | None = None,
    ) -> None:
        """Replace a process by a release that differs by settings, if it gets ready in `seconds`.

        `take_over` puts a replica's release, on a port of its own, in the old one's place; left
        out, a service goes on at its second port, and an edge is drained and started again.

        Raises:
            ShopbenchError: it did not get ready, or was cancelled; the old one serves.
        """
        run = managed.run
        assert isinstance(run, ServingProcess)
        release = run.release(environment)
        with self._alone(managed.name) as cancelled, _not_restarted(managed):
            if take_over is not None:
                with self._moving(run) as port:
                    release = release.on_port(port)
                    _prove(managed, release, seconds, cancelled)
                    take_over(release)
            elif managed.name in self._spares.ports():
                self._beside(managed, run, release, seconds, cancelled)
            else:
                self._in_place(managed, release, seconds, cancelled)
                managed.redeploy(release)

    def cancel(self, name: str) -> None:
        """End the rollout of a component that is under way; return when nothing of it is left."""
        with self._lock:
            cancelled, ended = self._under_way.get(name, (None, None))
        if cancelled is not None and ended is not None:
            cancelled.set()
            if not ended.wait(_CANCEL_SECONDS):
                raise ShopbenchError(f"the rollout of {name} does not end")

    def _beside(
        self,
        managed: Managed,
        run: ServingProcess,
        release: ServingProcess,
        seconds: float | None,
        cancelled: threading.Event,
    ) -> None:
        """The callers, or the proxy before it, go on to the second endpoint: there is no gap."""
        spare, unused = self._spares.take(managed.name), run.port
        release = release.on_port(spare)
        try:
            _prove(managed, release, seconds, cancelled)
            if managed.name in self.routed:
                retarget(self._folder, managed.name, spare)
            managed.take_over(release)
            spare = unused
        finally:
            self._spares.hold(managed.name, spare)

    def _in_place(
        self,
        managed: Managed,
        release: ServingProcess,
        seconds: float | None,
        cancelled: threading.Event,
    ) -> None:
        """Prove it on another port and end it: it is to be started where the old one is."""
        ports = claim_ports(self._home, 1, self._owner)
        try:
            trial = release.on_port(ports[0])
            _prove(managed, trial, seconds, cancelled)
            trial.kill()
        finally:
            release_ports(self._home, ports)

    @contextmanager
    def _moving(self, run: ServingProcess) -> Iterator[int]:
        """A port to go on at; it is given back on an error, otherwise the one before is."""
        (port,) = claim_ports(self._home, 1, self._owner)
        unused = port
        try:
            yield port
            unused = run.port
        finally:
            release_ports(self._home, [unused])

    @contextmanager
    def _alone(self, name: str) -> Iterator[threading.Event]:
        """The only rollout of a component; the event is set when it is cancelled."""
        cancelled, ended = threading.Event(), threading.Event()
        with self._lock:
            if name in self._under_way:
                raise ShopbenchError(f"a rollout of {name} is under way", 1)
            self._under_way[name] = (cancelled, ended)
        try:
            yield cancelled
        finally:
            with self._lock:
                del self._under_way[name]
            ended.set()


@contextmanager
def _not_restarted(managed: Managed) -> Iterator[None]:
    """What ends while a rollout is under way is started when that is over."""
    managed.hold(_ROLLOUT)
    try:
        yield
    finally:
        managed.release(_ROLLOUT)


def _prove(
    managed: Managed, release: ServingProcess, seconds: float | None, cancelled: threading.Event
) -> None:
    """Start a release within the component's group and see it ready; it is ended if it is not."""
    try:
        release.spawn()
        managed.account_for(release)
        release.wait_ready(seconds or READY_SECONDS, cancelled)
    except ShopbenchError as error:
        release.kill()
        raise ShopbenchError(
            f"the new release of {managed.name} was not taken, the old one serves: {error.message}",
            1,
        ) from error
