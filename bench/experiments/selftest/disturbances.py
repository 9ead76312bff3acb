"""What disturbs a trial on purpose: neighbours that burn CPU, a load process that is held up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_STEADY = "while True: pass"
HAND_OVER_S = 0.1  # from the plan's hand-over to the first arrival


@contextmanager
def burner(cpus: tuple[int, ...]) -> Iterator[None]:
    """A process that burns CPU on these cores until the end of the block."""
    guard = "import threading, sys, os\n"
    guard += "threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()\n"
    process = subprocess.Popen([sys.executable, "-c", guard + _STEADY], stdin=subprocess.PIPE)
    try:
        if cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, cpus)
        time.sleep(0.3)  # the interpreter has started
        yield
    finally:
        process.kill()
        process.wait()


class Holding:
    """Stops (SIGSTOP) processes at set times after `begin`, each time for a while."""

    def __init__(
        self, pids: Callable[[], tuple[int, ...]], stops: list[tuple[float, float]]
    ) -> None:
        self._pids = pids
        self._stops = stops
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Count from now."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the process goes on for good."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        start = time.monotonic()
        for at, length in self._stops:
            time.sleep(max(0.0, start + at - time.monotonic()))
            pids = self._pids()
            _send(pids, signal.SIGSTOP)
            try:
                time.sleep(length)
            finally:
                _send(pids, signal.SIGCONT)


def _send(pids: tuple[int, ...], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
