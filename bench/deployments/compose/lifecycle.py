"""`up`, `down`, `switch` with containers."""

from __future__ import annotations

from typing import Any

from bench.deployments.base import UpOptions
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.opening import attach_compose, new_compose_deployment
from bench.deployments.compose.state import find_current, sweep
from bench.deployments.lifecycle import Lifecycle
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError


class ComposeLifecycle(Lifecycle):
    """The new edge's container is made again with the public port."""

    named = " --on compose"

    def current(self, home: StateHome) -> ComposeDeployment:
        """Find what is up. Raises ShopbenchError if nothing is."""
        sweep(home)
        found = find_current(home)
        if found is None:
            raise ShopbenchError(
                "no deployment is up in containers;"
                " start one with `shopbench up monolith --on compose`",
                1,
            )
        return attach_compose(home, *found)

    def checked(self, name: str) -> str:
        return layout_of(name).topology.name

    def found(self, home: StateHome) -> tuple[str, str] | None:
        found = find_current(home)
        if found is None or found[1].abandoned():
            return None
        return found[1].name, f"http://127.0.0.1:{found[1].port}"

    def new(
        self, home: StateHome, name: str, port: int | None, options: UpOptions, *, current: bool
    ) -> ComposeDeployment:
        return new_compose_deployment(home, name, port, options, current=current)

    def budget(self, running: Any) -> tuple[int, ...]:
        cpus: tuple[int, ...] = running.state.cpus
        return cpus

    def serve_again(self, old: Any, port: int) -> None:
        old.restart(next(iter(old.layout.serving)))


LIFECYCLE = ComposeLifecycle()
