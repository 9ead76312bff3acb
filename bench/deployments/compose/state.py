"""What a deployment in containers is, for other commands; and the removal of what dead ones left.

One folder each below `compose` in the state home, written before the first container is made. A
deployment belongs to the process that started it, until `up` lets it go on alone.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.deployments.compose.containers import PROJECT_LABEL
from bench.deployments.compose.engine import docker, labelled
from bench.deployments.local.home import StateHome, write_private
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError

_FILE = "state.json"
_FOLDER = "compose"


@dataclass(frozen=True)
class ComposeState:
    """`owner`: who removes it at its end; None: it goes on until `down`."""

    ident: str
    name: str
    port: int
    current: bool
    cpus: tuple[int, ...]
    faults: bool
    started_at: float
    owner: ProcessId | None
    database_ports: dict[str, int] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)  # of services behind an edge

    @property
    def project(self) -> str:
        return f"shopbench-{self.ident}"

    def write(self, folder: Path) -> None:
        write_private(folder / _FILE, json.dumps(asdict(self)))

    def changed(self, folder: Path, **values: Any) -> ComposeState:
        """Write it with other values; return it."""
        state = replace(self, **values)
        state.write(folder)
        return state

    def abandoned(self) -> bool:
        """Tell whether whoever started it has ended without removing it."""
        return self.owner is not None and not self.owner.alive()


def folders(home: StateHome) -> Path:
    """The folder of all deployments in containers of this state home."""
    path = home.root / _FOLDER
    path.mkdir(mode=0o755, exist_ok=True)
    return path


def read_states(home: StateHome) -> dict[Path, ComposeState]:
    """Every deployment that is written down, by folder."""
    found = {}
    for path in sorted(folders(home).glob(f"*/{_FILE}")):
        with suppress(FileNotFoundError):  # another command removed it just now
            document = json.loads(path.read_text(encoding="utf-8"))
            owner = document.pop("owner")
            document["cpus"] = tuple(document["cpus"])
            found[path.parent] = ComposeState(
                **document, owner=ProcessId(**owner) if owner else None
            )
    return found


def sweep(home: StateHome) -> list[str]:
    """Remove what the bench left in the engine when it was killed; return what would not go."""
    problems = []
    for folder, state in read_states(home).items():
        if state.abandoned():
            try:
                remove_project(state.project)
                shutil.rmtree(folder, ignore_errors=True)
            except ShopbenchError as error:
                problems.append(f"cannot remove {state.name} of a killed command: {error.message}")
    return problems


def find_current(home: StateHome) -> tuple[Path, ComposeState] | None:
    """The deployment that `up --on compose` started."""
    for folder, state in read_states(home).items():
        if state.current:
            return folder, state
    return None


def remove_project(project: str) -> None:
    """Remove containers, volumes and networks of a project. Safe to repeat."""
    label = f"{PROJECT_LABEL}={project}"
    if idents := labelled("container", label):
        docker("rm", "--force", "--volumes", *idents)
    if volumes := labelled("volume", label):
        docker("volume", "rm", *volumes)
    for network in labelled("network", label):
        free_endpoints(network)
        docker("network", "rm", network)


def free_endpoints(network: str) -> list[str]:
    """Take from a network the endpoints whose containers are gone; return their names.

    The engine forgets such an endpoint when a container ends while it is being started again,
    and then refuses to remove the network (moby issue 17217).
    """
    present = set(docker("ps", "--all", "--no-trunc", "--quiet").split())
    attached = json.loads(docker("network", "inspect", network))[0]["Containers"] or {}
    gone = [each["Name"] for ident, each in attached.items() if ident not in present]
    for name in gone:
        docker("network", "disconnect", "--force", network, name)
    return gone
