"""`capacity` on real deployments, with its section in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.experiments.capacity.records import CURVE, SATURATION, searches_in
from bench.results.journal import RunReader
from tests.system.conftest import CommandLine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_two_deployments_are_saturated_searched_and_put_under_load(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    command = shopbench.start(
        "run", "capacity", "--profile", "smoke",
        "--deployments", "monolith,microservices", "--out", str(tmp_path),
    )  # fmt: skip
    _, err = command.communicate(timeout=550)
    assert command.returncode == 0, err
    (path,) = tmp_path.glob("*/")
    reader = RunReader(path)
    windows = [t for t in reader.trials if t.experiment == SATURATION]
    assert {t.mix for t in windows} == {"mixed"}
    assert all(t.facts["throughput_rps"] > 0 for t in windows)
    judged = [t for t in reader.trials if "slo_pass" in t.facts]
    assert all("slo_settle_lag_s" in t.facts for t in judged)  # the outbox was read in both arms
    ends = searches_in(reader.journal.settings)
    assert {end.deployment for end in ends} == {"monolith", "microservices"}
    assert len({t.offered_rps for t in reader.trials if t.experiment == CURVE}) == 2
    page = (path / "report.html").read_text(encoding="utf-8")
    assert 'id="capacity"' in page
    found = {v.id: v.verdict for v in reader.verdicts if v.id.startswith("capacity")}
    assert len(found) == 2  # throughput and capacity under one load
    assert set(found.values()) == {"inconclusive"}  # smoke claims nothing
