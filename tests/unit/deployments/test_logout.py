"""What systemd removes when a user logs out, as its files say."""

from pathlib import Path

import pytest

from bench.deployments.local import doctor
from bench.deployments.local.logout import removed_at_logout

USER = 54321  # has no name: it stands in the files as its number


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def write(root: Path, name: str, *lines: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("[Login]", *lines)))


def test_by_default_it_is_the_shared_memory_of_ordinary_users(machine: Path) -> None:
    assert removed_at_logout(USER, machine) == ["shared memory"]
    assert removed_at_logout(0, machine) == []


def test_nothing_goes_where_systemd_is_not_in_charge(tmp_path: Path) -> None:
    assert removed_at_logout(USER, tmp_path) == []


def test_nothing_goes_of_a_user_who_lingers(machine: Path) -> None:
    write(machine, f"var/lib/systemd/linger/{USER}")
    assert removed_at_logout(USER, machine) == []


def test_the_last_file_by_name_wins_and_one_in_etc_hides_its_name(machine: Path) -> None:
    write(machine, "usr/lib/systemd/logind.conf", "RemoveIPC=yes")
    write(machine, "etc/systemd/logind.conf", "#RemoveIPC=yes", "KillUserProcesses=no")
    write(machine, "usr/lib/systemd/logind.conf.d/10-a.conf", "KillUserProcesses=yes")
    write(machine, "usr/lib/systemd/logind.conf.d/20-b.conf", "RemoveIPC=no")
    assert removed_at_logout(USER, machine) == ["processes"]
    write(machine, "etc/systemd/logind.conf.d/10-a.conf", "KillUserProcesses=off")
    assert removed_at_logout(USER, machine) == []


@pytest.mark.parametrize(
    ("line", "uid", "killed"),
    [
        ("KillExcludeUsers=root", 0, False),
        (f"KillExcludeUsers=root {USER}", USER, False),
        (f"KillOnlyUsers={USER}", USER, True),
        ("KillOnlyUsers=somebody", USER, False),
    ],
)
def test_whose_processes_are_ended(machine: Path, line: str, uid: int, killed: bool) -> None:
    write(machine, "etc/systemd/logind.conf", "KillUserProcesses=yes", line)
    assert ("processes" in removed_at_logout(uid, machine)) == killed


def test_a_broken_file_is_passed_over(machine: Path) -> None:
    (machine / "etc/systemd").mkdir(parents=True)
    (machine / "etc/systemd/logind.conf").write_bytes(b"RemoveIPC=no\n\xff")
    assert removed_at_logout(USER, machine) == ["shared memory"]


def test_doctor_says_what_that_means(machine: Path) -> None:
    told = doctor._logout(removed_at_logout(USER, machine))
    assert (told.outcome, told.value) == (
        "ok",
        "systemd removes this user's shared memory (RemoveIPC); ours is not where it looks",
    )
    write(machine, "etc/systemd/logind.conf", "KillUserProcesses=yes")
    told = doctor._logout(removed_at_logout(USER, machine))
    assert (told.outcome, told.consequence) == (
        "limited",
        "what `up` started ends with the login session",
    )
    assert doctor._logout([]).value == "what is up stays"
