"""Following the logs of several containers, here of a `docker` that prints and goes on."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from bench.deployments.compose.logs import follow

ENDLESS = '#!/bin/sh\nfor last; do :; done\necho "from $last"\nexec sleep 60\n'
SHORT = '#!/bin/sh\nfor last; do :; done\necho "from $last"\n'


def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    file = tmp_path / "docker"
    file.write_text(script)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_it_ends_with_the_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch, SHORT)
    shown: list[tuple[str, str]] = []
    follow({"users": "c1", "orders": "c2"}, lambda name, line: shown.append((name, line)))
    assert sorted(shown) == [("orders", "from c2"), ("users", "from c1")]


def test_it_ends_when_what_shows_the_lines_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, ENDLESS)

    def show(name: str, line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="from c1"):
        follow({"users": "c1"}, show)
    assert not [each for each in psutil.Process().children() if each.name() in {"docker", "sleep"}]
