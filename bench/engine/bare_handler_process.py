"""A server process of the bench's own (a bare handler), and single parts of a deployment."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import psutil

from bench.deployments.base import Usage
from bench.deployments.local.server_processes import inherited_settings
from bench.engine.meters import process_cpu
from bench.engine.target import DeploymentSubject
from bench.errors import ShopbenchError
from bench.load.generator import Target

READY_LIMIT_S = 20.0
BARE_PREFIX = "/floor"  # the bare handlers' paths, or they could be taken for the shop's
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class PartSubject:
    """One serving process of a deployment with its databases, called directly."""

    name: str
    base_url: str
    whole: DeploymentSubject
    components: tuple[str, ...]

    @property
    def target(self) -> Target:
        return Target(self.base_url, self.whole.target.tokens)

    def usage(self) -> Mapping[str, Usage]:
        """Of the named components only."""
        everything = self.whole.usage()
        return {name: everything[name] for name in self.components if name in everything}

    def settle(self) -> int | None:
        return self.whole.settle()


class ServedSubject:
    """A bare handler: our child on the deployment's CPUs, over a deployment's databases.

    A context manager. The child dies with us, however we end.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], cpus: Sequence[int]
    ) -> None:
        self.name = name
        self._port = free_port()
        self._command = list(command)
        self._environment = {**environment, "SHOP_BIND": f"127.0.0.1:{self._port}"}
        self._cpus = cpus
        self._folder = tempfile.TemporaryDirectory(prefix="shopbench-handler-")
        self._log = tempfile.TemporaryFile()
        self._process: subprocess.Popen[bytes] | None = None
        self._whole: DeploymentSubject | None = None
        self._databases: tuple[str, ...] = ()

    def over(self, whole: DeploymentSubject, databases: tuple[str, ...]) -> ServedSubject:
        """Say whose databases it works on: their use is counted with it."""
        self._whole, self._databases = whole, databases
        return self

    @property
    def target(self) -> Target:
        tokens = self._whole.target.tokens if self._whole else ()
        return Target(f"http://127.0.0.1:{self._port}", tokens, BARE_PREFIX)

    def __enter__(self) -> ServedSubject:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder.name,  # gunicorn imports from where it is started
            env={**inherited_settings(), **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        if self._cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, self._cpus)
        try:
            self._wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stop()

    def usage(self) -> Mapping[str, Usage]:
        found = {self.name: self._own_usage()}
        if self._whole is not None:
            everything = self._whole.usage()
            found |= {name: everything[name] for name in self._databases if name in everything}
        return found

    def settle(self) -> int | None:
        return self._whole.settle() if self._whole else 0

    def pause(self) -> None:
        """SIGSTOP the handler with every process it started."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT what `pause` stopped."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)  # it leads a session of its own

    def _own_usage(self) -> Usage:
        assert self._process is not None
        root = psutil.Process(self._process.pid)
        everyone = [root, *root.children(recursive=True)]
        cpu_s = sum(_cpu(process) for process in everyone)
        return Usage(cpu_s, sum(_pss(process) for process in everyone))

    def _wait_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise ShopbenchError(f"the bare handler {self.name} did not start: {self._last_words()}")

    def _stop(self) -> None:
        if self._process is not None:
            _end(self._process)
            self._process = None
        self._log.close()
        self._folder.cleanup()

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> None:
    """In a child, before its program: end it when the thread that started it ends (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole group: it holds nothing that would have to be put away."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _cpu(process: psutil.Process) -> float:
    exact = process_cpu(process.pid)
    if exact is not None:
        return exact
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _pss(process: psutil.Process) -> int:
    try:
        return int(getattr(process.memory_full_info(), "pss", 0))
    except psutil.Error:
        return 0
