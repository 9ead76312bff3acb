"""PostgreSQL data folders with schema and seed in them: made once, copied at every start.

A set holds one folder for each database server of a layout. What decides its content is in its
key; a set that is not found as it was left (somebody's clean-up of old files, a full disk) is made
again. Of each layout the last few sets used are kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from bench.deployments.local.binaries import PostgresInstall, copy_folder
from bench.deployments.local.home import StateHome, make_folder
from bench.deployments.local.sealed import is_whole, seal
from bench.deployments.local.together import together
from bench.errors import ShopbenchError

KEPT_SETS = 3  # of a layout; one takes 60 to 240 MB
_TRIES = 3

Build = Callable[[Path], None]


class ClusterSet:
    """The data folders of one layout and one content, below `clusters/` of the state home."""

    def __init__(self, home: StateHome, install: PostgresInstall, layout: str, key: str) -> None:
        self.folder = home.clusters / f"{layout}-{key[:16]}"
        self._home = home
        self._install = install
        self._layout = layout

    def copy_to(self, targets: Mapping[str, Path], build: Build, workspace: Path) -> None:
        """Copy each named data folder to its target.

        If there is no good set, `build` makes one below `workspace` first: all named folders, of
        servers that were shut down in order. Two starts at once build it once. Raises
        ShopbenchError.
        """
        for _ in range(_TRIES):
            if self._copied(targets):
                return
            with self._home.lock(self._lock):
                if not is_whole(self.folder):
                    self._make(build, workspace)
        raise ShopbenchError(f"{self.folder} changes while it is copied")

    def forget(self) -> None:
        """Remove the set: no server starts from it."""
        with self._home.lock(self._lock):
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _lock(self) -> str:
        return f"clusters-{self._layout}"

    def _copied(self, targets: Mapping[str, Path]) -> bool:
        with self._home.lock(self._lock, shared=True):
            if not is_whole(self.folder):
                return False
            os.utime(self.folder)  # the oldest goes first
            together(
                partial(copy_folder, self._install, self.folder / name, target)
                for name, target in targets.items()
            )
        return True

    def _make(self, build: Build, workspace: Path) -> None:
        new = workspace / "clusters"
        make_folder(new)
        build(new)
        seal(new)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._remove_oldest(KEPT_SETS - 1)
        new.rename(self.folder)

    def _remove_oldest(self, kept: int) -> None:
        sets = self.folder.parent.glob(f"{self._layout}-{'?' * 16}")
        for folder in sorted(sets, key=lambda each: each.stat().st_mtime)[:-kept]:
            shutil.rmtree(folder, ignore_errors=True)


def content_key(sources: Iterable[Path], facts: Iterable[str]) -> str:
    """SHA-256 of source files (Python and SQL below each folder, by name) and of other facts."""
    digest = hashlib.sha256()
    for source in sources:
        files = [source] if source.is_file() else sorted(source.rglob("*.*"))
        for file in files:
            if file.suffix in {".py", ".sql"}:
                digest.update(f"{file.relative_to(source.parent)}\n".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    for fact in facts:
        digest.update(f"{fact}\n".encode())
    return digest.hexdigest()
