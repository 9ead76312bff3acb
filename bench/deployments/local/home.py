"""The state home: the one folder in which deployments of this user keep files.

`SHOPBENCH_HOME` (default `/var/tmp/shopbench-<uid>`): PostgreSQL's binaries, its template cluster
and seeded ones, the signing key of user tokens, logs, and one folder for each running deployment.
As root it is 0755, since PostgreSQL refuses to run as root and its unprivileged user must reach
its data.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.deployments.local.accounts import Account
from bench.errors import ShopbenchError

HOME_VARIABLE = "SHOPBENCH_HOME"
_LONGEST_SOCKET_PATH = 103  # bytes; sun_path has 104 on macOS, 108 on Linux, and ends with a zero
_GET_FLAGS, _SET_FLAGS, _TOP_OF_HIERARCHY = 0x80086601, 0x40086602, 0x00020000  # ioctl_iflags(2)
_FLAGS = struct.Struct("l")
_LONGEST_NAME_INSIDE = len("/deployments/microservices-012345/control.sock")


def home_root() -> Path:
    """Where the state home is, whether it exists or not."""
    chosen = os.environ.get(HOME_VARIABLE) or f"/var/tmp/shopbench-{os.geteuid()}"
    return Path(chosen).absolute()


class StateHome:
    """Paths below the state home; made on first use, checked each time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def from_environment(cls) -> StateHome:
        home = cls(home_root())
        home.prepare()
        return home

    @property
    def deployments(self) -> Path:
        return self.root / "deployments"

    @property
    def faults(self) -> Path:
        """What has been injected into running deployments and not yet undone."""
        return self.root / "faults"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def clusters(self) -> Path:
        """Data folders with a seed in them, which each start copies."""
        return self.root / "clusters"

    def prepare(self) -> None:
        """Make the folders. Raises ShopbenchError if the place cannot serve."""
        self._check_name()
        try:
            made = [each for each in (self.root, *self.root.parents) if not each.exists()]
            self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._check_owner()
            if os.geteuid() == 0:
                for folder in {self.root, *made}:  # as root's umask may have closed them
                    folder.chmod(0o755)
            modes = {self.deployments: 0o755, self.clusters: 0o755}
            for folder, mode in {**modes, self.logs: 0o700, self.keys: 0o700}.items():
                folder.mkdir(mode=mode, exist_ok=True)
                folder.chmod(mode)
            place_far_apart(self.deployments)
        except OSError as error:
            raise ShopbenchError(
                f"cannot use {self.root} ({error.strerror}); set {HOME_VARIABLE} to another folder"
            ) from error

    def _check_name(self) -> None:
        longest, name = _LONGEST_SOCKET_PATH - _LONGEST_NAME_INSIDE, os.fsencode(self.root)
        if len(name) > longest:
            raise ShopbenchError(
                f"{HOME_VARIABLE} is too long for a unix socket ({len(name)} bytes, {longest} at"
                f" the most): {self.root}"
            )
        try:
            name.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ShopbenchError(
                f"{HOME_VARIABLE} is not UTF-8, which PostgreSQL needs: {name!r}"
            ) from error

    def _check_owner(self) -> None:
        """Refuse a folder somebody else made first in a world-writable place."""
        facts = self.root.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise ShopbenchError(
                f"{self.root} is not a folder of this user; set {HOME_VARIABLE} to another one"
            )

    def check_reachable(self, account: Account) -> None:
        """Refuse a place the user that runs PostgreSQL cannot enter. Raises ShopbenchError."""
        if account.is_self:
            return
        for parent in self.root.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                raise ShopbenchError(
                    f"user '{account.name}', which runs PostgreSQL, cannot enter {parent};"
                    f" set {HOME_VARIABLE} to a folder it can reach, below /var/tmp for example"
                )

    @contextmanager
    def lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        """Hold a lock between processes while something is made or changed; `shared`: only read."""
        handle = os.open(self.root / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def secret(self, name: str) -> str:
        """Return a random secret, made at its first use and kept in the state home."""
        path = self.keys / name
        with self.lock("keys"):
            if not path.exists():
                write_private(path, secrets.token_urlsafe(24))
            return path.read_text(encoding="ascii")


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder with this mode, whatever the umask is."""
    path.mkdir()
    path.chmod(mode)


def place_far_apart(folder: Path) -> None:
    """Have ext4 give every new folder in `folder` a region of its own, as `chattr +T` does.

    Beside thousands of files that were just removed it looks ten times as long for a free inode:
    it does not use one again within a minute, and passes over each (0.5 s more for a data folder).
    """
    if sys.platform != "linux":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        (flags,) = _FLAGS.unpack(fcntl.ioctl(handle, _GET_FLAGS, _FLAGS.pack(0)))
        fcntl.ioctl(handle, _SET_FLAGS, _FLAGS.pack(flags | _TOP_OF_HIERARCHY))
    except OSError:
        return  # another file system
    finally:
        os.close(handle)


def write_private(path: Path, text: str) -> None:
    """Write a file whole that only we may read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)
