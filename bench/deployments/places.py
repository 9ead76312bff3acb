"""Where a deployment runs: `local` (processes of this machine) or `compose` (containers).

The command line and the experiments open deployments here and know no driver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Literal, get_args

from bench.deployments.base import UpOptions
from bench.deployments.lifecycle import Lifecycle, OpenDeployment, PlacedDeployment
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError, near

PlaceName = Literal["local", "compose"]
PLACES: tuple[PlaceName, ...] = get_args(PlaceName)
Report = Callable[[str], None]
Show = Callable[[str, str], None]


def lifecycle_of(place: PlaceName) -> Lifecycle:
    """`up`, `down` and `switch` of a place."""
    found: Lifecycle = import_module(f"bench.deployments.{place}.lifecycle").LIFECYCLE
    return found


def current_place(home: StateHome, text: str) -> PlaceName:
    """The place that was named, or the one in which something is up. Raises ShopbenchError."""
    from bench.deployments.compose import state as compose
    from bench.deployments.local import state as local

    if text:
        return place_named(text)
    compose.sweep(home)
    in_containers = compose.find_current(home) is not None
    if in_containers and local.find_current(home) is not None:
        raise ShopbenchError("one is up as processes and one in containers: say which by --on", 2)
    return "compose" if in_containers else "local"


def up_now(home: StateHome) -> list[tuple[str, str]]:
    """Name and URL of what the command line has up, wherever."""
    found = [lifecycle_of(place).found(home) for place in PLACES]
    return [each for each in found if each is not None]


@dataclass(frozen=True)
class Logs:
    """Logs of some components: shows their last lines, or what follows. `more`: how to get more."""

    names: tuple[str, ...]
    more: str
    show_tail: Callable[[int, Show], None]
    follow: Callable[[Show], None]


def logs_of(deployment: PlacedDeployment, component: str) -> Logs:
    """The logs of one component, of all if it is "". Raises ShopbenchError (usage)."""
    from bench.deployments.compose import logs as compose
    from bench.deployments.compose.driver import ComposeDeployment
    from bench.deployments.local import logs as local
    from bench.deployments.local.driver import LocalDeployment

    if isinstance(deployment, ComposeDeployment):
        found = compose.log_sources(deployment, component)
        show_tail, follow = partial(compose.show_tail, found), partial(compose.follow, found)
        return Logs(tuple(found), compose.MORE, show_tail, follow)
    assert isinstance(deployment, LocalDeployment)
    files = local.log_files(deployment, component)
    show_tail, follow = partial(local.show_tail, files), partial(local.follow_logs, files)
    return Logs(tuple(files), local.MORE, show_tail, follow)


def place_named(text: str) -> PlaceName:
    """Read a place's name. Raises ShopbenchError (usage)."""
    for place in PLACES:
        if text == place:
            return place
    raise ShopbenchError(f"unknown place {text!r}{near(text, PLACES)}", 2)


def open_at(
    place: str, name: str, *, base_port: int | None = None, options: UpOptions | None = None
) -> OpenDeployment:
    """Return a deployment for a `with` block: up on entry, down on exit. Raises ShopbenchError."""
    from bench.deployments.compose.opening import new_compose_deployment
    from bench.deployments.compose.state import sweep
    from bench.deployments.local.driver import open_deployment

    sweep(StateHome.from_environment())
    if place_named(place) == "local":
        return open_deployment(name, base_port=base_port, options=options)
    home = StateHome.from_environment()
    return new_compose_deployment(home, name, base_port, options or UpOptions(), current=False)


def environment_of(place: str) -> dict[str, str]:
    """What a place adds to the facts of a run. Raises ShopbenchError if it cannot be used."""
    from bench.deployments.compose.engine import require_engine

    if place_named(place) == "local":
        return {}
    engine = require_engine()
    return {"engine": f"Docker {engine.version}, Compose {engine.compose_version}"}
