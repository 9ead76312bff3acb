"""Meters see what happens on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.engine.meters import (
    Reading,
    clock_step_ms,
    foreign_cpu,
    process_cpu,
    read_machine,
    steal_share,
    swapped,
)

FIRST = Reading(100.0, 1000.0, 50.0, 5.0, 1.0, 400.0, 10)
LAST = Reading(110.0, 1010.0, 58.0, 6.0, 1.2, 420.0, 13)


def test_foreign_cpu_is_what_nobody_we_know_has_spent() -> None:
    assert foreign_cpu(FIRST, LAST, known_s=6.5) == 0.05  # (8 - 1 - 6.5) s in 10 s
    assert foreign_cpu(FIRST, LAST, known_s=9.0) == 0.0


def test_steal_and_swap() -> None:
    assert abs((steal_share(FIRST, LAST) or 0) - 0.01) < 1e-9
    assert swapped(FIRST, LAST) == 3


def test_a_clock_that_was_set_is_seen_either_way() -> None:
    assert clock_step_ms(FIRST, LAST) == 0.0
    for step_s in (0.25, -0.25):
        assert clock_step_ms(FIRST, replace(LAST, wall_s=1010.0 + step_s)) == 250.0


def test_what_cannot_be_read_stays_unknown() -> None:
    blind = Reading(110.0, 1010.0, None, None, None, None, None)
    assert foreign_cpu(FIRST, blind, 1.0) is None
    assert steal_share(FIRST, blind) is None
    assert swapped(FIRST, blind) is None
    assert process_cpu(2**22 + 1) is None


def test_a_busy_stranger_trips_the_foreign_cpu_gate() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    stranger = subprocess.Popen(spin)
    try:
        time.sleep(0.3)
        first, own = read_machine(), time.process_time()
        time.sleep(0.5)
        seen = foreign_cpu(first, read_machine(), time.process_time() - own)
    finally:
        stranger.kill()
        stranger.wait()
    assert seen is not None
    assert seen > 0.2  # at least its fair share, on however busy a machine


def test_process_cpu_follows_the_process_clock() -> None:
    before, clock = process_cpu(os.getpid()), time.process_time()
    while time.process_time() < clock + 0.1:
        pass
    after = process_cpu(os.getpid())
    assert before is not None
    assert after is not None
    assert 0.08 < after - before < 0.5


def test_process_cpu_adds_up_the_threads_of_a_schedstat_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for thread, nanoseconds in ((41, 1_500_000_000), (42, 250_000_000)):
        folder = tmp_path / "41" / "task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(f"{nanoseconds} 77 3\n")
    monkeypatch.setattr("bench.engine.meters._PROC", tmp_path)
    assert process_cpu(41) == 1.75


def test_without_schedstat_process_cpu_asks_psutil(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.engine.meters._PROC", tmp_path)
    times = psutil.Process().cpu_times()
    assert process_cpu(os.getpid()) == pytest.approx(times.user + times.system, abs=0.1)
    assert process_cpu(2**22 + 1) is None
