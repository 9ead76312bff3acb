"""kill -9 of the bench while a fault is injected: nothing of the fault stays, and it is said."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from bench.deployments.local.driver import LocalDeployment
from bench.deployments.local.lifecycle import LIFECYCLE
from bench.faults.catalogue import Fault, NotApplicable, catalogue, plan
from bench.faults.explain import facts_of_topology
from bench.faults.fault_ledger import FaultLedger
from bench.faults.hop_state import HopSettings
from bench.faults.undo import control_of
from tests.system.conftest import CommandLine, a_free_port, owned

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

UP = """
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.lifecycle import LIFECYCLE
from bench.deployments.local.home import StateHome
options = UpOptions(seed=SeedSpec(users=12, products=50), faults=True, hops="all")
LIFECYCLE.bring_up(StateHome.from_environment(), {name!r}, {port}, options, print)
"""
INJECT = """
import time
from bench.deployments.local.home import StateHome
from bench.deployments.local.lifecycle import LIFECYCLE
from bench.faults.catalogue import Fault
from bench.faults.fault_ledger import FaultLedger
from bench.faults.nemesis import Nemesis
home = StateHome.from_environment()
with Nemesis(LIFECYCLE.current(home), FaultLedger(home)) as nemesis:
    nemesis.inject(Fault({kind!r}, {component!r}, 60.0))
    print("injected", flush=True)
    time.sleep(200)
"""
INJECT_OWN = """
import time
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import open_deployment
from bench.deployments.local.home import StateHome
from bench.faults.catalogue import Fault
from bench.faults.fault_ledger import FaultLedger
from bench.faults.nemesis import Nemesis
options = UpOptions(faults=True, hops="all")
with open_deployment({name!r}, options=options) as up:
    with Nemesis(up, FaultLedger(StateHome.from_environment())) as nemesis:
        nemesis.inject(Fault({kind!r}, {component!r}, 60.0))
        print("injected", flush=True)
        time.sleep(200)
"""
FAULTS = [fault for fault in catalogue() if fault.kind != "overload"]
FAST = ("monolith", "hang payments")
# A bench's own deployment goes with it whatever the fault: three that hold processes differently.
OWN_SLOW = {
    FAST,
    ("microservices", "database_blackhole payments"),
    ("microservices", "bad_release orders"),
}
# One of each way of undoing: a process, a pause, a point, a hop, a rollout. The rest: `test-soak`.
SLOW = {"crash", "hang", "errors", "database_blackhole", "bad_release"}


def applicable(name: str, fault: Fault) -> bool:
    return not isinstance(plan(fault, facts_of_topology(name)), NotApplicable)


def level(name: str, fault: Fault) -> tuple[pytest.MarkDecorator, ...]:
    if (name, fault.name) == FAST:
        return ()
    return (pytest.mark.slow,) if fault.kind in SLOW else (pytest.mark.soak,)


def own_level(name: str, fault: Fault) -> pytest.MarkDecorator:
    return pytest.mark.slow if (name, fault.name) in OWN_SLOW else pytest.mark.soak


CASES = [
    pytest.param(name, fault, id=f"{name}-{fault.name}", marks=level(name, fault))
    for name in ("monolith", "microservices")
    for fault in FAULTS
    if applicable(name, fault)
]


class Standing:
    """The one deployment that stands by itself, replaced when another is asked for."""

    def __init__(self, shopbench: CommandLine) -> None:
        self._shopbench = shopbench
        self._name = ""

    def deployment(self, name: str) -> LocalDeployment:
        if name != self._name:
            self.down()
            code = UP.format(name=name, port=a_free_port())
            _, err = (child := self._shopbench.start_python(code)).communicate(timeout=100)
            assert child.returncode == 0, err
            self._name = name
        return LIFECYCLE.current(self._shopbench.home)

    def down(self) -> None:
        if self._name:
            self._shopbench.ok("down")
            self._name = ""


@pytest.fixture(scope="module")
def standing(shopbench: CommandLine) -> Iterator[Standing]:
    found = Standing(shopbench)
    yield found
    found.down()


def injected(shopbench: CommandLine, code: str) -> subprocess.Popen[str]:
    """A bench that has injected a fault and waits."""
    bench = shopbench.start_python(code)
    assert bench.stdout is not None
    assert bench.stdout.readline() == "injected\n", bench.communicate()[1]
    return bench


def assert_whole(up: LocalDeployment) -> None:
    """No pause, proxy setting, armed point or process of a fault is left."""
    assert {part.condition for part in up.components()} == {"running"}
    assert up.ready()
    with control_of(up) as control:
        assert set(control.settings().values()) == {HopSettings()}
    assert up.faults_dir is not None
    assert not list(up.faults_dir.iterdir())
    below = psutil.Process(up.state.supervisor.pid).children(recursive=True)
    assert not [p for p in below if p.status() == psutil.STATUS_STOPPED]
    assert not [p for p in below if "SHOP_BROKEN_RELEASE" in p.environ()]


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_the_next_command_undoes_what_a_killed_bench_left(
    shopbench: CommandLine, standing: Standing, name: str, fault: Fault
) -> None:
    up = standing.deployment(name)
    before = {part.name: part.pid for part in up.components()}
    bench = injected(shopbench, INJECT.format(kind=fault.kind, component=fault.component))
    bench.send_signal(signal.SIGKILL)
    bench.wait()
    assert [entry.name for entry in FaultLedger(shopbench.home).entries()] == [fault.name]
    said = shopbench.run("status").stderr
    assert f"left by a bench that was killed: {fault.name}" in said
    assert ": undone (" in said
    assert_whole(up)
    assert FaultLedger(shopbench.home).entries() == []
    assert not shopbench.run("status").stderr
    if fault.kind == "bad_release":
        assert {part.name: part.pid for part in up.components()} == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_asked_to_end_undoes_it_itself(
    shopbench: CommandLine, standing: Standing, number: int
) -> None:
    up = standing.deployment("microservices")
    bench = injected(shopbench, INJECT.format(kind="crash", component="payments"))
    for _ in range(3):  # the second and third must not break the undoing
        os.kill(bench.pid, number)
        time.sleep(0.05)
    bench.communicate(timeout=60)
    assert FaultLedger(shopbench.home).entries() == []
    assert_whole(up)
    assert not shopbench.run("status").stderr


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param(name, fault, id=case.id, marks=own_level(name, fault))
        for case in CASES
        for name, fault in [case.values]
    ],
)
def test_a_killed_benchs_own_deployment_is_gone_with_its_fault(
    shopbench: CommandLine, standing: Standing, name: str, fault: Fault
) -> None:
    standing.down()  # all that is there is to be the killed bench's
    code = INJECT_OWN.format(name=name, kind=fault.kind, component=fault.component)
    bench = injected(shopbench, code)
    everything = owned(shopbench.home)
    (folder,) = shopbench.home.deployments.iterdir()
    bench.send_signal(signal.SIGKILL)
    bench.wait()
    everything.wait_gone()
    said = shopbench.run("status").stderr
    assert f"{fault.name} in {folder.name}: gone with its deployment" in said
    assert FaultLedger(shopbench.home).entries() == []
