"""Runs against echo servers that play deployments, with profiles of a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from bench.contract.seed import SeedSpec
from bench.deployments.base import Usage
from bench.deployments.local.topology import parse_topology
from bench.errors import ShopbenchError
from bench.experiments import runner
from bench.experiments.options import PROFILES, RunOptions

SERVER = Path(__file__).parents[1] / "load" / "echo_server.py"


class EchoDeployment:
    """Satisfies the driver's protocol as far as experiments use it. `open_now`: those up."""

    open_now: set[str] = set()
    server_options: dict[str, tuple[str, ...]] = {}
    cpu_control = "affinity"

    def __init__(self, name: str) -> None:
        self.name = parse_topology(name).name
        self.resets = 0

    def __enter__(self) -> EchoDeployment:
        command = [sys.executable, str(SERVER), *self.server_options.get(self.name, ())]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        self.open_now.add(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.open_now.discard(self.name)

    def usage(self) -> dict[str, Usage]:
        times = psutil.Process(self._process.pid).cpu_times()
        return {"echo": Usage(times.user + times.system, 1 << 20)}

    def reset(self, seed: SeedSpec) -> None:
        self.resets += 1

    def components(self) -> tuple[object, ...]:
        return ()

    def database_dsn(self, component: str) -> str:
        return "postgresql://nobody@127.0.0.1:7699/nothing?connect_timeout=1"


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[EchoDeployment]]:
    """Deployments are echo servers; there is no signing key, so people log in."""

    def open_echo(place: str, name: str, **_: object) -> EchoDeployment:
        return EchoDeployment(name)

    home = SimpleNamespace(from_environment=lambda: SimpleNamespace(keys=tmp_path))
    monkeypatch.setattr(runner, "open_at", open_echo)
    monkeypatch.setattr(runner, "StateHome", home)
    tiny = replace(
        PROFILES["smoke"],
        name="tiny",
        measured_s=0.3,
        mixed_measured_s=0.3,
        probe_s=0.2,
        primed_orders=1,
        mixes=("product_read", "mixed"),
    )
    monkeypatch.setitem(PROFILES, "tiny", tiny)
    EchoDeployment.open_now, EchoDeployment.server_options = set(), {}
    yield EchoDeployment
    assert EchoDeployment.open_now == set()


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
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
    monkeypatch.setattr("bench.experiments.trial.judge", lambda _: ())


@pytest.fixture
def broken_after(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Raise an exception after so many open-loop trials."""

    def arrange(trials: int, exc: BaseException) -> None:
        from bench.experiments.trial import Bench

        original, done = Bench.run_open, []

        def run_open(self, *arguments):  # type: ignore[no-untyped-def]
            if len(done) == trials:
                done.append(1)
                raise exc
            done.append(1)
            return original(self, *arguments)

        monkeypatch.setattr(Bench, "run_open", run_open)

    assert issubclass(ShopbenchError, Exception)
    return arrange
