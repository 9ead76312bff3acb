"""A real container engine with the base images, or a skip that says why there is none."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.deployments.compose.containers import PROJECT_LABEL
from bench.deployments.compose.engine import docker, labelled, require_engine
from bench.deployments.compose.state import free_endpoints, remove_project
from bench.errors import ShopbenchError
from tests.system_compose.stand_ins import missing_images

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CommandLine:
    """Runs `shopbench` as a user would, in a state home of its own."""

    home: Path

    def run(
        self, *arguments: str, seconds: float = 600.0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, "SHOPBENCH_HOME": str(self.home), **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass(frozen=True)
class UsersProject:
    """docker-compose.yml as a user runs it, under a name and a port of its own."""

    name: str
    port: int

    def compose(self, profile: str, *arguments: str, **env: str) -> str:
        command = (*require_engine().compose, "--project-name", self.name, "--profile", profile)
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env={**os.environ, "SHOP_PORT": str(self.port), "SHOP_TAG": "test", **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        if "has active endpoints" in done.stderr:
            return self._without_lost_endpoints(done.stderr)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def _without_lost_endpoints(self, said: str) -> str:
        """Remove the networks that the engine would not, if it only lost what hung on them.

        An endpoint of a container that is gone is the engine's fault (moby issue 17217); one of a
        container that is still there is ours.
        """
        label = f"{PROJECT_LABEL}={self.name}"
        assert not labelled("container", label), said[-2000:]
        for network in labelled("network", label):
            lost = free_endpoints(network)
            warnings.warn(f"the engine lost the endpoints {lost} of {network}", stacklevel=2)
            docker("network", "rm", network)
        return ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip without an engine, or without base images and a way to make stand-ins."""
    try:
        require_engine()
    except ShopbenchError as error:
        pytest.skip(f"no container engine here: {error.message}")
    # Two workers must not make the same images at the same time.
    with (Path(tempfile.gettempdir()) / "shopbench-stand-ins.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing := missing_images():
            if os.geteuid() != 0 or shutil.which("debootstrap") is None:
                pytest.skip(f"cannot pull {missing[0]}, and no stand-in can be made (debootstrap)")
            make = [sys.executable, "-m", "tests.system_compose.stand_ins"]
            subprocess.run(make, cwd=ROOT, check=True, timeout=1200)


@pytest.fixture(scope="session")
def shopbench(engine: None) -> Iterator[CommandLine]:
    home = Path(tempfile.mkdtemp(prefix="shopbench-test-", dir="/var/tmp"))
    home.chmod(0o755)
    yield CommandLine(home)
    for state in home.glob("compose/*/state.json"):  # only what a failed test left
        with suppress(ShopbenchError):
            remove_project(f"shopbench-{json.loads(state.read_text())['ident']}")
    shutil.rmtree(home, ignore_errors=True)
