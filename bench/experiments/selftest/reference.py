"""The reference server as a subject of trials: started on the deployment's CPU, its CPU counted."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from bench.deployments.base import Usage
from bench.experiments.laboratory import Laboratory
from bench.experiments.selftest.reference_server import Behaviour, unit_ns
from bench.experiments.served import ServedSubject
from bench.load.generator import Target

_SETTLE_LIMIT_S = 0.3
_T = TypeVar("_T")


class ReferenceServer(ServedSubject):
    """One reference server. A context manager; it dies with us.

    `variants`: what else it plays, at most ten. `known`: for how many of the seed's users it has
    tokens. `heard`: called when the load process is told the target, a tenth of a second before
    the first arrival.
    """

    def __init__(
        self,
        name: str,
        behaviour: Behaviour,
        cpus: tuple[int, ...],
        users: int,
        variants: Sequence[Behaviour] = (),
    ) -> None:
        module = "bench.experiments.selftest.reference_server"
        played = json.dumps([asdict(each) for each in variants])
        command = [sys.executable, "-m", module, *behaviour.arguments(), f"--variants={played}"]
        super().__init__(name, command, {"PYTHONHASHSEED": "0"}, cpus)  # all alike
        self.behaviour = behaviour
        self.known = users
        self.heard: Callable[[], None] = lambda: None

    def __enter__(self) -> ReferenceServer:
        super().__enter__()
        return self

    @property
    def target(self) -> Target:
        self.heard()
        return Target(f"http://127.0.0.1:{self._port}", ["token"] * self.known)

    def settle(self) -> int | None:
        """Ask the server what it has put off, for at most 0.3 s."""
        deadline = time.monotonic() + _SETTLE_LIMIT_S
        while (left := self._backlog()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _backlog(self) -> int | None:
        if not self.behaviour.backlog:
            return 0  # nothing that could be put off: no question during a measurement
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/backlog")
            return int(json.loads(connection.getresponse().read())["left"])
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return None
        finally:
            connection.close()


@dataclass(frozen=True)
class Variant:
    """One of the servers that a reference server plays, as a subject of its own."""

    name: str
    server: ReferenceServer
    number: int

    @property
    def target(self) -> Target:
        return replace(self.server.target, prefix=f"/{self.number}")

    def usage(self) -> Mapping[str, Usage]:
        """Of the whole process: while one variant is measured the others rest."""
        return self.server.usage()

    def settle(self) -> int | None:
        return self.server.settle()


@contextmanager
def variants_of(
    lab: Laboratory, behaviours: Mapping[str, Behaviour]
) -> Iterator[dict[str, Variant]]:
    """Servers that differ by nothing but their behaviour: one process plays them all."""
    played = list(behaviours.values())
    users = lab.options.shop_seed.users
    with ReferenceServer("reference", played[0], shop_cpus(lab), users, played) as server:
        yield {name: Variant(name, server, number) for number, name in enumerate(behaviours)}


def reference_server(lab: Laboratory, name: str, behaviour: Behaviour) -> ReferenceServer:
    """A reference server on the deployment's CPUs, not started yet."""
    return ReferenceServer(name, behaviour, shop_cpus(lab), lab.options.shop_seed.users)


def shop_cpus(lab: Laboratory) -> tuple[int, ...]:
    """The CPUs of whatever is measured."""
    return tuple(lab.writer.journal.settings["cpus"])


def units_per_ms(lab: Laboratory) -> float:
    """Units of spinning in a millisecond of CPU on the deployment's core."""
    return 1e6 / on_cpus(shop_cpus(lab), unit_ns)


def on_cpus(cpus: tuple[int, ...], work: Callable[[], _T]) -> _T:
    """Do something on those CPUs, where the system can pin."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return work()
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cpus)
        return work()
    finally:
        os.sched_setaffinity(0, before)
