"""A run says what else of its state home shares the machine, and so does its journal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from bench.deployments.local.home import StateHome
from bench.engine.neighbours import at_work
from bench.results.journal import RunReader, RunWriter
from tests.unit.deployments.test_state import state
from tests.unit.results.test_journal import FACTS


def test_two_runs_at_once_know_of_each_other(home: StateHome, tmp_path: Path) -> None:
    first, second = (RunWriter.create(tmp_path, name, FACTS) for name in ("first", "second"))
    with at_work(first) as alone:
        assert alone == []
        with at_work(second) as lines:
            assert [line.partition(";")[0] for line in lines] == [
                f"another run is at work: {first.path}"
            ]
    (noted,) = RunReader(second.path).journal.notes
    assert noted == lines[0]
    (noted,) = RunReader(first.path).journal.notes
    assert noted.startswith(f"another run began meanwhile: {second.path};")
    third = RunWriter.create(tmp_path, "third", FACTS)
    with at_work(third) as lines:
        assert lines == []


def test_a_killed_run_shares_nothing_any_more(home: StateHome, tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from bench.engine.neighbours import at_work\n"
        "from bench.results.journal import RunWriter\n"
        "from tests.unit.results.test_journal import FACTS\n"
        "with at_work(RunWriter.create(Path(sys.argv[1]), 'killed', FACTS)):\n"
        "    print('here', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"here\n"
    own = RunWriter.create(tmp_path, "own", FACTS)
    with at_work(own) as lines:
        assert [line.partition(";")[0] for line in lines] == [
            f"another run is at work: {tmp_path / 'killed'}"
        ]
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with at_work(own) as lines:
        assert lines == []
    assert list((home.root / "runs").iterdir()) == []


def test_what_up_started_is_named(home: StateHome, tmp_path: Path) -> None:
    for name, current in (("mine", True), ("a-test", False)):
        (home.deployments / name).mkdir()
        state(current=current, base_url=f"http://{name}:8000").write(home.deployments / name)
    with at_work(RunWriter.create(tmp_path, "run", FACTS)) as lines:
        (line,) = lines
    assert line.startswith("modular, which `shopbench up` started, is up at http://mine:8000; ")
