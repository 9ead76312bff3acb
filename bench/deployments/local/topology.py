"""Which components share a process and which databases share a server, read from one name.

A services topology is a partition of the four components (there are 15). Three have names; the
others are written as blocks: `users+inventory|orders+payments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.deployments.base import COMPONENTS
from bench.errors import ShopbenchError, near

Block = tuple[str, ...]

MONOLITH = "monolith"
GATEWAY = "gateway"
NAMES = (MONOLITH, "modular", "modular-split", "microservices")
_TOGETHER: tuple[Block, ...] = (COMPONENTS,)
_APART: tuple[Block, ...] = tuple((name,) for name in COMPONENTS)
_EXAMPLE = "users+inventory|orders+payments"


@dataclass(frozen=True)
class Topology:
    """`blocks`: the processes of the services arm, each a tuple of components; monolith: none."""

    arm: Literal["monolith", "services"]
    blocks: tuple[Block, ...] = ()
    one_server: bool = False

    @property
    def name(self) -> str:
        """The canonical name: equal topologies have equal names."""
        if self.arm == "monolith":
            return MONOLITH
        if self.blocks == _APART:
            return "microservices"
        if self.blocks == _TOGETHER:
            return "modular" if self.one_server else "modular-split"
        return "|".join("+".join(block) for block in self.blocks)

    @property
    def has_gateway(self) -> bool:
        """One block holds the edge itself; more blocks need a gateway process before them."""
        return len(self.blocks) > 1

    @property
    def processes(self) -> tuple[str, ...]:
        """Names of the serving processes, the one that holds the public port first."""
        if self.arm == "monolith":
            return (MONOLITH,)
        blocks = tuple("+".join(block) for block in self.blocks)
        return (GATEWAY, *blocks) if self.has_gateway else blocks

    @property
    def servers(self) -> dict[str, Block]:
        """Database servers, each with the owners of the databases on it."""
        if self.arm == "monolith":
            return {"db:shop": (MONOLITH,)}
        if self.one_server:
            return {"db:all": COMPONENTS}
        return {f"db:{name}": (name,) for name in COMPONENTS}

    @property
    def in_one_process(self) -> Topology:
        """The topology with the same database servers and the fewest processes."""
        return self if self.arm == "monolith" else Topology(self.arm, _TOGETHER, self.one_server)

    def owner(self, component: str) -> str:
        """Name the owner of the database that holds a component's tables."""
        if component not in COMPONENTS:
            raise ShopbenchError(f"unknown component {component!r}{near(component, COMPONENTS)}", 2)
        return MONOLITH if self.arm == "monolith" else component


def parse_topology(text: str) -> Topology:
    """Read a deployment's name. Raises ShopbenchError (usage) that says what is wrong."""
    name = text.strip().lower()
    if name == MONOLITH:
        return Topology("monolith")
    if name == "modular":
        return Topology("services", _TOGETHER, one_server=True)
    if name == "modular-split":
        return Topology("services", _TOGETHER)
    if name == "microservices":
        return Topology("services", _APART)
    if not ({"+", "|"} & set(name)) and name not in COMPONENTS:
        raise _unknown(text)
    return Topology("services", _partition(text, name))


def _unknown(text: str) -> ShopbenchError:
    there = f"{near(text, NAMES)}, or a partition such as {_EXAMPLE!r}"
    return ShopbenchError(f"unknown deployment {text!r}{there}", 2)


def _partition(text: str, name: str) -> tuple[Block, ...]:
    blocks = [[part.strip() for part in block.split("+")] for block in name.split("|")]
    named = [part for block in blocks for part in block]
    if "" in named:
        raise _broken(text, "there is an empty block or name")
    for part in named:
        if part not in COMPONENTS:
            why = f"unknown component {part!r}{near(part, COMPONENTS)}"
            raise ShopbenchError(f"broken topology {text!r}: {why}", 2)
    repeated = sorted({part for part in named if named.count(part) > 1})
    if repeated:
        raise _broken(text, f"{', '.join(repeated)} stands more than once")
    missing = [part for part in COMPONENTS if part not in named]
    if missing:
        raise _broken(text, f"{', '.join(missing)} missing")
    ordered = [tuple(sorted(block, key=COMPONENTS.index)) for block in blocks]
    return tuple(sorted(ordered, key=lambda block: COMPONENTS.index(block[0])))


def _broken(text: str, why: str) -> ShopbenchError:
    return ShopbenchError(
        f"broken topology {text!r}: {why}; each of {', '.join(COMPONENTS)} must stand once,"
        f" as in {_EXAMPLE!r}",
        2,
    )


def all_partitions() -> tuple[Topology, ...]:
    """List the 15 ways to divide four components into processes, each with four servers."""
    partitions: list[list[list[str]]] = [[]]
    for component in COMPONENTS:
        grown: list[list[list[str]]] = []
        for blocks in partitions:
            for place in range(len(blocks)):
                joined = [*blocks[place], component]
                grown.append([*blocks[:place], joined, *blocks[place + 1 :]])
            grown.append([*blocks, [component]])
        partitions = grown
    return tuple(Topology("services", tuple(map(tuple, blocks))) for blocks in partitions)
