"""Files that are whole or not there, and folders with one writer."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any

from bench.errors import ShopbenchError

Content = Any  # bytes or whatever has the buffer protocol


def lock_folder(path: Path) -> int:
    """Keep others from writing this run; the system lets go when the process ends.

    Returns the handle to close. Raises ShopbenchError (2) if another process writes it.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ShopbenchError(f"another process is writing {path}", 2) from None
    except OSError as exc:
        raise ShopbenchError(f"cannot open the run folder {path}: {exc.strerror}", 3) from exc
    return handle


def replace_file(path: Path, content: Content) -> None:
    """Write beside, sync, rename: a reader sees the old file or the new one, never a part.

    Raises ShopbenchError (3) if it cannot be written, for example on a full disk.
    """
    try:
        _write_beside(path, content)
    except OSError as exc:
        raise ShopbenchError(f"cannot write {path}: {exc.strerror or exc}", 3) from exc


def _write_beside(path: Path, content: Content) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
