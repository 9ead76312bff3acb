"""What we start in somebody's project imports nothing of it."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import pytest

from bench.child_python import absolute_python_path, child_python
from bench.engine.bare_handler_process import ServedSubject
from bench.engine.client_time import client_time_ms
from bench.experiments.own_pair.load import check_locustfile
from bench.experiments.selftest.neighbours import half_busy
from bench.load.generator import LoadProcess
from bench.machine import usable_cpus
from tests.working_folder import ForeignFolder

MINE = """
from locust import HttpUser, task
import neighbour

class Visitor(HttpUser):
    @task
    def read(self):
        self.client.get(neighbour.PATH)
"""
CONFIG = 'import os\nbind = os.environ["SHOP_BIND"]\ncontrol_socket_disable = True\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ForeignFolder:
    for name, value in absolute_python_path().items():
        monkeypatch.setenv(name, value)
    found = ForeignFolder(tmp_path)
    monkeypatch.chdir(found.root)
    return found


def test_load_process_and_responder_are_ours(folder: ForeignFolder) -> None:
    with LoadProcess() as load:
        assert client_time_ms(load, ()) > 0
    assert folder.executed() == []


def test_a_bare_handler_under_gunicorn_is_ours(folder: ForeignFolder, tmp_path: Path) -> None:
    config = tmp_path / "config.py"
    config.write_text(CONFIG)
    command = child_python("-m", "gunicorn", "-c", str(config), "wsgiref.simple_server:demo_app")
    with ServedSubject("bare", command, {}, ()) as subject:
        with urllib.request.urlopen(subject.target.base_url, timeout=5) as answer:
            assert answer.read().startswith(b"Hello world!")
    assert folder.executed() == []


def test_a_neighbour_that_keeps_a_core_busy_is_ours(folder: ForeignFolder) -> None:
    with half_busy(usable_cpus()[:1]):
        pass
    assert folder.executed() == []


def test_a_locustfile_finds_what_stands_beside_it(folder: ForeignFolder, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.py").write_text(MINE)
    (own / "neighbour.py").write_text("PATH = '/'\n")
    (folder.root / "neighbour.py").write_text("raise SystemExit('another one')\n")
    assert check_locustfile(own / "mine.py") == []
    assert folder.executed() == []


def test_a_relative_python_path_means_the_folder_of_whoever_set_it(
    folder: ForeignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "modules::/elsewhere")
    assert absolute_python_path() == {"PYTHONPATH": f"{folder.root}/modules:/elsewhere"}
    monkeypatch.setenv("PYTHONPATH", "")
    assert absolute_python_path() == {}


def test_a_plain_start_would_import_it(folder: ForeignFolder) -> None:
    """That the folder is a trap at all."""
    command = [part for part in child_python("-c", "import logging") if part != "-P"]
    assert subprocess.run(command, check=False).returncode == 9
    assert folder.executed() == ["logging"]
