"""Files that are whole or not there, folders with one writer, and files of unknown origin.

A run folder may come from somebody else: nothing in it is followed to another place, and nothing in
it can make us wait or fill the memory.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, Any

from bench.errors import ShopbenchError

Content = Any  # bytes or whatever has the buffer protocol
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe does not make us wait


def lock_folder(path: Path) -> int:
    """Keep others from writing this run; the system lets go when the process ends.

    Returns the handle to close. Raises ShopbenchError (2) if another process writes it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ShopbenchError(f"another process is writing {path}", 2) from None
    except OSError as exc:
        raise ShopbenchError(f"cannot open the run folder {path}: {exc.strerror}", 3) from exc
    return handle


def open_file(path: Path) -> IO[bytes]:
    """Open a file to read. Raises OSError for a link, a folder, a pipe or a device."""
    refuse_link(path)
    handle = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no file")
    return os.fdopen(handle, "rb")


def read_file(path: Path, limit: int) -> bytes:
    """Read a whole file. Raises OSError like `open_file`, and for more than `limit` bytes."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"has {size:,} bytes, at most {limit:,} are read")
        return file.read(limit)


def is_file_name(name: str) -> bool:
    """Whether a name is one in its folder, with room for a suffix."""
    return name not in ("", ".", "..") and not set("/\0") & set(name) and len(name.encode()) <= 200


def refuse_link(path: Path) -> None:
    """Raise OSError if something would be read or written through a link."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "is a link, which is not followed")


def refuse_foreign(folder: Path) -> None:
    """Raise OSError, with its path, for the first entry below that is no file and no folder."""
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    what = "is a link, which is not followed"
                    what = what if entry.is_symlink() else "is no file and no folder"
                    raise OSError(errno.ELOOP, what, entry.path)


def make_folder(path: Path) -> None:
    """Make a folder if there is none. Raises ShopbenchError (3), also if a link stands there."""
    try:
        refuse_link(path)
        path.mkdir(exist_ok=True)
    except OSError as exc:
        raise ShopbenchError(f"cannot make {path}: {exc.strerror}", 3) from exc


def replace_file(path: Path, content: Content, *, sync: bool = True) -> None:
    """Write beside, sync, rename: a reader sees the old file or the new one, never a part.

    `sync`: it is on the disk when this returns. Raises ShopbenchError (3) if it cannot be written,
    for example on a full disk, or if a link stands in its place.
    """
    try:
        refuse_link(path)
        _write_beside(path, content, sync)
    except OSError as exc:
        raise ShopbenchError(f"cannot write {path}: {exc.strerror or exc}", 3) from exc


def _write_beside(path: Path, content: Content, sync: bool) -> None:
    # A new file (O_EXCL) of a random name: no link that lies there is written through.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
