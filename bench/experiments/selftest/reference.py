"""The reference server as a subject of trials: started on the deployment's CPU, its CPU counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from bench.child_python import child_python
from bench.engine.bare_handler_process import ServedSubject
from bench.engine.run_context import RunContext
from bench.experiments.selftest.reference_server import Behaviour, unit_ns
from bench.load.generator import Target

_T = TypeVar("_T")


class ReferenceServer(ServedSubject):
    """One reference server. A context manager; it dies with us.

    `known`: for how many of the seed's users it has tokens.
    """

    def __init__(self, name: str, behaviour: Behaviour, cpus: tuple[int, ...], users: int) -> None:
        module = "bench.experiments.selftest.reference_server"
        command = child_python("-m", module, *behaviour.arguments())
        super().__init__(name, command, {"PYTHONHASHSEED": "0"}, cpus)  # all alike
        self.behaviour = behaviour
        self.known = users

    def __enter__(self) -> ReferenceServer:
        super().__enter__()
        return self

    @property
    def target(self) -> Target:
        return Target(f"http://127.0.0.1:{self._port}", ["token"] * self.known)


def reference_server(ctx: RunContext, name: str, behaviour: Behaviour) -> ReferenceServer:
    """A reference server on the deployment's CPUs, not started yet."""
    return ReferenceServer(name, behaviour, shop_cpus(ctx), ctx.options.shop_seed.users)


def shop_cpus(ctx: RunContext) -> tuple[int, ...]:
    """The CPUs of whatever is measured."""
    return tuple(ctx.writer.journal.settings["cpus"])


def units_per_ms(ctx: RunContext) -> float:
    """Units of spinning in a millisecond of CPU on the deployment's core."""
    return 1e6 / on_cpus(shop_cpus(ctx), unit_ns)


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
