"""kill -9 of whoever owns a deployment: 5 s later no process, port, control group or state."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from bench.deployments.local.ledger import Ledger
from bench.deployments.local.processes import ProcessId
from tests.system.conftest import GONE_SECONDS, CommandLine, owned

# alone: what is left 5 s after a kill is judged, and a busy machine takes longer to clear up
pytestmark = [pytest.mark.system, pytest.mark.alone]

HOLDER = """
import time
from bench.deployments.local.driver import open_deployment
with open_deployment({name!r}):
    print("up", flush=True)
    time.sleep(100)
"""
ONE_FAST = [
    "monolith",
    *(pytest.param(n, marks=pytest.mark.slow) for n in ("modular", "microservices")),
]


def up(shopbench: CommandLine, name: str, port: int) -> ProcessId:
    shopbench.ok("up", name, "--port", str(port))
    return ProcessId.of(shopbench.status()["supervisor_pid"])


@pytest.mark.parametrize("name", ONE_FAST)
def test_nothing_outlives_a_killed_supervisor(
    shopbench: CommandLine, name: str, free_port: int
) -> None:
    supervisor = up(shopbench, name, free_port)
    everything = owned(shopbench.home)
    assert supervisor in everything.processes
    supervisor.signal(signal.SIGKILL)
    everything.wait_gone(GONE_SECONDS)
    assert "no deployment is up" in shopbench.run("status").stderr


@pytest.mark.slow
def test_nothing_outlives_a_killed_janitor(shopbench: CommandLine, free_port: int) -> None:
    supervisor = up(shopbench, "monolith", free_port)
    everything = owned(shopbench.home)
    (janitor,) = (p for p in holders(shopbench) if p != supervisor)
    janitor.signal(signal.SIGKILL)
    everything.wait_gone(GONE_SECONDS)


def test_what_outlives_both_is_removed_by_the_next_command(
    shopbench: CommandLine, free_port: int
) -> None:
    up(shopbench, "monolith", free_port)
    everything = owned(shopbench.home)
    for process in holders(shopbench):
        process.signal(signal.SIGSTOP)
    for process in holders(shopbench):
        process.signal(signal.SIGKILL)
    assert shopbench.run("status").returncode == 1
    everything.wait_gone(GONE_SECONDS)


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.slow), "process"])
@pytest.mark.parametrize("name", ["microservices"])
def test_nothing_outlives_an_up_killed_while_it_starts(
    shopbench: CommandLine, name: str, kind: str, free_port: int
) -> None:
    command = shopbench.start("up", name, "--port", str(free_port))
    wait_for_entry(shopbench, kind)
    everything = owned(shopbench.home)
    command.send_signal(signal.SIGKILL)
    command.wait()
    everything.wait_gone(GONE_SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["monolith", "microservices"])
def test_nothing_outlives_the_killed_holder_of_a_deployment(
    shopbench: CommandLine, name: str
) -> None:
    holder = shopbench.start_python(HOLDER.format(name=name))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "up\n", holder.communicate()[1]
    everything = owned(shopbench.home)
    assert everything.ports
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    everything.wait_gone(GONE_SECONDS)


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_an_interrupted_up_leaves_nothing(
    shopbench: CommandLine, number: int, free_port: int
) -> None:
    command = shopbench.start("up", "monolith", "--port", str(free_port))
    wait_for_entry(shopbench, "postgres")
    everything = owned(shopbench.home)
    command.send_signal(number)
    assert command.wait(20) != 0
    everything.wait_gone(GONE_SECONDS)


@pytest.mark.slow
def test_a_killed_component_is_started_again_and_down_still_works(
    shopbench: CommandLine, free_port: int
) -> None:
    up(shopbench, "monolith", free_port)
    everything = owned(shopbench.home)
    edge = shopbench.status()["components"][0]
    ProcessId.of(edge["pid"]).signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while (after := shopbench.status()["components"][0])["pid"] == edge["pid"]:
        assert time.monotonic() < deadline
    assert (after["condition"], after["restarts"]) == ("running", 1)
    everything = owned(shopbench.home)
    shopbench.ok("down")
    everything.wait_gone(GONE_SECONDS)


def holders(shopbench: CommandLine) -> list[ProcessId]:
    """Janitor and supervisor of what is up."""
    return [
        holder
        for folder in shopbench.home.deployments.iterdir()
        for holder in Ledger(folder).processes("holder")
        if holder.alive()
    ]


def wait_for_entry(shopbench: CommandLine, kind: str, seconds: float = 60.0) -> None:
    """Wait until a starting deployment has started something of a kind."""
    deadline = time.monotonic() + seconds
    while not any(Ledger(f).entries(kind) for f in shopbench.home.deployments.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_two_ups_at_once_start_one_deployment(shopbench: CommandLine, free_port: int) -> None:
    commands: list[subprocess.Popen[str]] = [
        shopbench.start("up", "monolith", "--port", str(free_port)) for _ in range(2)
    ]
    codes = sorted(command.wait(90) for command in commands)
    assert codes == [0, 1]
    shopbench.ok("down")
