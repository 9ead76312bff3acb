"""One component that runs: a serving process or a database server, with its log and its group.

From `keep` on it is started again whenever it ends by itself (`restarts`): not after a drain, not
while somebody holds that back, and not when it dies too often.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from bench.deployments.base import ComponentInfo, Condition, Kind, Usage
from bench.deployments.local.cgroups import ComponentGroup, pss_bytes
from bench.deployments.local.processes import ProcessId, signal_tree, stop_tree, tree
from bench.deployments.local.restarts import Deaths, watch_for_end
from bench.errors import ShopbenchError

_ASKED = "asked"  # the reason of a hold that a driver was asked for


class Runnable(Protocol):
    """What the two kinds differ in."""

    @property
    def process(self) -> ProcessId | None:
        """The root of the component's processes."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def spawn(self) -> None:
        """Start it without waiting."""

    def wait_ready(self) -> None:
        """Return when it serves. Raises ShopbenchError."""

    def wait_ended(self) -> None:
        """Return when the process that runs now has ended."""

    def drain(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """SIGKILL it with all it started, and reap it."""


class Managed:
    """A component under supervision; one operation on it at a time."""

    def __init__(self, name: str, kind: Kind, run: Runnable, log: Path, group: ComponentGroup):
        self.name = name
        self.kind = kind
        self.run = run
        self.log = log
        self._group = group
        self._paused = False
        self._started_at = self._ready_at = 0.0
        self._lock = threading.RLock()
        self._kept = False
        self._failed = False
        self._holds: set[str] = set()
        self._deaths = Deaths()

    def keep(self) -> None:
        """From now on it is started again whenever it ends by itself."""
        with self._lock:
            self._kept = True
            self._watch()

    def hold(self, why: str = _ASKED) -> None:
        """Leave it ended when it ends, until `release` for the same reason."""
        with self._lock:
            self._holds.add(why)

    def release(self, why: str = _ASKED) -> None:
        """End a hold; what has ended meanwhile is started, and ready. Raises ShopbenchError."""
        with self._lock:
            self._holds.discard(why)
            self._deaths.forget()
            if not self._kept or self._holds or self.condition() == "paused":
                return
            if self.condition() == "running":
                self.wait_ready()
            else:
                self.restart()

    def start(self) -> None:
        """Start it without waiting for readiness."""
        with self._lock:
            self._group.release()
            self.run.spawn()
            self._started_at, self._ready_at = time.time(), 0.0
            self._paused = self._failed = False
            if self.run.process is not None:
                self._group.add(self.run.process)
            self._watch()

    def wait_ready(self) -> None:
        """Return when it serves, held to its quota from then on. Raises ShopbenchError."""
        self.run.wait_ready()
        self._ready_at = time.time()
        self._group.hold()

    def limit(self, cores: float | None) -> None:
        """Change its quota, or lift it; what never had one (an edge) has none."""
        if self._group.cores is None:
            return
        if cores is None:
            self._group.release()
        else:
            self._group.cores = cores
            self._group.hold()

    def kill(self) -> None:
        with self._lock:
            self.run.kill()

    def drain(self) -> None:
        """End it in order, at full speed: nobody measures an end."""
        with self._lock:
            self._kept = False
            self._group.release()
            self.run.drain()

    def pause(self) -> None:
        with self._lock:
            process = self._running()
            self._paused = True
            if stop_tree(process):
                raise ShopbenchError(f"{self.name} runs on after SIGSTOP")

    def resume(self) -> None:
        with self._lock:
            signal_tree(self._running(), signal.SIGCONT)
            self._paused = False

    def restart(self) -> None:
        with self._lock:
            self._kept = True
            self._deaths.forget()
            self.kill()
            self.start()
            self.wait_ready()

    def redeploy(self, release: Runnable | None = None) -> None:
        """Drain, then start: no other process can take over the port, so there is a gap."""
        with self._lock:
            if self._paused:
                self.resume()
            self.drain()
            self.run = release or self.run
            self._kept = True
            self.start()
            self.wait_ready()

    def take_over(self, run: Runnable) -> None:
        """Serve from a second process, which is ready already; drain the first."""
        with self._lock:
            first, self.run = self.run, run
            self._started_at = self._ready_at = time.time()
            self._paused = self._failed = False
            self.keep()
            first.drain()

    def replace_run(self, run: Runnable) -> None:
        """Serve from a second process: started and ready before the first is drained."""
        with self._lock:
            self._group.release()
            run.spawn()
            self.account_for(run)
            try:
                run.wait_ready()
            except ShopbenchError:
                run.drain()
                raise
            self.take_over(run)
            self._group.hold()

    def confine(self, cpus: tuple[int, ...]) -> None:
        """Hold it to some CPUs by affinity, from now on; () changes nothing."""
        with self._lock:
            self._group.confine(cpus, self.run.process)

    def account_for(self, run: Runnable) -> None:
        """Count a process beside the component's own within its group."""
        if run.process is not None:
            self._group.add(run.process)

    def condition(self) -> Condition:
        process = self.run.process
        if process is None or not process.alive():
            return "failed" if self._failed else "exited"
        return "paused" if self._paused else "running"

    def info(self) -> ComponentInfo:
        pid = self.run.process.pid if self.run.process is not None else 0
        return ComponentInfo(
            self.name,
            self.kind,
            self.condition(),
            pid,
            self._started_at,
            self.run.port,
            self.log,
            self._deaths.restarts,
            self._ready_at,
        )

    def pids(self) -> list[int]:
        """Every process of it, as the kernel knows them."""
        process = self.run.process
        found = self._group.pids()
        return found or ([each.pid for each in tree(process)] if process is not None else [])

    def usage(self) -> Usage:
        throttling = self._group.throttling()
        return Usage(
            self._group.cpu_seconds(self.run.process),
            pss_bytes(self.pids()),
            quota_cores=self._group.cores if self._group.quota is not None else None,
            periods=throttling.periods,
            periods_held_back=throttling.held_back,
        )

    def _watch(self) -> None:
        """Have a thread wait for the end of the process that runs now."""
        if self._kept:
            run, process = self.run, self.run.process
            watch_for_end(self.name, run.wait_ended, lambda: self._ended(run, process))

    def _ended(self, run: Runnable, process: ProcessId | None) -> None:
        """Start it again, unless somebody wanted that end or has done so already."""
        with self._lock:
            meant = not self._kept or self.run is not run or run.process != process
            if meant or self._holds:
                return
            if not self._deaths.one_more(time.monotonic()):
                self._failed = True
                self._say("it dies too often and is not started again")
                return
            self._deaths.restarts += 1
            self._say("it has ended by itself and is started again")
            run.kill()  # what it has left: workers hold its port
            self.start()
        with suppress(ShopbenchError):  # if it ends at its start, that is one more death
            self.wait_ready()

    def _say(self, what: str) -> None:
        print(f"{self.name}: {what}", file=sys.stderr, flush=True)

    def _running(self) -> ProcessId:
        process = self.run.process
        if process is None or not process.alive():
            raise ShopbenchError(f"{self.name} is not running")
        return process
