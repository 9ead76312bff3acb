"""Users, masks and machines that shopbench does not meet every day: it starts, or says why not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from bench.deployments.local.ledger import Ledger
from tests.system.conftest import ROOT, CommandLine, owned

pytestmark = pytest.mark.system

MASKED = ["sh", "-c", 'umask 077; exec "$0" "$@"']
ROOT_ALONE = ["unshare", "--user", "--map-root-user"]


def run_under(
    shopbench: CommandLine, command: list[str], *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, sys.executable, "-m", "bench.cli", *arguments],
        cwd=ROOT,
        env={**shopbench.env, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.slow
def test_a_closed_umask_changes_nothing(shopbench: CommandLine, free_port: int) -> None:
    """In a state home that is made under it, with its parent."""
    env = {"SHOPBENCH_HOME": str(shopbench.home.root / "new" / "h")}
    up = run_under(shopbench, MASKED, "up", "monolith", "--port", str(free_port), **env)
    assert up.returncode == 0, up.stderr
    down = run_under(shopbench, MASKED, "down", **env)
    assert down.returncode == 0, down.stderr


def test_a_root_without_other_users_is_told_so(shopbench: CommandLine, free_port: int) -> None:
    if subprocess.run([*ROOT_ALONE, "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    done = run_under(shopbench, ROOT_ALONE, "up", "monolith", "--port", str(free_port))
    assert done.returncode == 3
    assert "none exists in this user namespace" in done.stderr.splitlines()[-1]


def test_whatever_stops_a_start_is_in_the_message(shopbench: CommandLine, free_port: int) -> None:
    register = shopbench.home.root / "ports.json"
    register.unlink(missing_ok=True)
    register.mkdir()
    try:
        done = shopbench.run("up", "monolith", "--port", str(free_port))
    finally:
        register.rmdir()
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "error: monolith: the start failed: IsADirectoryError: [Errno 21] Is a directory:"
        f" '{register}'"
    )


def test_a_start_whose_supervisor_is_killed_says_so(shopbench: CommandLine, free_port: int) -> None:
    command = shopbench.start("up", "monolith", "--port", str(free_port))
    deadline = time.monotonic() + 30
    while len(found := holders(shopbench)) < 3:  # the command, its janitor, the supervisor
        assert time.monotonic() < deadline
    everything = owned(shopbench.home)
    os.kill(found[-1], signal.SIGKILL)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 3
    assert "the supervisor ended during the start: " in err.splitlines()[-1]
    assert "janitor: the supervisor was ended by SIGKILL (log: " in err.splitlines()[-1]
    everything.wait_gone()


def holders(shopbench: CommandLine) -> list[int]:
    folders = shopbench.home.deployments.iterdir()
    return [each.pid for folder in folders for each in Ledger(folder).processes("holder")]
