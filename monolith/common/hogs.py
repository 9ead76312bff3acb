"""A module that takes more than its share: a thread that burns CPU, or leaks, while a file exists.

`microservices.chassis.hogs` is the same for the other arm.
"""

import fcntl
import mmap
import threading
import time
from collections.abc import Callable
from pathlib import Path

SLICE_SECONDS = 0.01
LEAK_PERIOD_SECONDS = 0.1
_MIB = 1 << 20


def start_once(path: Path, work: Callable[..., None], *how: float) -> None:
    """Unless a thread of this or of another worker process has the armed file locked."""
    try:
        claim = path.open("rb")
    except FileNotFoundError:
        return
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a process that dies gives it up
    except OSError:
        claim.close()
        return

    def run() -> None:
        with claim:
            work(path, *how)

    threading.Thread(target=run, name=f"hog-{path.stem}", daemon=True).start()


def burn(path: Path, share: float) -> None:
    """Computes for `share` of the time, and holds the interpreter's lock as a hot loop would."""
    while path.exists():
        # Its own CPU time: what it waits for the interpreter's lock is not burnt.
        end = time.thread_time() + share * SLICE_SECONDS
        begun = time.monotonic()
        while time.thread_time() < end:
            sum(range(200))
        took = time.monotonic() - begun
        time.sleep(max(0.0, took / share - took))


def leak(path: Path, mib_per_s: float, cap_mib: float) -> None:
    """Takes memory, `mib_per_s` until `cap_mib` is reached, and gives it back at the end."""
    held: list[mmap.mmap] = []  # not of the heap, which might keep what is given back
    pages = max(1, round(mib_per_s * LEAK_PERIOD_SECONDS * _MIB / mmap.PAGESIZE))
    while path.exists():
        if (len(held) + 1) * pages * mmap.PAGESIZE <= cap_mib * _MIB:
            held.append(mmap.mmap(-1, pages * mmap.PAGESIZE))
            held[-1][:: mmap.PAGESIZE] = b"\x01" * pages  # touched, so that it is resident
        time.sleep(LEAK_PERIOD_SECONDS)
    for memory in held:
        memory.close()
