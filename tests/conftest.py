"""What every test shares: a test marked `alone` has the machine to itself.

pytest-xdist runs two tests at a time; one that measures time may not run beside another. A file's
tests run in one worker, and so do those of a folder that shares what is expensive to set up.
These folders begin, or one of them would be what the other worker waits for at the end.
"""

from __future__ import annotations

import fcntl
import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TOGETHER = (
    "tests/system_compose/",  # the second file's images are built from the first one's
    "tests/contract/",
    "tests/system/both_arms/",
    "tests/integration/services/",
    "tests/integration/services_chassis/",
    "tests/unit/report/",
)
HELD = pytest.StashKey[IO[str] | None]()


class LoadFolderScheduling(LoadFileScheduling):
    """`--dist loadfile`, with the folders of `TOGETHER` as one file each."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared_folder(nodeid) or super()._split_scope(nodeid)


def _shared_folder(nodeid: str) -> str | None:
    return next((name for name in TOGETHER if nodeid.startswith(name)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders of `TOGETHER`; `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: _shared_folder(item.nodeid) is None)


def pytest_collection_finish() -> None:
    """What collecting made stays until the end: no garbage collection has to look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Take ours where `--dist loadfile` is asked for."""
    return LoadFolderScheduling(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Hold the lock, fixtures included: shared by most tests, exclusive for an `alone` one.

    Tests that are alone one after the other keep it, or each would wait for another of the rest.
    """
    worker = getattr(item.config, "workerinput", None)
    if worker is None:  # one test at a time anyway
        return (yield)
    held = item.session.stash.get(HELD, None)
    if held is None:
        folder = Path(tempfile.gettempdir()) / f"shopbench-tests-{worker['testrunuid']}"
        folder.mkdir(exist_ok=True)
        held = _turn(folder, _is_alone(item))
    item.session.stash[HELD] = None
    try:
        return (yield)
    finally:
        if _is_alone(item) and nextitem is not None and _is_alone(nextitem):
            item.session.stash[HELD] = held
        else:
            held.close()  # closing the file gives the lock back


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


def _turn(folder: Path, alone: bool) -> IO[str]:
    """Readers and one writer; the door keeps new readers out while a writer waits."""
    with (folder / "door").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        room = (folder / "room").open("w")
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        return room
