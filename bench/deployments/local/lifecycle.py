"""`up`, `down`, `switch` with processes of this machine."""

from __future__ import annotations

from typing import Any

from bench.deployments.base import UpOptions
from bench.deployments.lifecycle import Lifecycle
from bench.deployments.local.driver import LocalDeployment, attach, new_deployment
from bench.deployments.local.home import StateHome
from bench.deployments.local.state import find_current
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError


class LocalLifecycle(Lifecycle):
    """A second edge process of the new deployment takes the port."""

    def current(self, home: StateHome) -> LocalDeployment:
        """Find what is up. Raises ShopbenchError if nothing is."""
        found = find_current(home)
        if found is None:
            raise ShopbenchError("no deployment is up; start one with `shopbench up monolith`", 1)
        return attach(home, *found)

    def checked(self, name: str) -> str:
        return parse_topology(name).name

    def found(self, home: StateHome) -> tuple[str, str] | None:
        found = find_current(home)
        return None if found is None else (found[1].name, found[1].base_url)

    def new(
        self, home: StateHome, name: str, port: int | None, options: UpOptions, *, current: bool
    ) -> LocalDeployment:
        return new_deployment(home, name, port, options, current=current)

    def budget(self, running: Any) -> tuple[int, ...]:
        cpus: tuple[int, ...] = running.state.cpus
        return cpus

    def serve_again(self, old: Any, port: int) -> None:
        old.rebind(port)


LIFECYCLE = LocalLifecycle()
