"""The fault ledger: written before the deed, whole at any moment, undone by whoever comes next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError
from bench.faults.fault_ledger import FaultLedger, undo_left_over
from bench.faults.undo import Undo, perform

UNDOS = (Undo("resume", "orders"), Undo("set_hop", "users", {"mode": "pass", "delay_ms": 0.0}))

WRITER = """
import sys, time
from pathlib import Path
from bench.deployments.local.home import StateHome
from bench.faults.fault_ledger import FaultLedger
from bench.faults.undo import Undo
ledger = FaultLedger(StateHome(Path(sys.argv[1])))
while True:
    entry = ledger.open("nowhere-1", "hang orders", "SIGSTOP orders", [Undo("resume", "orders")])
    print("written", flush=True)
    if sys.argv[2] == "once":
        time.sleep(100)
    ledger.close(entry)
"""


@pytest.fixture
def home(tmp_path: Path) -> StateHome:
    (tmp_path / "deployments").mkdir()
    return StateHome(tmp_path)


def writer(home: StateHome, how: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home.root), how], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "written\n"
    return child


def test_an_entry_is_on_disk_until_it_is_closed(home: StateHome) -> None:
    ledger = FaultLedger(home)
    entry = ledger.open("shop-1", "hang orders", "SIGSTOP orders", UNDOS)
    assert FaultLedger(home).entries() == [entry]
    assert ledger.own("shop-1") == [entry]
    assert ledger.own("shop-2") == []
    ledger.close(entry)
    assert not list(home.faults.iterdir())


def test_the_newest_comes_first(home: StateHome) -> None:
    ledger = FaultLedger(home)
    names = [f"fault {number}" for number in range(12)]
    for name in names:
        ledger.open("shop-1", name, "", ())
    assert [entry.name for entry in ledger.entries()] == names[::-1]


def test_databases_are_started_before_processes_and_ways_cleared_before_both(
    home: StateHome,
) -> None:
    ledger = FaultLedger(home)
    for target, do in (
        ("orders", "start"),
        ("db:users", "set_hop"),
        ("db:orders", "start"),
        ("users", "start"),
        ("users", "resume"),
    ):
        ledger.open("shop-1", f"{do} {target}", "", [Undo(do, target)])
    assert [entry.name for entry in ledger.own("shop-1")] == [
        "resume users",
        "set_hop db:users",
        "start db:orders",
        "start users",
        "start orders",
    ]


def test_what_a_living_bench_injected_is_left_to_it(home: StateHome) -> None:
    FaultLedger(home).open("gone-1", "hang orders", "SIGSTOP orders", UNDOS)
    assert undo_left_over(home) == []
    assert len(FaultLedger(home).entries()) == 1


def test_what_a_killed_bench_left_in_a_deployment_that_is_gone_is_closed(home: StateHome) -> None:
    child = writer(home, "once")
    child.kill()
    child.wait()
    (line,) = undo_left_over(home)
    assert "hang orders in nowhere-1: gone with its deployment" in line
    assert undo_left_over(home) == []
    assert not list(home.faults.iterdir())


@pytest.mark.parametrize("number", range(5))
def test_no_moment_of_a_kill_leaves_half_an_entry(home: StateHome, number: int) -> None:
    child = writer(home, "again and again")
    time.sleep(0.003 * number)  # anywhere between two writes
    child.kill()
    child.wait()
    for entry in FaultLedger(home).entries():
        assert entry.undos == (Undo("resume", "orders"),)
    assert len(undo_left_over(home)) <= 1
    assert FaultLedger(home).entries() == []


def test_a_ledger_that_cannot_be_written_injects_nothing(home: StateHome) -> None:
    home.faults.write_text("a file where the folder should be")
    with pytest.raises(ShopbenchError, match="faults"):
        FaultLedger(home).open("shop-1", "hang orders", "", UNDOS)


@pytest.mark.parametrize("text", ["{", "{}", '{"schema_version": 2}', "[]"])
def test_an_entry_nobody_can_read_is_a_line_that_names_it(home: StateHome, text: str) -> None:
    home.faults.mkdir()
    path = home.faults / "1-x.json"
    path.write_text(text)
    (line,) = undo_left_over(home)
    assert str(path) in line
    assert path.exists()


def test_the_writer_is_known_by_pid_and_start(home: StateHome) -> None:
    """A pid that is used again is not the bench that injected."""
    ledger = FaultLedger(home)
    ledger.open("gone-1", "crash users", "kill -9 users", ())
    (path,) = ledger.paths()
    document = json.loads(path.read_text())
    assert document["writer"]["pid"] == os.getpid()
    document["writer"]["started"] -= 1
    path.write_text(json.dumps(document))
    assert "gone with its deployment" in undo_left_over(home)[0]


def test_an_undo_nobody_knows_is_refused() -> None:
    with pytest.raises(ShopbenchError, match="unknown undo 'pray'"):
        perform(Undo("pray", "orders"), None)  # type: ignore[arg-type]
