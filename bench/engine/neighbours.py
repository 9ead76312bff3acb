"""What else of this state home shares the machine with a run: other runs, and what `up` started.

Everything is measured all the same; whoever reads the result has to know. Each run at work has a
file in the state home, locked by its process; whoever comes later writes its own name into it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.deployments.local.home import StateHome
from bench.deployments.places import up_now
from bench.errors import ShopbenchError
from bench.results.journal import RunWriter

_FOLDER, _LOCK = "runs", "runs"
_OF_RUNS = "both use the same CPUs, so times and throughput of both are off"
_OF_UP = "what it does meanwhile takes CPU from the run; `shopbench down` stops it"


@contextmanager
def at_work(writer: RunWriter) -> Iterator[list[str]]:
    """Be known as a run while it lasts. Yields a line for each neighbour, also in the journal.

    Runs that begin meanwhile are noted at the end.
    """
    home = StateHome.from_environment()
    (home.root / _FOLDER).mkdir(exist_ok=True)
    lines = [
        f"{name}, which `shopbench up` started, is up at {url}; {_OF_UP}"
        for name, url in up_now(home)
    ]
    own = home.root / _FOLDER / writer.journal.run_id
    with home.lock(_LOCK):
        lines += [f"another run is at work: {_name(each)}; {_OF_RUNS}" for each in _runs(home)]
        for run in _runs(home):
            with run.open("a", encoding="utf-8") as stream:
                stream.write(f"{writer.path.absolute()}\n")
        handle = os.open(own, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        own.write_text(f"{writer.path.absolute()}\n", encoding="utf-8")
    try:
        for line in lines:
            writer.note(line)
        yield lines
    finally:
        with home.lock(_LOCK):
            later = own.read_text(encoding="utf-8").splitlines()[1:]
            own.unlink()
        os.close(handle)
        with suppress(ShopbenchError):  # what ended the run is the news
            for each in later:
                writer.note(f"another run began meanwhile: {each}; {_OF_RUNS}")


def _runs(home: StateHome) -> list[Path]:
    """The files of runs whose processes are alive; those of others are removed."""
    found = []
    for path in sorted((home.root / _FOLDER).iterdir()):
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        except BlockingIOError:
            found.append(path)
        finally:
            os.close(handle)
    return found


def _name(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0]
