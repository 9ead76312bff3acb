"""The command in somebody's project: everything it starts is ours, whatever lies there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.results.journal import RunReader
from tests.system.conftest import CommandLine, a_free_port
from tests.working_folder import ForeignFolder

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ForeignFolder]:
    found = ForeignFolder(tmp_path)
    yield found
    assert found.executed() == []


def test_a_deployment_of_services_and_its_edge(
    shopbench: CommandLine, folder: ForeignFolder
) -> None:
    there = replace(shopbench, folder=folder.root)
    there.ok("up", "users+inventory|orders+payments", "--port", str(a_free_port()))
    try:
        there.ok("switch", "monolith")
        there.ok("scale", "monolith", "2")
        there.ok("redeploy", "monolith")
        there.ok("seed")
    finally:
        there.ok("down")


@pytest.mark.soak
def test_a_run(shopbench: CommandLine, folder: ForeignFolder, out: Path) -> None:
    there = replace(shopbench, folder=folder.root)
    short = ("--profile", "smoke", "--deployments", "monolith", "--mixes", "product_read")
    command = there.start("run", "latency", *short, "--out", str(out), "--quiet")
    _, err = command.communicate(timeout=500)
    assert command.returncode == 0, err
    (path,) = out.glob("*/")
    assert RunReader(path).trials
