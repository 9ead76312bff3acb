"""The worker processes behind a serving process, as something that can be hit alone."""

from __future__ import annotations

import signal

import psutil

from bench.deployments.local.managed import Managed
from bench.deployments.local.processes import ProcessId, stop_tree, wait_gone
from bench.errors import ShopbenchError

SUFFIX = ":worker"
_KILL_SECONDS = 5.0


class Workers:
    """`NAME:worker`: kills or pauses the oldest worker of a component, resumes all of them."""

    def __init__(self, managed: Managed) -> None:
        self._managed = managed

    def kill(self) -> None:
        worker = self._all()[0]
        worker.signal(signal.SIGKILL)
        wait_gone([worker], _KILL_SECONDS)

    def pause(self) -> None:
        if stop_tree(self._all()[0]):
            raise ShopbenchError(f"a worker of {self._managed.name} runs on after SIGSTOP")

    def resume(self) -> None:
        for worker in self._all():
            worker.signal(signal.SIGCONT)

    def _all(self) -> list[ProcessId]:
        """The workers, oldest first. Raises ShopbenchError if there are none."""
        root = self._managed.run.process
        found: list[ProcessId] = []
        if root is not None and root.alive():
            for child in psutil.Process(root.pid).children():
                try:
                    found.append(ProcessId.of(child.pid))
                except ProcessLookupError:  # it has ended since
                    continue
        found = sorted((w for w in found if w.alive()), key=lambda w: (w.started, w.pid))
        if not found:
            raise ShopbenchError(f"{self._managed.name} has no worker processes")
        return found
