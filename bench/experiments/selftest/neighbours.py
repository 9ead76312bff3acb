"""A busy machine on purpose: a neighbour on each core that uses half of it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from bench.child_python import child_python

# 10 ms of work, 10 ms of rest. It ends when its standard input does, that is with the bench.
_HALF = """import os, sys, threading, time
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    end = time.monotonic() + 0.01
    while time.monotonic() < end: pass
    time.sleep(0.01)
"""
_BEGINS_S = 0.3  # the interpreter has started


@contextmanager
def half_busy(cpus: Iterable[int]) -> Iterator[None]:
    """Run the neighbours until the end of the block, each pinned to its core."""
    with ExitStack() as neighbours:
        for cpu in cpus:
            neighbours.enter_context(_neighbour(cpu))
        time.sleep(_BEGINS_S)
        yield


@contextmanager
def _neighbour(cpu: int) -> Iterator[None]:
    process = subprocess.Popen(child_python("-c", _HALF), stdin=subprocess.PIPE)
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, (cpu,))
        yield
    finally:
        process.kill()
        process.wait()
