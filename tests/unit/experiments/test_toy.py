"""One folder is an experiment: nothing else is edited for it to be measured, shown and exported."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import bench.experiments
from bench.claims import registry
from bench.engine.options import RunOptions
from bench.engine.runner import run
from bench.errors import ShopbenchError
from bench.registry import named
from bench.report.build import build_report
from bench.report.export import export_csv

HOUSE = Path(__file__).parent / "house"
SHOPBENCH = f"""
import sys
import bench.experiments
bench.experiments.__path__.append({str(HOUSE)!r})
from bench.cli import run_command
sys.exit(run_command(sys.argv[1:]))
"""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder stands beside the others, for one test."""
    monkeypatch.setattr(bench.experiments, "__path__", [*bench.experiments.__path__, str(HOUSE)])
    registry.cache_clear()
    yield
    registry.cache_clear()
    for name in [name for name in sys.modules if name.startswith("bench.experiments.toy")]:
        del sys.modules[name]


def shopbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SHOPBENCH, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_line_knows_it() -> None:
    shown = shopbench("run", "--help").stdout
    assert "Does a folder make an experiment?" in shown
    assert "With toy: requests a second." in shown
    assert [line.split()[1:] for line in shown.splitlines() if line.split()[:1] == ["toy"]][-1]
    refused = shopbench("run", "latency", "--toy-rate", "5")
    assert (refused.returncode, refused.stderr) == (2, "error: --toy-rate is for `run toy`\n")


@pytest.mark.usefixtures("echo", "calm_gates", "toy")
def test_it_runs_and_is_shown(options: RunOptions, tmp_path: Path) -> None:
    asked = replace(options, profile="smoke", own={"toy_rate": 20}, command="shopbench run toy")
    path = run(["toy"], asked)
    page = build_report(path).read_text(encoding="utf-8")
    for part in (
        'id="toy"',
        "A toy</h2>",
        "toys sent",
        "As much is sent to either.",
        "A toy shows nothing of a real release.",
    ):
        assert part in page
    (verdict,) = json.loads((path / "verdicts.json").read_text())["verdicts"]
    assert verdict["claims"] == ["toy-holds"]
    export_csv(path, tmp_path / "csv")
    rows = list(csv.DictReader((tmp_path / "csv" / "toys.csv").open()))
    assert [row["deployment"] for row in rows] == ["monolith", "modular"]
    assert all(10 * 0.5 <= int(row["sent"]) <= 40 for row in rows)


def test_it_is_gone_with_its_folder() -> None:
    with pytest.raises(ShopbenchError, match="unknown experiment 'toy'"):
        named("toy")
