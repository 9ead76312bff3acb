"""What has been injected and not yet undone, on disk before it is done: one file an entry.

An entry is there, whole and synced, before the first step of its injection, and goes when the last
undo has succeeded. What a killed bench left is undone by the next command (`undo_left_over`).
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.deployments.base import Deployment
from bench.deployments.local.home import StateHome
from bench.deployments.local.processes import ProcessId
from bench.errors import ShopbenchError
from bench.faults.undo import Undo, perform
from bench.files import replace_file

SCHEMA_VERSION = 1
_GOING_SECONDS = 10.0  # how long what a killed holder owned may take to go


@dataclass(frozen=True)
class Entry:
    """One injection. `deployment`: its ident; `does`: in words; `writer`: who is to undo it."""

    ident: str
    deployment: str
    name: str
    does: str
    undos: tuple[Undo, ...]
    writer: ProcessId
    injected_at: float


class FaultLedger:
    """The entries of a state home."""

    def __init__(self, home: StateHome) -> None:
        self.home = home
        self.folder = home.faults
        self._self = ProcessId.of(os.getpid())

    def open(self, deployment: str, name: str, does: str, undos: Sequence[Undo]) -> Entry:
        """Write an entry; on return it survives a power cut. Raises ShopbenchError."""
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as exc:
            raise ShopbenchError(f"cannot make {self.folder}: {exc.strerror}") from exc
        ident = f"{time.time_ns()}-{secrets.token_hex(3)}"
        entry = Entry(ident, deployment, name, does, tuple(undos), self._self, time.time())
        document = {"schema_version": SCHEMA_VERSION, **asdict(entry)}
        replace_file(self._path(entry), json.dumps(document, indent=1).encode())
        self._sync()
        return entry

    def close(self, entry: Entry) -> None:
        """Remove an entry: all of it has been undone."""
        self._path(entry).unlink(missing_ok=True)
        self._sync()

    def entries(self) -> list[Entry]:
        """The entries, newest first.

        Raises:
            ShopbenchError: one cannot be read; it names the file.
        """
        return [_read(path) for path in self.paths()]

    def paths(self) -> list[Path]:
        """The entries' files, newest first; [] if nothing was ever injected."""
        return sorted(self.folder.glob("[!.]*.json"), reverse=True)

    def own(self, deployment: str) -> list[Entry]:
        """The entries of this process for a deployment, in the order in which to undo them."""
        entries = [e for e in self.entries() if e.deployment == deployment]
        return in_undo_order(e for e in entries if e.writer == self._self)

    def _path(self, entry: Entry) -> Path:
        return self.folder / f"{entry.ident}.json"

    def _sync(self) -> None:
        """The folder's own entry for a file is not durable before the folder is synced."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def in_undo_order(entries: Iterable[Entry]) -> list[Entry]:
    """Newest first, but starts last: a process is not ready before its database and the way there.

    Takes entries newest first.
    """

    def rank(entry: Entry) -> int:
        starts = [undo.target for undo in entry.undos if undo.do == "start"]
        return 0 if not starts else 1 if starts[0].startswith("db:") else 2

    return sorted(entries, key=rank)


def undo_entry(entry: Entry, deployment: Deployment) -> list[str]:
    """Undo all of an entry, as far as it goes; say what was done.

    Raises:
        ShopbenchError: something could not be undone; the rest was.
    """
    done, failed = [], []
    for undo in entry.undos:
        try:
            said = perform(undo, deployment)
        except ShopbenchError as error:
            failed.append(error.message)
        else:
            done += [said] if said else []
    if failed:
        raise ShopbenchError(f"{entry.name} is not undone: {'; '.join(failed)}")
    return done


def undo_left_over(home: StateHome) -> list[str]:
    """Undo what benches that were killed have left; one line for each entry.

    An entry that cannot be undone stays, and its line says why.
    """
    ledger = FaultLedger(home)
    if not ledger.paths():
        return []
    said: list[str] = []
    found: list[Entry] = []
    with home.lock("faults"):
        for path in ledger.paths():
            try:
                found.append(_read(path))
            except ShopbenchError as error:
                said.append(error.message)
        left = [entry for entry in found if not entry.writer.alive()]
        return said + [_undo_one(ledger, entry) for entry in in_undo_order(left)]


def _undo_one(ledger: FaultLedger, entry: Entry) -> str:
    what = f"left by a bench that was killed: {entry.name} in {entry.deployment}"
    folder = ledger.home.deployments / entry.deployment
    stood = folder.exists()
    try:
        deployment = _find(ledger.home, entry.deployment)
        done = None if deployment is None else undo_entry(entry, deployment)
    except ShopbenchError as error:
        if not (stood and _goes(folder)):
            return f"{what}: {error.message}"
        done = None
    ledger.close(entry)
    if done is None:
        return f"{what}: gone with its deployment"
    return f"{what}: undone ({', '.join(done) or 'it had not been done yet'})"


def _find(home: StateHome, ident: str) -> Deployment | None:
    """The deployment if it is up. One whose holder was killed goes by itself: wait for that."""
    from bench.deployments.local.driver import attach
    from bench.deployments.local.state import read_state

    folder = home.deployments / ident
    state = read_state(folder)
    if state is not None and not state.current and _goes(folder):
        return None
    state = read_state(folder)
    return _find_in_containers(home, ident) if state is None else attach(home, folder, state)


def _find_in_containers(home: StateHome, ident: str) -> Deployment | None:
    """The one that `up --on compose` started; others go with their bench."""
    from bench.deployments.compose.opening import attach_compose
    from bench.deployments.compose.state import find_current

    found = find_current(home)
    return None if found is None or found[1].ident != ident else attach_compose(home, *found)


def _goes(folder: Path) -> bool:
    deadline = time.monotonic() + _GOING_SECONDS
    while folder.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _read(path: Path) -> Entry:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError("another version of shopbench wrote it")
        values["undos"] = tuple(Undo(**undo) for undo in values["undos"])
        values["writer"] = ProcessId(**values["writer"])
        return Entry(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ShopbenchError(f"cannot read the fault ledger's {path}: {error}") from error
