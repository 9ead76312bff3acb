"""Folders that are made once and used for months: found as they were left, or made again.

A seal names what lay below the folder when it was made. Whatever has gone or changed since, be it
by a clean-up of old files or a full disk, breaks it. Used by `binaries` and `clusters`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_SEAL = "listing.sha256"


def seal(folder: Path, *facts: str) -> None:
    """Write down what the folder holds. `facts`: what else must be as it is now."""
    (folder / _SEAL).write_text(_digest(folder, facts), encoding="ascii")


def is_whole(folder: Path, *facts: str) -> bool:
    """Tell whether the folder is there, as it was when it was sealed with these facts."""
    try:
        return (folder / _SEAL).read_text(encoding="ascii") == _digest(folder, facts)
    except OSError:
        return False


def put_in_place(new: Path, folder: Path) -> None:
    """Replace `folder`, if there is one, by a sealed `new` on the same file system."""
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _digest(folder: Path, facts: tuple[str, ...]) -> str:
    """SHA-256 of facts, and of names, sizes and times of all files below the folder's folders.

    Not of their bytes: PostgreSQL has a checksum on each page and verifies it on reading.
    """
    digest = hashlib.sha256()
    for line in sorted((*facts, *_listed(folder))):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _listed(folder: Path) -> Iterator[str]:
    for inner in (entry.path for entry in os.scandir(folder) if entry.is_dir()):
        for path, _, names, handle in os.fwalk(inner):
            inside = os.path.relpath(path, folder)
            yield f"{inside}\n"
            for name in names:
                found = os.stat(name, dir_fd=handle)
                yield f"{inside}/{name} {found.st_size} {found.st_mtime_ns}\n"
