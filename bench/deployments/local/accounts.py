"""The user that runs PostgreSQL, which refuses root, and the rights root needs to hand it over."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ShopbenchError

_CANDIDATES = ("nobody", "daemon", "postgres")
# Bits of CapEff in /proc/self/status. Its files are given away and read, it is started and ended.
_CAPABILITIES = {
    **{"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5},
    **{"CAP_SETGID": 6, "CAP_SETUID": 7},
}


@dataclass(frozen=True)
class Account:
    """The user PostgreSQL runs as: ourselves, or an unprivileged one when we are root."""

    name: str
    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        return self.uid == os.geteuid()


def database_account() -> Account:
    """Choose the account for PostgreSQL. Raises ShopbenchError if there is none for us."""
    if os.geteuid() != 0:
        return _own_account()
    missing = [name for name, bit in _CAPABILITIES.items() if not _capabilities() >> bit & 1]
    if missing:
        raise ShopbenchError(
            "PostgreSQL refuses to run as root, and this root may not hand it to another user:"
            f" {', '.join(missing)} missing; start shopbench as an ordinary user instead"
        )
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if _exists_here("uid", entry.pw_uid) and _exists_here("gid", entry.pw_gid):
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise ShopbenchError(
        "PostgreSQL refuses to run as root, and of the users"
        f" {', '.join(_CANDIDATES)} none exists in this user namespace (/proc/self/uid_map);"
        " start shopbench as an ordinary user instead"
    )


def _own_account() -> Account:
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise ShopbenchError(
            f"uid {os.geteuid()} has no entry in the password database, which PostgreSQL's initdb"
            " needs; add one, or set SHOPBENCH_DATABASE_URL to a PostgreSQL of your own"
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _capabilities() -> int:
    """What this process may do beyond an ordinary user; all, where the system has no such bits."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return -1
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), -1)


def _exists_here(kind: str, number: int) -> bool:
    """Tell whether this user namespace has the uid or gid (`kind`)."""
    try:
        lines = Path(f"/proc/self/{kind}_map").read_text(encoding="ascii").splitlines()
    except OSError:  # there are no namespaces
        return True
    ranges = [[int(number) for number in line.split()] for line in lines]
    return any(first <= number < first + count for first, _, count in ranges)
