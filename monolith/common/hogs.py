"""What a module does that takes more than its share: a thread that burns CPU, or one that leaks.

One of each for a file, in whichever worker came first; each ends, and gives back what it took, when
the file that armed it is gone. `microservices.chassis.hogs` is the same for the other arm.
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


def burn(path: Path, share: float) -> None:
    """Computes for `share` of the time, from now until `path` is gone.

    In this process, so that it holds the interpreter's lock as a hot loop of a module would.
    """
    _start_once(path, lambda: _burn(path, share))


def leak(path: Path, mib_per_s: float, cap_mib: float) -> None:
    """Takes memory, `mib_per_s` until `cap_mib` is reached, and holds it until `path` is gone."""
    _start_once(path, lambda: _leak(path, mib_per_s, cap_mib))


def _start_once(path: Path, work: Callable[[], None]) -> None:
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
            work()

    threading.Thread(target=run, name=f"hog-{path.stem}", daemon=True).start()


def _burn(path: Path, share: float) -> None:
    while path.exists():
        # Its own CPU time: what it waits for the interpreter's lock is not burnt.
        end = time.thread_time() + share * SLICE_SECONDS
        begun = time.monotonic()
        while time.thread_time() < end:
            sum(range(200))
        took = time.monotonic() - begun
        time.sleep(max(0.0, took / share - took))


def _leak(path: Path, mib_per_s: float, cap_mib: float) -> None:
    held: list[mmap.mmap] = []  # not of the heap, which might keep what is given back
    pages = max(1, round(mib_per_s * LEAK_PERIOD_SECONDS * _MIB / mmap.PAGESIZE))
    while path.exists():
        if (len(held) + 1) * pages * mmap.PAGESIZE <= cap_mib * _MIB:
            held.append(mmap.mmap(-1, pages * mmap.PAGESIZE))
            held[-1][:: mmap.PAGESIZE] = b"\x01" * pages  # touched, so that it is resident
        time.sleep(LEAK_PERIOD_SECONDS)
    for memory in held:
        memory.close()
