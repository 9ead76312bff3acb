"""A fixed piece of CPU work on the deployment's core, again and again while trials run.

It takes longer when the core is slower: its clock, its caches and memory, its other hardware
thread, its hypervisor. The CPU time of the work is taken, so waiting for the deployment does not
count. It tells of the trial because it runs in it: on a noisy two-core guest it correlated by 0.95
with the median of 1.3 s trials of fixed work, the same work done before and after by 0.11.
The work is a small shop's: JSON, a pattern, dictionaries, memory that is in no cache, met cold as
a request meets its own. A tight loop sees only half of what neighbours do: within the same seconds
(57 of them) the monolith's own time for a product correlated by 0.43 with a loop's and by 0.80
with such work's, at a slope of 1.1.
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
# 0.2 ms of work every 6 ms: 3 % of the core, 150 samples a second. SIGUSR1 switches to twice the
# work, and back. The chain's 16 MB are more than a core's own caches hold.
_PROGRAM = """
import json, os, random, re, signal, struct, sys, time
fd, cpu, parent = map(int, sys.argv[1:])
if cpu >= 0:
    os.sched_setaffinity(0, {cpu})
if hasattr(os, "nice"):
    os.nice(10)
rounds = 2
def switch(number, frame):
    global rounds
    rounds = 4 if rounds == 2 else 2
if hasattr(signal, "SIGUSR1"):
    signal.signal(signal.SIGUSR1, switch)
order = list(range(400_000))
random.Random(1).shuffle(order)
chain = [0] * len(order)
for here, there in zip(order, order[1:] + order[:1]):
    chain[here] = int(str(there))
del order
place = 0
document = {
    "id": "5b0e8a52-6c1d-5e0f-8f67-1c2d3e4f5a6b", "sku": "TEA-0001", "name": "Green tea",
    "lines": [{"price_cents": 450, "quantity": n} for n in range(6)], "version": 1,
}
ident = re.compile("[0-9a-f-]{36}")
def work(rounds):
    global place
    for _ in range(rounds):
        read = json.loads(json.dumps(document))
        ident.fullmatch(read["id"])
        {name: str(value) for name, value in read.items()}
        sum(line["price_cents"] * line["quantity"] for line in read["lines"])
        for _ in range(100):
            place = chain[place]
while os.getppid() == parent:
    time.sleep(0.006 * random.uniform(0.5, 1.5))
    start = time.thread_time_ns()
    work(rounds)
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
        """Twice the work until the end of the block, as on a slower core."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGUSR1)
