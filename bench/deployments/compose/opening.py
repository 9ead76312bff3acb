"""Makes the driver's object for a deployment in containers: a new one, or one that is there."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

from bench.deployments.base import UpOptions
from bench.deployments.compose.driver import ComposeDeployment
from bench.deployments.compose.engine import require_engine
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.project import Project
from bench.deployments.compose.state import ComposeState, folders, sweep
from bench.deployments.local.home import StateHome
from bench.deployments.local.ports import claim_ports, is_free, owner_of
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError


def new_compose_deployment(
    home: StateHome, name: str, port: int | None, options: UpOptions, *, current: bool
) -> ComposeDeployment:
    """Prepare a deployment; nothing is started. Raises ShopbenchError (usage, busy port)."""
    layout = layout_of(name)
    if options.hops != "direct":
        raise ShopbenchError("calls between containers cannot be sent through the proxy", 2)
    require_engine()
    sweep(home)
    if port is not None and not is_free(port):
        raise ShopbenchError(
            f"port {port} is in use by {owner_of(port)}; choose another with --port"
        )
    ident = f"{layout.profile}-{secrets.token_hex(3)}"
    owner = ProcessId.of(os.getpid())
    services = list(layout.databases.values())
    claimed = claim_ports(home, len(services) + 1, owner, bound=False)
    state = ComposeState(
        ident=ident,
        name=layout.topology.name,
        port=claimed[0] if port is None else port,
        current=current,
        cpus=options.cpus,
        faults=options.faults,
        started_at=time.time(),
        owner=owner,
        database_ports=dict(zip(services, claimed[1:], strict=True)),
    )
    return ComposeDeployment(home, Project(layout, options, state, folders(home) / ident))


def attach_compose(home: StateHome, folder: Path, state: ComposeState) -> ComposeDeployment:
    """Speak to a deployment that another process started."""
    options = UpOptions(cpus=state.cpus, faults=state.faults)
    return ComposeDeployment(home, Project(layout_of(state.name), options, state, folder))
