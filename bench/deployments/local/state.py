"""The state file: what a running deployment is, for other shells. Written by its supervisor only.

One deployment at most is `current`: the one `up` started and `switch` replaces. Those of `run`,
`verify` and tests live beside it and are not.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.deployments.base import ComponentInfo, CpuControl
from bench.deployments.local.home import StateHome, write_private
from bench.deployments.local.ledger import sweep
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError

SCHEMA_VERSION = 1
STATE_FILE = "state.json"


@dataclass(frozen=True)
class DeploymentState:
    """A snapshot. `ready` turns true once, when the start is complete."""

    ident: str
    name: str
    base_url: str
    current: bool
    ready: bool
    supervisor: ProcessId
    cpu_control: CpuControl
    cpus: tuple[int, ...]
    started_at: float
    logs: Path
    faults_dir: Path | None
    components: tuple[ComponentInfo, ...] = field(default_factory=tuple)
    quotas_enforced: bool = False

    def write(self, folder: Path) -> None:
        document = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        write_private(folder / STATE_FILE, json.dumps(document, default=os.fspath))


def read_state(folder: Path) -> DeploymentState | None:
    """Read a deployment's state; None if there is none or its supervisor is gone."""
    try:
        document = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except json.JSONDecodeError as error:
        raise ShopbenchError(
            f"{folder / STATE_FILE} is corrupt ({error}); run `shopbench down`"
        ) from error
    state = _parse(document)
    return state if state.supervisor.alive() else None


def _parse(document: dict[str, Any]) -> DeploymentState:
    values = dict(document)
    if values.pop("schema_version") != SCHEMA_VERSION:
        raise ShopbenchError("the running deployment was started by another version of shopbench")
    values["supervisor"] = ProcessId(**values["supervisor"])
    values["cpus"] = tuple(values["cpus"])
    values["logs"] = Path(values["logs"])
    values["faults_dir"] = Path(values["faults_dir"]) if values["faults_dir"] else None
    values["components"] = tuple(
        ComponentInfo(**{**entry, "log": Path(entry["log"])}) for entry in values["components"]
    )
    return DeploymentState(**values)


def find_current(home: StateHome) -> tuple[Path, DeploymentState] | None:
    """Find the deployment that `up` started; what dead ones left is removed on the way."""
    sweep(home.deployments)
    for folder in sorted(home.deployments.iterdir()):
        state = read_state(folder)
        if state is not None and state.current:
            return folder, state
    return None
