"""Start a janitor for a folder, and hold the pipe whose end tells it that we are gone."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from bench.child_python import absolute_python_path, child_python
from bench.deployments.local.janitor import DETACH
from bench.deployments.local.ledger import Ledger
from bench.deployments.local.processes import ProcessId

PROJECT_ROOT = Path(__file__).resolve().parents[3]


class Guard:
    """Our end of the lifeline. Closing it makes the janitor remove all the ledger names."""

    def __init__(self, folder: Path, log: Path, progress: int | None = None) -> None:
        Ledger(folder).holder(ProcessId.of(os.getpid()))
        reading, self._writing = os.pipe()
        passed = (reading,) if progress is None else (reading, progress)
        command = child_python("-m", "bench.deployments.local.janitor", str(folder))
        with log.open("ab") as stream:
            self.janitor = subprocess.Popen(
                [*command, *map(str, passed)],
                cwd=PROJECT_ROOT,
                env={**os.environ, **absolute_python_path()},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=passed,
                start_new_session=True,
            )
        os.close(reading)
        self._open = True
        self._closing = threading.Lock()

    def detach(self) -> None:
        """Let the deployment outlive us."""
        self._close(DETACH)

    def release(self, seconds: float = 15.0) -> bool:
        """Close the lifeline and wait for the janitor's end; False if it takes too long."""
        self._close()
        return self.wait_ended(seconds)

    def wait_ended(self, seconds: float = 15.0) -> bool:
        """Wait for the janitor's end, which follows the supervisor's; False if it does not come."""
        try:
            self.janitor.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _close(self, last: bytes = b"") -> None:
        with self._closing:
            if self._open:
                os.write(self._writing, last)
                os.close(self._writing)
            self._open = False
