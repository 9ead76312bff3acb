"""What is prepared in the state home once: found whole, or made again; and where it can run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.deployments.local import doctor
from bench.deployments.local.binaries import prepare_postgres
from bench.deployments.local.home import StateHome
from bench.deployments.local.postgres import temporary_server
from bench.errors import ShopbenchError
from tests.unit.deployments.namespaces import python

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root copies the programs")


def empty_folders_go(home: StateHome) -> None:
    """As somebody's clean-up of old files does."""
    (template,) = home.root.glob("template-*")
    found = [Path(path) for path, folders, files in os.walk(template) if not folders + files]
    assert found
    for folder in found:
        folder.rmdir()


def the_password_goes(home: StateHome) -> None:
    (home.keys / "postgres-superuser").unlink()


def a_program_goes(home: StateHome) -> None:
    next(home.root.glob("postgres-*/*/*/bin/postgres")).unlink()


def a_library_is_cut_short(home: StateHome) -> None:
    os.truncate(next(home.root.glob("postgres-*/*/*/lib/postgresql/plpgsql.so")), 10)


def test_what_is_damaged_is_made_again_and_doctor_says_so(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(home.root))
    assert prepare_postgres(home).made_again == ()
    assert prepare_postgres(home).made_again == ()
    damages: list[tuple[str, Callable[[StateHome], None]]] = [
        ("template", empty_folders_go),
        ("template", the_password_goes),
    ]
    if os.geteuid() == 0:
        damages += [("postgres", a_program_goes), ("postgres", a_library_is_cut_short)]
    for kind, damage in damages:
        damage(home)
        told = doctor._postgres(home)
        assert f"; {kind}-" in told, damage
        assert told.endswith(" was damaged and has been made again")
        assert prepare_postgres(home).made_again == ()
    with temporary_server() as server:
        assert server.answers()
    assert not list(home.root.glob("*.old")) + list(home.root.glob("*.new"))


def test_a_closed_umask_closes_nothing_the_server_needs(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(home.root / "made" / "here"))
    before = os.umask(0o077)
    try:
        with temporary_server() as server:
            assert server.answers()
    finally:
        os.umask(before)


NOEXEC = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o noexec,mode=755 none "$0" && "$@"']
PREPARE = """
from bench.deployments.local.binaries import prepare_postgres
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError
try:
    prepare_postgres(StateHome.from_environment())
except ShopbenchError as error:
    print(error.message)
"""


@as_root
def test_a_mount_that_runs_no_programs_is_named(
    home: StateHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPBENCH_HOME", str(home.root / "h"))
    told = python([*NOEXEC, str(home.root)], PREPARE)
    assert told == (
        f"{home.root} is mounted noexec, so PostgreSQL's programs cannot run in {home.root}/h;"
        " set SHOPBENCH_HOME to a folder on another mount\n"
    )


def test_a_program_that_fails_says_why(home: StateHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with its last line alone, which is about clearing up."""
    password = home.keys / "postgres-superuser"
    password.write_text("")  # initdb refuses an empty one
    with pytest.raises(ShopbenchError, match="initdb failed: (.|\n)*password file .* is empty"):
        prepare_postgres(home)
