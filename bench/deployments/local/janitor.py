"""The process that outlives the supervisor by a moment and removes all that it owned.

`python -m bench.deployments.local.janitor FOLDER LIFELINE [PROGRESS]`: LIFELINE is the reading
end of a pipe held by whoever started the deployment. When it closes without a `D` (detach) before,
the holder is gone, by whatever signal, and everything goes. With PROGRESS (a pipe to report to)
the janitor starts the supervisor below itself; on Linux it is a sub-reaper, so that what the
supervisor started stays below the janitor when the supervisor dies. Without, it only guards.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from bench.child_python import child_python
from bench.deployments.local.ledger import Ledger, clean_up
from bench.deployments.local.processes import ProcessId

DETACH = b"D"
_PR_SET_CHILD_SUBREAPER = 36
_HOLDER_CHECK_SECONDS = 1.0


class Janitor:
    """Waits for the end of the supervisor, of its holder, or for SIGTERM; then cleans up."""

    def __init__(self, folder: Path, lifeline: int) -> None:
        self.folder = folder
        self.lifeline: int | None = lifeline
        self.supervisor: int | None = None
        self.code = 0
        holders = Ledger(folder).processes("holder")
        self.holder = holders[0] if holders else None
        self.wakeup, writer = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        self.asked_to_end = False
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        become_subreaper()
        Ledger(folder).holder(ProcessId.of(os.getpid()))

    def start_supervisor(self, progress: int) -> None:
        """Start it with a pipe that tells it of our own end."""
        alive, self._alive = os.pipe()
        child = subprocess.Popen(
            [
                *child_python("-m", "bench.deployments.local.supervisor"),
                *(str(self.folder), str(progress), str(alive)),
            ],
            pass_fds=(progress, alive),
            start_new_session=True,
        )
        os.close(progress)
        os.close(alive)
        self.supervisor = child.pid
        child.returncode = 0  # waited for below, not by subprocess

    def wait(self) -> None:
        """Return when there is nothing left to look after."""
        while not self.asked_to_end:
            watched = [self.wakeup] + ([self.lifeline] if self.lifeline is not None else [])
            ready, _, _ = select.select(watched, [], [], _HOLDER_CHECK_SECONDS)
            if self.wakeup in ready:
                os.read(self.wakeup, 4096)
            if self._supervisor_ended() or self._holder_gone(ready):
                return

    def _supervisor_ended(self) -> bool:
        ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid == self.supervisor:
                self.code = os.waitstatus_to_exitcode(status)
                ended = True

    def _holder_gone(self, ready: list[int]) -> bool:
        if self.lifeline is None:
            return False
        if self.lifeline in ready:
            if os.read(self.lifeline, 1) != DETACH:
                return True
            os.close(self.lifeline)
            self.lifeline = None
            return False
        # A forked child of the holder may keep the pipe open after the holder's own end.
        return self.holder is not None and not self.holder.alive()

    def _end(self, *_: object) -> None:
        self.asked_to_end = True


def become_subreaper() -> None:
    """Inherit orphaned descendants (Linux); elsewhere the ledger alone names them."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> int:
    folder, lifeline = Path(sys.argv[1]), int(sys.argv[2])
    janitor = Janitor(folder, lifeline)
    if len(sys.argv) > 3:
        janitor.start_supervisor(int(sys.argv[3]))
    janitor.wait()
    if janitor.code < 0:
        text = f"janitor: the supervisor was ended by {signal.Signals(-janitor.code).name}"
        print(text, file=sys.stderr, flush=True)
    for problem in clean_up(folder, below=True):
        print(f"janitor: {problem}", file=sys.stderr, flush=True)
    return janitor.code if janitor.code >= 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
