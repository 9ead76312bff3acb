"""Locustfiles as people write them: what is accepted, what is said, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"


def said(file: Path, *arguments: str, start: Path = Path("/")) -> dict[str, object]:
    """What the check says of a file, in a process of its own that is started in `start`."""
    command = [sys.executable, "-m", "bench.load.userfile", str(file), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=start)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("base_class", ["Visitor"]),
        ("nested", ["Visitor"]),
        ("fixed_count", ["Customer", "Clerk"]),
        ("arguments", ["Visitor"]),
        ("rest_and_upload", ["Reader", "Uploader"]),
        ("imported_state/takes_names", ["Member"]),
    ],
)
def test_what_locust_runs_is_accepted(file: str, users: list[str]) -> None:
    assert said(FILES / f"{file}.py") == {"users": users, "remarks": []}


def test_a_data_file_is_found_beside_the_file_and_where_it_was_started(tmp_path: Path) -> None:
    assert said(FILES / "data_file.py")["users"] == ["Person"]
    moved = tmp_path / "elsewhere" / "data_file.py"
    moved.parent.mkdir()
    moved.write_text((FILES / "data_file.py").read_text())
    assert said(moved, start=FILES)["users"] == ["Person"]
    assert "FileNotFoundError" in str(said(moved)["error"])


@pytest.mark.parametrize(
    ("file", "remark"),
    [
        ("shaped", "the load shape UpThenStop is not used"),
        ("waiting", "waiting times (Robot, Person) are left out"),
    ],
)
def test_what_is_not_used_is_said_in_one_line(file: str, remark: str) -> None:
    remarks = said(FILES / f"{file}.py")["remarks"]
    assert isinstance(remarks, list)
    assert [text for text in remarks if text.startswith(remark)] == remarks


def test_arguments_of_the_file_are_parsed_as_locust_does() -> None:
    assert said(FILES / "arguments.py", "--tenant", "other")["users"] == ["Visitor"]
    error = str(said(FILES / "arguments.py", "--nobody", "x")["error"])
    assert error.startswith("arguments.py: arguments after --: unrecognized arguments: --nobody")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x = 1\n", "mine.py: has no user class with tasks"),
        ("x = \n", "mine.py:1: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('no')\n", "mine.py:2: SystemExit: no"),
        ("names = []\nnames.pop()\n", "IndexError: pop from empty list in `names.pop()`"),
        (
            "from locust import HttpUser, TaskSet\nclass T(TaskSet): pass\n"
            "class A(HttpUser):\n    tasks = [T]\n",
            "mine.py:2: T has no @task",
        ),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    assert error in str(said(file)["error"])
