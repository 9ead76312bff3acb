"""What a process runs, as data: components (`operations.ComponentSpec`) and perhaps the edge."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp.typedefs import Handler

from microservices.chassis.http_transport import HttpPeer
from microservices.chassis.operations import ComponentSpec, Operation
from microservices.chassis.peers import Peers


@dataclass(frozen=True)
class Route:
    """A public route and the component that owns it."""

    method: str
    path: str
    component: str


@dataclass(frozen=True)
class EdgeSpec:
    """The edge: public routes, what it composes itself, the contract and the page at `/`.

    `forward` makes the handler of a route whose owner, a component, runs in another process.
    """

    name: str
    routes: tuple[Route, ...]
    operations: tuple[Operation, ...]
    build: Callable[[Peers], Any]
    peers: tuple[str, ...]
    forward: Callable[[str, HttpPeer], Handler]
    document: Path
    index: Path


@dataclass(frozen=True)
class ProcessSpec:
    """What one process runs."""

    components: tuple[ComponentSpec, ...]
    edge: EdgeSpec | None = None

    @property
    def name(self) -> str:
        """The edge's, or the components' with a plus between them."""
        names = [self.edge.name] if self.edge else [each.name for each in self.components]
        return "+".join(names)
