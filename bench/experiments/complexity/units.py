"""What is tried alone: every deployable, and every part of an arm that is one deployable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.deployments.base import COMPONENTS
from bench.deployments.local.guard import PROJECT_ROOT
from bench.experiments.complexity.records import Deployable
from bench.experiments.complexity.shipped import copied

SHARED_PARTS = ("common", "config")  # of the monolith: what its apps stand on
_DOCKERFILES = {"monolith": "monolith/Dockerfile", "microservices": "microservices/Dockerfile"}


@dataclass(frozen=True)
class Unit:
    """One thing to build and start alone.

    `process`: whose command and settings it is started with. `copies`: (source, target) in its
    folder. `owners`: of the databases that it is given.
    """

    deployment: str
    name: str
    kind: Literal["deployable", "part"]
    process: str
    copies: tuple[tuple[str, str], ...]
    owners: tuple[str, ...]
    routes: tuple[str, ...]


def units_of(
    deployables: Sequence[Deployable], parts: Sequence[str], root: Path = PROJECT_ROOT
) -> list[Unit]:
    """Every deployable, then every part of the one that is alone in its arm."""
    found = [_deployable(each, root) for each in deployables]
    (whole, *others) = found
    if others:
        return found
    return [*found, *(_part(whole, part, root) for part in parts if part not in SHARED_PARTS)]


def _deployable(each: Deployable, root: Path) -> Unit:
    text = (root / _DOCKERFILES[each.deployment]).read_text(encoding="utf-8")
    owners = (each.name,) if each.name in (*COMPONENTS, each.deployment) else ()
    return Unit(
        *(each.deployment, each.name, "deployable", each.name),
        tuple(copied(text, {"COMPONENT": each.name})),
        owners,
        each.routes,
    )


def _part(whole: Unit, part: str, root: Path) -> Unit:
    """An app's folder with what is shared, and the files of the package itself."""
    folder = root / whole.deployment
    files = [path.name for path in folder.iterdir() if path.is_file()]
    names = [f"{whole.deployment}/{name}" for name in (*files, *SHARED_PARTS, part)]
    return Unit(
        *(whole.deployment, part, "part", whole.process),
        tuple((name, name) for name in names),
        whole.owners,
        whole.routes,
    )
