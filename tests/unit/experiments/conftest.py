"""Runs against echo servers that play deployments, with profiles of a second."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bench.contract.seed import SeedSpec
from bench.deployments.base import Usage
from bench.deployments.local.home import HOME_VARIABLE, StateHome
from bench.deployments.local.keys import private_pem
from bench.deployments.local.topology import parse_topology
from bench.engine import round_blocks, runner
from bench.engine.options import PROFILES, RunOptions
from bench.engine.trial import Bench
from bench.experiments.latency import measure, plan
from bench.load.generator import LoadProcess
from tests.unit.report.conftest import analysis, built, unpainted

__all__ = ["analysis", "built", "unpainted"]  # fixtures of the report's tests

SERVER = Path(__file__).parents[1] / "load" / "echo_server.py"


class EchoDeployment:
    """Satisfies the driver's protocol as far as experiments use it.

    `open_now`: those up; `made`: all that there were, in order. `idle_cores`: CPU that each seems
    to use all the time.
    """

    open_now: list[str] = []
    made: list[str] = []
    server_options: dict[str, tuple[str, ...]] = {}
    idle_cores: dict[str, float] = {}
    cpu_control = "affinity"

    def __init__(self, name: str) -> None:
        self.name = parse_topology(name).name
        self.resets = 0
        self.made.append(self.name)

    def __enter__(self) -> EchoDeployment:
        command = [sys.executable, str(SERVER), *self.server_options.get(self.name, ())]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        self.open_now.append(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.open_now.remove(self.name)

    def usage(self) -> dict[str, Usage]:
        times = psutil.Process(self._process.pid).cpu_times()
        idle_s = self.idle_cores.get(self.name, 0.0) * time.perf_counter()
        return {"echo": Usage(times.user + times.system + idle_s, 1 << 20)}

    def reset(self, seed: SeedSpec) -> None:
        self.resets += 1

    def components(self) -> tuple[object, ...]:
        return ()

    def database_dsn(self, component: str) -> str:
        return "postgresql://nobody@127.0.0.1:7699/nothing?connect_timeout=1"


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[EchoDeployment]]:
    """Deployments are echo servers without databases, and a run of them takes seconds."""

    def open_echo(place: str, name: str, **_: object) -> EchoDeployment:
        return EchoDeployment(name)

    monkeypatch.setattr(runner, "open_at", open_echo)
    key = private_pem(ec.generate_private_key(ec.SECP256R1()))
    (tmp_path / "signing.pem").write_text(key)  # as after a first start: nobody has to log in
    home = SimpleNamespace(from_environment=lambda: SimpleNamespace(keys=tmp_path))
    monkeypatch.setattr(runner, "StateHome", home)
    monkeypatch.setattr(round_blocks, "order_tables", lambda _: None)
    monkeypatch.setattr(round_blocks, "no_autovacuum", lambda _: None)
    monkeypatch.setattr(round_blocks, "CALIBRATION_S", 0.3)
    monkeypatch.setattr(round_blocks, "REST_S", 0.0)
    monkeypatch.setattr(round_blocks, "WARM_VISITS", dict.fromkeys(round_blocks.WARM_VISITS, 4))
    monkeypatch.setattr(measure, "client_time_ms", lambda *_: 0.3)
    monkeypatch.setitem(plan.SIZES, "tiny", plan.Size(2, 2, 0.1, 0.6, 0.6, 0.2, 60.0))
    monkeypatch.setitem(PROFILES, "tiny", replace(PROFILES["smoke"], name="tiny", probe_s=0.2))
    for held in (EchoDeployment.open_now, EchoDeployment.made):
        held.clear()
    monkeypatch.setattr(EchoDeployment, "server_options", {})
    monkeypatch.setattr(EchoDeployment, "idle_cores", {})
    yield EchoDeployment
    assert EchoDeployment.open_now == []


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[StateHome]:
    """A state home of its own, in which no other test's run is at work."""
    with TemporaryDirectory(prefix="shopbench-test-", dir="/var/tmp") as root:
        Path(root).chmod(0o755)
        monkeypatch.setenv(HOME_VARIABLE, root)
        yield StateHome.from_environment()


@pytest.fixture
def options(tmp_path: Path, home: StateHome) -> RunOptions:
    return RunOptions(
        profile="tiny",
        results_root=tmp_path / "runs",
        deployments=("monolith", "modular"),
        quiet=True,
        command="shopbench run latency",
        shop_seed=SeedSpec(users=5, products=20, categories=2),
    )


@pytest.fixture
def calm_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are judged as on a quiet machine: what the gates see is tested elsewhere."""
    monkeypatch.setattr("bench.engine.trial.judge", lambda _: ())


@pytest.fixture
def broken_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, BaseException], None]:
    """Raise an exception in place of one open-loop trial, after so many."""

    def arrange(trials: int, exc: BaseException) -> None:
        _fail_once(monkeypatch, Bench, "run_open", trials, exc)

    return arrange


@pytest.fixture
def cut_off_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, BaseException], None]:
    """Raise an exception in place of one measured block of rounds, after so many."""

    def arrange(blocks: int, exc: BaseException) -> None:
        # the first orders and what sets the gap have no warm-up
        _fail_once(monkeypatch, LoadProcess, "run_rounds", blocks, exc, lambda r: r.warmup_s > 0)

    return arrange


def _fail_once(  # noqa: PLR0913, PLR0917 - what, where, when
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    method: str,
    after: int,
    exc: BaseException,
    counts: Callable[[Any], bool] = lambda _: True,
) -> None:
    """Replace a call of `method` after so many; `counts` says of its last argument which count."""
    original, calls = getattr(kind, method), []

    def call(self: Any, *arguments: Any) -> Any:
        calls.extend([1] * counts(arguments[-1]))
        if counts(arguments[-1]) and len(calls) == after + 1:
            raise exc
        return original(self, *arguments)

    monkeypatch.setattr(kind, method, call)
