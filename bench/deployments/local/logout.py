"""What systemd does to what a user has left running when the last login session ends."""

from __future__ import annotations

import configparser
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Removed = Literal["processes", "shared memory"]

_LAST_SYSTEM_UID = 999
_PLACES = ("etc", "run", "usr/local/lib", "usr/lib")  # a file hides those of its name behind it


def removed_at_logout(uid: int, root: Path = Path("/")) -> list[Removed]:
    """Read it from logind.conf(5) below `root`; [] where systemd is not in charge."""
    if not (root / "run/systemd/system").is_dir():
        return []
    name = _name(uid)
    login = _settings(root)
    removed: list[Removed] = []
    if _is_on(login, "KillUserProcesses", "no") and _may_be_killed(login, name):
        removed.append("processes")
    lingers = (root / "var/lib/systemd/linger" / name).exists()
    if _is_on(login, "RemoveIPC", "yes") and uid > _LAST_SYSTEM_UID and not lingers:
        removed.append("shared memory")
    return removed


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _settings(root: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.add_section("Login")
    for path in _files(root):
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):  # systemd passes over it too
            continue
    return parser["Login"]


def _files(root: Path) -> Iterator[Path]:
    """The main file, then the drop-ins by name: the last one to set a value wins."""
    folders = [root / place / "systemd" for place in _PLACES]
    mains = [folder / "logind.conf" for folder in folders]
    yield from [path for path in mains if path.exists()][:1]
    found: dict[str, Path] = {}
    for folder in folders:
        for path in (folder / "logind.conf.d").glob("*.conf"):
            found.setdefault(path.name, path)
    yield from (found[name] for name in sorted(found))


def _is_on(login: configparser.SectionProxy, setting: str, default: str) -> bool:
    return (login.get(setting) or default).lower() in {"yes", "true", "on", "1"}


def _may_be_killed(login: configparser.SectionProxy, name: str) -> bool:
    only, excluded = login.get("KillOnlyUsers", ""), login.get("KillExcludeUsers", "root")
    return name not in excluded.split() and (not only.split() or name in only.split())
