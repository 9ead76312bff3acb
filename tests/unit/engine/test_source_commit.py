"""The commit that a run records is that of our own tree, or none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bench

SAYS = "import json; from bench.machine import source_commit; print(json.dumps(source_commit()))"
AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@shop.example", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *AUTHOR, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path) -> str:
    """Commit everything in a folder; return the commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")
    return git(folder, "rev-parse", "HEAD")


def recorded(copy: Path, **env: str) -> list[object]:
    """What the copy of our source in that folder says of its commit."""
    settings = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", **env}
    command = [sys.executable, "-P", "-c", SAYS]
    done = subprocess.run(command, env=settings, check=True, capture_output=True, text=True)
    found: list[object] = json.loads(done.stdout)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Our source unpacked somewhere below another project."""
    folder = tmp_path / "project" / "unpacked"
    (folder / "bench").mkdir(parents=True)
    for name in ("__init__.py", "errors.py", "machine.py"):
        shutil.copy(Path(bench.__file__).with_name(name), folder / "bench")
    return folder


def test_a_copy_without_a_repository_has_no_commit(copy: Path) -> None:
    assert recorded(copy) == [None, None]


def test_the_commit_of_a_repository_around_us_is_not_ours(copy: Path) -> None:
    repository(copy.parent)
    assert recorded(copy) == [None, None]


def test_our_own_repository_counts_with_its_changes(copy: Path) -> None:
    commit = repository(copy)
    assert recorded(copy) == [commit, False]
    (copy / "bench" / "errors.py").open("a").write("\n")
    assert recorded(copy) == [commit, True]


def test_a_hook_of_another_repository_does_not_lend_us_its_commit(
    copy: Path, tmp_path: Path
) -> None:
    commit = repository(copy)
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("")
    assert repository(other) != commit
    assert recorded(copy, GIT_DIR=str(other / ".git")) == [commit, False]
