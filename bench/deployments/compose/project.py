"""One project of docker-compose.yml: its files, its images, its commands."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.contract.seed import write_seed
from bench.deployments.base import UpOptions
from bench.deployments.compose.engine import (
    BUILD_SECONDS,
    COMMAND_SECONDS,
    COMPOSE_FILE,
    require_engine,
    run,
)
from bench.deployments.compose.layout import Layout
from bench.deployments.compose.override import Place, override, variables
from bench.deployments.compose.state import ComposeState
from bench.deployments.local.home import StateHome
from bench.deployments.local.keys import signing_key
from bench.deployments.local.topology import MONOLITH

TAG = "bench"
_OVERRIDE = "override.json"
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR")
_ENGINES_OWN = ("DOCKER_", "BUILDKIT_", "BUILDX_", "COMPOSE_HTTP_")
_built: set[str] = set()


@dataclass(frozen=True)
class Project:
    """Everything `compose` has to be told to act on one deployment."""

    layout: Layout
    options: UpOptions
    state: ComposeState
    folder: Path

    def compose(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """Run one command of compose on this project."""
        files = ("-f", str(COMPOSE_FILE), "-f", str(self.folder / _OVERRIDE))
        name = ("--project-name", self.state.project)
        command = (*require_engine().compose, *files, *name, "--profile", self.layout.profile)
        environment = {
            **{name: value for name, value in os.environ.items() if _needed(name)},
            **variables(self._place, self.options, TAG, self.state.replicas),
        }
        return run((*command, *arguments), environment=environment, seconds=seconds)

    def start(self, services: Sequence[str], *arguments: str) -> None:
        """Create and start these services alone, from images that are there."""
        fixed = ("up", "--detach", "--no-deps", "--no-build")
        # A service that is named without its number would go back to one.
        counts = [
            part
            for name, count in self.state.replicas.items()
            if name in services
            for part in ("--scale", f"{name}={count}")
        ]
        self.compose(*fixed, *arguments, *counts, *services)

    def build(self, home: StateHome) -> None:
        """Build the images of the profile, once in a process; the engine's cache knows the rest."""
        with home.lock("compose-build"):  # of several that start side by side one builds
            if self.layout.profile in _built:
                return
            services = ("setup", *self.layout.databases.values(), *self.layout.serving.values())
            edges = list(self.layout.balanced.values())[:1]  # all of one image
            self.compose("build", *services, *edges, seconds=BUILD_SECONDS)
            _built.add(self.layout.profile)

    def write_files(self, home: StateHome) -> None:
        """Write the override and what the containers are given: seed, token key, passwords."""
        given = self.folder / "given"
        for path in (given, self.folder / "seeds"):
            path.mkdir(mode=0o755)
        if self.options.faults:
            (self.folder / "faults").mkdir()
            (self.folder / "faults").chmod(0o777)  # each container has a user of its own
        document = override(self.layout, self._place, self.options)
        (self.folder / _OVERRIDE).write_text(json.dumps(document, indent=1), encoding="utf-8")
        # Tokens signed by this user's key are good in every deployment, whatever it runs on.
        (given / "signing.pem").write_text(signing_key(home).read_text("ascii"), encoding="ascii")
        (given / "signing.pem").chmod(0o600)
        for server, owners in self.layout.topology.servers.items():
            secret = given / self.layout.databases[server]
            secret.mkdir(mode=0o700)
            for owner in owners:
                path = secret / f"shop_{owner}"
                path.touch(mode=0o600)
                path.write_text(secrets.token_urlsafe(24), encoding="ascii")
        write_readable_seed(self.options, given / "seed")

    def dsn(self, component: str) -> str:
        """The address of a component's database on loopback, with its role's password."""
        owner = self.layout.topology.owner(component)
        service = self.layout.server_of(owner)
        password = (self.folder / "given" / service / f"shop_{owner}").read_text("ascii")
        port = self.state.database_ports[service]
        return f"postgresql://shop_{owner}:{password}@127.0.0.1:{port}/shop_{owner}"

    def owners_dsn(self, owner: str) -> str:
        """The same by owner: the monolith owns all of its tables."""
        return self.dsn("orders" if owner == MONOLITH else owner)

    @property
    def _place(self) -> Place:
        state = self.state
        return Place(state.ident, self.folder, state.port, state.database_ports)


def write_readable_seed(options: UpOptions, folder: Path) -> Path:
    """Write a seed that the users in the containers may read."""
    write_seed(options.seed, folder)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


def _needed(name: str) -> bool:
    return name in _PASSED_ON or name.startswith(_ENGINES_OWN)
