"""What every test shares: a test marked `alone` has the machine to itself.

pytest-xdist runs two tests at a time; one that measures time may not run beside another.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Hold the lock, fixtures included: shared by most tests, exclusive for an `alone` one."""
    worker = getattr(item.config, "workerinput", None)
    if worker is None:  # one test at a time anyway
        return (yield)
    folder = Path(tempfile.gettempdir()) / f"shopbench-tests-{worker['testrunuid']}"
    folder.mkdir(exist_ok=True)
    alone = item.get_closest_marker("alone") is not None
    with _turn(folder, alone):
        return (yield)


@contextmanager
def _turn(folder: Path, alone: bool) -> Iterator[None]:
    """Readers and one writer; the door keeps new readers out while a writer waits."""
    with (folder / "door").open("w") as door, (folder / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield  # closing the files gives the locks back
