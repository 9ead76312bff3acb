"""A fixed piece of CPU work on the deployment's core, again and again while trials run.

It takes longer when the core is slower: its clock, its other hardware thread, its hypervisor. The
CPU time of the work is taken, so waiting for the deployment does not count. It tells of the trial
because it runs in it: on a noisy two-core guest it correlated by 0.95 with the median of 1.3 s
trials of fixed work, the same work done before and after the trial by 0.11.
"""

from __future__ import annotations

import os
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO

from bench.experiments.meters import process_cpu
from bench.experiments.served import die_with_parent

_RECORD = struct.Struct("dq")  # monotonic seconds, CPU nanoseconds of the work
_MIN_SAMPLES = 10
# 0.15 ms of work every 6 ms: 3 % of the core, 200 samples in a short trial, and the error of
# their mean is 1 %; SIGUSR1 switches to half as much work again, and back
_PROGRAM = """
import os, random, signal, struct, sys, time
fd, cpu, parent = map(int, sys.argv[1:])
if cpu >= 0:
    os.sched_setaffinity(0, {cpu})
if hasattr(os, "nice"):
    os.nice(10)
size = 3000
def switch(number, frame):
    global size
    size = 4500 if size == 3000 else 3000
if hasattr(signal, "SIGUSR1"):
    signal.signal(signal.SIGUSR1, switch)
def work(size):
    total = 0
    for number in range(size):
        total += number
while os.getppid() == parent:
    time.sleep(0.006 * random.uniform(0.5, 1.5))
    work(500)  # what others left in the caches is not the core's speed
    start = time.thread_time_ns()
    work(size)
    took = time.thread_time_ns() - start
    os.write(fd, struct.pack("dq", time.monotonic(), took))
"""


@dataclass(frozen=True)
class Work:
    """Pieces of work: when each was done (monotonic clock) and the CPU time it took, in seconds."""

    at_s: tuple[float, ...]
    took_s: tuple[float, ...]

    @property
    def mean_s(self) -> float | None:
        """Mean without the slowest tenth, which an interrupt met. None: fewer than ten."""
        took = sorted(self.took_s)
        if len(took) < _MIN_SAMPLES:
            return None
        return statistics.fmean(took[: len(took) - len(took) // 10])


NO_WORK = Work((), ())


@dataclass
class Canary:
    """The process that does the work. A context manager; it dies with us."""

    cpu: int | None
    history_s: list[float] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _samples: IO[bytes] | None = None
    _read: int = 0

    def __enter__(self) -> Canary:
        self._samples = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        fd = self._samples.fileno()
        pin = self.cpu if self.cpu is not None and hasattr(os, "sched_setaffinity") else -1
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(fd), str(pin), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=(fd,),
            start_new_session=True,  # Ctrl-C is for us to hear
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._process is not None and self._samples is not None:
            self._process.kill()
            self._process.wait()
            self._samples.close()

    def cpu_seconds(self) -> float:
        """What the process used so far: no foreign CPU."""
        return (process_cpu(self._process.pid) or 0.0) if self._process is not None else 0.0

    def between(self, start: float, end: float) -> Work:
        """The work done between two moments of the monotonic clock."""
        if self._samples is None:
            return NO_WORK
        fd = self._samples.fileno()
        held = os.pread(fd, os.fstat(fd).st_size - self._read, self._read)
        whole = len(held) - len(held) % _RECORD.size
        self._read += whole  # trials follow each other: nobody asks for what came before
        records = _RECORD.iter_unpack(held[:whole])
        held_s = [(at, ns / 1e9) for at, ns in records if start <= at <= end]
        return Work(tuple(at for at, _ in held_s), tuple(took for _, took in held_s))

    def off_run(self, took_s: float | None) -> float | None:
        """Relative distance of a trial's time from the median of those before it, now kept too.

        None: there is nothing to compare.
        """
        if took_s is None:
            return None
        before = statistics.median(self.history_s) if self.history_s else None
        self.history_s.append(took_s)
        return None if before is None else abs(took_s - before) / before

    @contextmanager
    def slower(self) -> Iterator[None]:
        """Half as much work again until the end of the block, as on a slower core."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGUSR1)
