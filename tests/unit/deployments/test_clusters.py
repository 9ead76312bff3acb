"""Seeded data folders: made once, checked before each use, few of them kept."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.deployments.local.accounts import database_account
from bench.deployments.local.binaries import PostgresInstall
from bench.deployments.local.clusters import KEPT_SETS, ClusterSet, content_key
from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError

NAMES = ("db-users", "db-orders")


class Workshop:
    """Sets of a layout in a state home; `built` counts how often one was made."""

    def __init__(self, home: StateHome, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.built = 0
        self._install = PostgresInstall(folder, folder, database_account(), "")
        self._copies = 0

    def set(self, content: str = "a", layout: str = "modular-split") -> ClusterSet:
        return ClusterSet(self.home, self._install, layout, content_key([], [content]))

    def copy(self, clusters: ClusterSet, build: Callable[[Path], None] | None = None) -> Path:
        self._copies += 1
        workspace = self.folder / f"start-{self._copies}"
        workspace.mkdir(mode=0o755)
        clusters.copy_to({n: workspace / n for n in NAMES}, build or self.build, workspace)
        return workspace

    def build(self, folder: Path) -> None:
        self.built += 1
        for name in NAMES:
            (folder / name / "base").mkdir(parents=True)
            (folder / name / "base" / "1").write_text(f"rows of {name}")


@pytest.fixture
def workshop(home: StateHome) -> Workshop:
    return Workshop(home, home.deployments)


def test_a_set_is_made_once_and_copied_ever_after(workshop: Workshop) -> None:
    for _ in range(3):
        start = workshop.copy(workshop.set())
        assert [(start / n / "base/1").read_text() for n in NAMES] == [
            f"rows of {n}" for n in NAMES
        ]
    assert workshop.built == 1


def test_a_copy_is_the_servers_own(workshop: Workshop) -> None:
    first = workshop.copy(workshop.set())
    (first / NAMES[0] / "base/1").write_text("an order")
    second = workshop.copy(workshop.set())
    assert (second / NAMES[0] / "base/1").read_text() == "rows of db-users"
    assert (second / NAMES[0]).stat().st_uid == database_account().uid


def shorten(file: Path) -> None:
    os.truncate(file, 3)


def age(file: Path) -> None:
    file.unlink()


def touch(file: Path) -> None:
    facts = file.stat()
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))


@pytest.mark.parametrize("damage", [shorten, age, touch])
def test_a_set_that_is_not_as_it_was_left_is_made_again(
    workshop: Workshop, damage: Callable[[Path], None]
) -> None:
    clusters = workshop.set()
    workshop.copy(clusters)
    damage(clusters.folder / NAMES[1] / "base/1")
    start = workshop.copy(clusters)
    assert (start / NAMES[1] / "base/1").read_text() == "rows of db-orders"
    assert workshop.built == 2


def test_starts_at_the_same_time_make_it_once(workshop: Workshop) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: workshop.copy(workshop.set()), range(4)))
    assert workshop.built == 1


def test_another_content_is_another_set(workshop: Workshop) -> None:
    for content in ("a", "b", "a"):
        workshop.copy(workshop.set(content))
    assert workshop.built == 2


def test_a_build_that_fails_leaves_no_set(workshop: Workshop) -> None:
    def fail(folder: Path) -> None:
        workshop.build(folder)
        raise ShopbenchError("no more disk")

    with pytest.raises(ShopbenchError, match="no more disk"):
        workshop.copy(workshop.set(), fail)
    assert list(workshop.home.clusters.iterdir()) == []
    workshop.copy(workshop.set())


def test_the_sets_of_a_layout_that_were_not_used_for_longest_go(workshop: Workshop) -> None:
    other = workshop.set("a", "modular")
    workshop.copy(other)
    wanted = [workshop.set(str(number)) for number in range(KEPT_SETS)]
    for clusters in wanted:
        workshop.copy(clusters)
    os.utime(wanted[1].folder, (0, 0))
    newest = workshop.set("newest")
    workshop.copy(newest)
    kept = {other, newest, *wanted} - {wanted[1]}
    assert set(workshop.home.clusters.iterdir()) == {each.folder for each in kept}


def test_a_set_from_which_no_server_starts_is_forgotten(workshop: Workshop) -> None:
    workshop.copy(workshop.set())
    workshop.set().forget()
    workshop.copy(workshop.set())
    assert workshop.built == 2


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in ("models.py", "0001.sql", "notes.txt"):
        (tmp_path / name).write_text("first")
    return tmp_path


@pytest.mark.parametrize(("name", "decides"), [("models.py", 1), ("0001.sql", 1), ("notes.txt", 0)])
def test_python_and_sql_decide_the_content(sources: Path, name: str, decides: int) -> None:
    before = content_key([sources], ["seed 1"])
    (sources / name).write_text("second")
    assert (content_key([sources], ["seed 1"]) != before) == decides


def test_the_facts_decide_the_content(sources: Path) -> None:
    assert content_key([sources], ["seed 1"]) != content_key([sources], ["seed 2"])


@pytest.fixture
def readers(home: StateHome) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        stack.enter_context(home.lock("modular", shared=True))
        yield stack


def test_readers_share_a_lock_and_keep_a_writer_out(home: StateHome, readers: ExitStack) -> None:
    readers.enter_context(home.lock("modular", shared=True))
    entered = threading.Event()

    def write() -> None:
        with home.lock("modular"):
            entered.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not entered.wait(0.05)
    readers.close()
    assert entered.wait(10)
    writer.join()
