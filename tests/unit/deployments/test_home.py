"""The state home: refused where it cannot serve, with one line that says why."""

import os
import stat
from pathlib import Path

import pytest

from bench.deployments.local.accounts import database_account
from bench.deployments.local.control import ControlServer
from bench.deployments.local.home import StateHome, make_folder, write_private
from bench.errors import ShopbenchError


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    with pytest.raises(ShopbenchError, match="too long for a unix socket"):
        StateHome(Path("/var/tmp") / ("x" * 90)).prepare()
    with pytest.raises(ShopbenchError, match=r"too long .*\(89 bytes, 57 at the most\)"):
        StateHome(Path("/var/tmp") / ("é" * 40)).prepare()  # 49 characters


def test_the_longest_path_that_is_taken_has_room_for_a_socket(home: StateHome) -> None:
    room = 57 - len(os.fsencode(home.root)) - 1
    longest = StateHome(home.root / ("é" * (room // 2) + "x" * (room % 2)))
    longest.prepare()
    folder = longest.deployments / "microservices-012345"
    folder.mkdir()
    ControlServer(folder, {}).server_close()
    with pytest.raises(ShopbenchError, match="58 bytes"):
        StateHome(Path(f"{longest.root}x")).prepare()


def test_a_path_that_is_not_utf_8_is_refused(home: StateHome) -> None:
    with pytest.raises(ShopbenchError, match="SHOPBENCH_HOME is not UTF-8"):
        StateHome(home.root / os.fsdecode(b"\xff")).prepare()
    assert list(home.root.glob("*\udcff")) == []


def test_a_link_in_the_place_of_the_folder_is_refused(home: StateHome) -> None:
    (home.root / "link").symlink_to(home.root)
    with pytest.raises(ShopbenchError, match="not a folder of this user"):
        StateHome(home.root / "link").prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_home_the_database_user_cannot_enter_is_refused(home: StateHome) -> None:
    closed = home.root / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ShopbenchError, match=r"cannot enter .*closed"):
        StateHome(closed / "h").check_reachable(database_account())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_what_is_made_under_a_closed_umask_can_be_entered(home: StateHome) -> None:
    inner = StateHome(home.root / "made" / "with" / "parents")
    before = os.umask(0o077)
    try:
        inner.prepare()
        make_folder(inner.deployments / "shop")
    finally:
        os.umask(before)
    inner.check_reachable(database_account())
    assert stat.S_IMODE((inner.deployments / "shop").stat().st_mode) == 0o755
    assert stat.S_IMODE(inner.keys.stat().st_mode) == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(home: StateHome) -> None:
    (home.root / "file").write_text("")
    with pytest.raises(ShopbenchError):
        StateHome(home.root / "file").prepare()


def test_a_secret_stays_the_same(home: StateHome) -> None:
    assert home.secret("admin") == home.secret("admin")
    assert home.secret("admin") != home.secret("other")


def test_a_private_file_is_for_us_alone(home: StateHome) -> None:
    write_private(home.root / "s", "x")
    assert stat.S_IMODE((home.root / "s").stat().st_mode) == 0o600
