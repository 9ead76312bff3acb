"""The state home: refused where it cannot serve, with one line that says why."""

import os
import stat
from pathlib import Path

import pytest

from bench.deployments.local.home import StateHome, write_private
from bench.errors import ShopbenchError


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    with pytest.raises(ShopbenchError, match="too long for a unix socket"):
        StateHome(Path("/var/tmp") / ("x" * 90)).prepare()


def test_a_link_in_the_place_of_the_folder_is_refused(home: StateHome) -> None:
    (home.root / "link").symlink_to(home.root)
    with pytest.raises(ShopbenchError, match="not a folder of this user"):
        StateHome(home.root / "link").prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL to another user")
def test_a_home_the_database_user_cannot_enter_is_refused(home: StateHome) -> None:
    closed = home.root / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ShopbenchError, match=r"cannot enter .*closed"):
        StateHome(closed / "h").prepare()


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
