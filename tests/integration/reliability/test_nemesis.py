"""Every fault of the catalogue in running shops: it does what it says, and nothing of it stays.

The fast suite runs some of each kind in the two arms that differ most, `make test-slow` all.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol, cast

import psutil
import pytest

from bench.contract.seed import PASSWORD, SeedSpec, user_email
from bench.deployments.base import ComponentInfo, Deployment, UpOptions
from bench.deployments.local.driver import open_deployment
from bench.deployments.local.home import StateHome
from bench.experiments.consistency.client import Person, log_in
from bench.faults.catalogue import Fault, NotApplicable, catalogue
from bench.faults.fault_ledger import FaultLedger
from bench.faults.hop_state import HopSettings
from bench.faults.nemesis import Nemesis
from bench.faults.points import POISON_HEADER
from bench.faults.undo import control_of
from tests.integration.reliability.lab import Lab

pytestmark = pytest.mark.timeout(300)

OPTIONS = UpOptions(seed=SeedSpec(users=12, products=50), faults=True, hops="all")
FAST = {"crash payments", "hang_worker payments", "database_down orders"}
FAST |= {"errors payments", "poison payments", "bad_release orders"}
SECONDS = 20.0
# A read of each component, as somebody who is signed in.
READS = {
    "users": "/api/v1/users/me",
    "inventory": "/api/v1/products?limit=1",
    "orders": "/api/v1/orders?limit=1",
    "payments": "/api/v1/wallet",
}


class Patient:
    """A running shop, its nemesis, and somebody who reads from it."""

    def __init__(self, up: Deployment, nemesis: Nemesis, person: Person) -> None:
        self.up = up
        self.nemesis = nemesis
        self._person = person

    def read(self, component: str, seconds: float = 5.0, **headers: str) -> int:
        """Status of a read; 0 if there was no answer."""
        headers = {"Authorization": f"Bearer {self._person.token}", **headers}
        return _status(self.up.base_url + READS[component], seconds, headers)

    @property
    def up_edge(self) -> str:
        return self.up.components()[0].name

    def part(self, name: str) -> ComponentInfo:
        return next(part for part in self.up.components() if part.name == name)

    def assert_whole(self) -> None:
        assert {part.condition for part in self.up.components()} == {"running"}
        until(self.up.ready)
        if self.up.hops_socket is not None:
            with control_of(self.up) as control:
                assert set(control.settings().values()) == {HopSettings()}
        assert self.up.faults_dir is not None
        assert not list(self.up.faults_dir.iterdir())
        assert not FaultLedger(StateHome.from_environment()).own(self.up.ident)
        # A breaker that the fault has opened tries again after a while.
        until(lambda: all(self.read(component) == 200 for component in READS))


def _status(url: str, seconds: float = 5.0, headers: Mapping[str, str] | None = None) -> int:
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            json.load(answer)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def ward(lab: Lab) -> Iterator[Ward]:
    """Shops by name: those of the lab, or with every hop through the proxy ones of our own."""
    with ExitStack() as stack:
        found: dict[tuple[str, bool], Patient] = {}

        def patient(name: str, *, hops: bool = False) -> Patient:
            if (name, hops) not in found:
                up: Deployment
                if hops:
                    up = stack.enter_context(open_deployment(name, options=OPTIONS))
                else:
                    up = lab.shop(name).deployment
                ledger = FaultLedger(StateHome.from_environment())
                nemesis = stack.enter_context(Nemesis(up, ledger))
                person = log_in(up.base_url, user_email(1), PASSWORD)
                found[name, hops] = Patient(up, nemesis, person)
            return found[name, hops]

        yield patient


class Ward(Protocol):
    def __call__(self, name: str, *, hops: bool = False) -> Patient: ...


Check = Callable[[Patient, Fault, str], None]


def exited(patient: Patient, fault: Fault, host: str) -> None:
    assert patient.part(host).condition == "exited"
    assert patient.read(fault.component if fault.component != "edge" else "users") != 200


def started_again(patient: Patient, fault: Fault, host: str) -> None:
    """By gunicorn, which replaces its worker, or by the supervisor: nobody has to do it."""
    until(lambda: patient.read("payments") == 200)
    until(patient.up.ready)


def stopped(patient: Patient, fault: Fault, host: str) -> None:
    root = psutil.Process(patient.part(host).pid)
    family = (root, *root.children())
    found = [each for each in family if each.status() == psutil.STATUS_STOPPED]
    assert found
    if len(found) == len(family):  # else other workers serve
        assert patient.read("payments", 1.0) != 200


def late(patient: Patient, fault: Fault, host: str) -> None:
    assert patient.read("payments", 0.5) == 0  # every operation takes 2 s more
    assert patient.read("users") == 200


def failing(patient: Patient, fault: Fault, host: str) -> None:
    until(lambda: patient.read("payments") >= 500)
    until(lambda: patient.read("payments") == 200)  # 30 % fail, not all
    assert patient.read("inventory") == 200


def unreadable(patient: Patient, fault: Fault, host: str) -> None:
    assert patient.read(fault.component) != 200


def hop_set(patient: Patient, fault: Fault, host: str) -> None:
    with control_of(patient.up) as control:
        changed = {name for name, how in control.settings().items() if how != HopSettings()}
    assert changed == {host}


def deadly(patient: Patient, fault: Fault, host: str) -> None:
    assert patient.read("payments") == 200
    assert patient.read("payments", **{POISON_HEADER: "orders"}) == 200
    worker = _workers(patient, host)
    assert patient.read("payments", **{POISON_HEADER: "payments"}) != 200
    until(lambda: _workers(patient, host) not in (worker, []))
    until(lambda: patient.read("payments") == 200)


def _workers(patient: Patient, host: str) -> list[int]:
    part = patient.part(host)
    if part.condition == "exited":
        return []
    return sorted(child.pid for child in psutil.Process(part.pid).children()) or [part.pid]


def burning(patient: Patient, fault: Fault, host: str) -> None:
    before = patient.up.usage()[host].cpu_seconds
    assert patient.read(fault.component) == 200
    until(lambda: patient.up.usage()[host].cpu_seconds > before + 0.5)


def leaking(patient: Patient, fault: Fault, host: str) -> None:
    before = patient.up.usage()[host].pss_bytes
    assert patient.read(fault.component) == 200
    until(lambda: patient.up.usage()[host].pss_bytes > before + 100 * 2**20)


def refused(patient: Patient, fault: Fault, host: str) -> None:
    until(lambda: 503 in _ready_of_broken_releases(patient))
    assert patient.up.ready()
    assert all(patient.read(component) == 200 for component in READS)


def _ready_of_broken_releases(patient: Patient) -> list[int]:
    """What each second endpoint of a broken release answers to `/ready`; 0: nothing yet."""
    answers = []
    for process in psutil.Process(patient.part(patient.up_edge).pid).parent().children():
        try:
            settings = process.environ()
        except psutil.Error:  # it has ended
            continue
        if settings.get("SHOP_BROKEN_RELEASE") == "1":
            answers.append(_status(f"http://{settings['SHOP_BIND']}/ready"))
    return answers


CHECKS: dict[str, Check] = {
    "crash": exited,
    "crash_worker": started_again,
    "hang": stopped,
    "hang_worker": stopped,
    "slow": late,
    "errors": failing,
    "database_down": exited,
    "database_slow": hop_set,
    "database_blackhole": unreadable,
    "hop_latency": hop_set,
    "hop_loss": hop_set,
    "hop_blackhole": unreadable,
    "hop_reset": unreadable,
    "poison": deadly,
    "cpu_hog": burning,
    "memory_leak": leaking,
    "bad_release": refused,
    "overload": lambda *_: None,
}


def _level(name: str, fault: Fault) -> tuple[pytest.MarkDecorator, ...]:
    if name == "modular":  # its faults are those of one process and one database, as the monolith's
        return (pytest.mark.soak,)
    return () if fault.name in FAST else (pytest.mark.slow,)


PARAMS = [
    pytest.param(
        name,
        fault,
        id=f"{name}-{fault.name}",
        marks=_level(name, fault),
    )
    for name in ("monolith", "microservices", "modular")
    for fault in catalogue()
]


@pytest.mark.parametrize(("name", "fault"), PARAMS)
def test_a_fault_does_what_it_says_and_nothing_of_it_stays(
    ward: Ward, name: str, fault: Fault
) -> None:
    patient = ward(name, hops=fault.name not in FAST)
    patient.assert_whole()
    before = {part.name: part.pid for part in patient.up.components()}
    if fault.kind.startswith("hop_") and name != "microservices":
        with pytest.raises(NotApplicable, match="no network between components"):
            patient.nemesis.inject(fault)
        return
    injected = patient.nemesis.inject(fault)
    try:
        CHECKS[fault.kind](patient, fault, injected.injection.host)
    finally:
        patient.nemesis.clear(injected)
    patient.assert_whole()
    if fault.kind == "bad_release":
        assert {part.name: part.pid for part in patient.up.components()} == before
    patient.nemesis.clear(injected)  # nothing happens


class Watched:
    """A deployment that looks into the ledger before a component is killed."""

    def __init__(self, inner: Deployment, ledger: FaultLedger) -> None:
        self._inner = inner
        self._ledger = ledger
        self.seen: list[str] = []

    def kill(self, component: str) -> None:
        self.seen = [entry.name for entry in self._ledger.own(self._inner.ident)]
        self._inner.kill(component)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def test_the_ledger_is_written_before_the_deed(ward: Ward) -> None:
    patient = ward("monolith")
    ledger = FaultLedger(StateHome.from_environment())
    watched = Watched(patient.up, ledger)
    with Nemesis(cast(Deployment, watched), ledger) as nemesis:
        nemesis.inject(Fault("crash_worker", "payments"))
    assert watched.seen == ["crash_worker payments"]
    patient.assert_whole()


@pytest.mark.slow
def test_faults_at_the_same_time_are_all_undone(ward: Ward) -> None:
    """A process is not ready before its database is, so it is started after it."""
    patient = ward("microservices")
    with Nemesis(patient.up, FaultLedger(StateHome.from_environment())) as nemesis:
        nemesis.inject(Fault("database_down", "orders"))
        nemesis.inject(Fault("crash", "orders"))
        nemesis.inject(Fault("hang", "users"))
        nemesis.inject(Fault("slow", "users"))
    patient.assert_whole()


@pytest.mark.slow
def test_what_a_leak_took_is_given_back(ward: Ward) -> None:
    patient = ward("microservices", hops=True)
    injected = patient.nemesis.inject(Fault("memory_leak", "users"))
    leaking(patient, injected.fault, "users")
    full = patient.up.usage()["users"].pss_bytes
    patient.nemesis.clear(injected)
    until(lambda: patient.up.usage()["users"].pss_bytes < full - 80 * 2**20)


def test_a_failed_injection_leaves_no_entry(ward: Ward) -> None:
    patient = ward("monolith")
    patient.up.hold("monolith")
    patient.up.kill("monolith")
    try:
        with pytest.raises(Exception, match="no worker processes"):
            patient.nemesis.inject(Fault("crash_worker", "payments"))
    finally:
        patient.up.release("monolith")
    patient.assert_whole()
