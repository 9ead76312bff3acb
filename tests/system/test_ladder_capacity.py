"""`ladder` and `capacity` on real deployments, with their sections in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.journal import RunReader
from tests.system.conftest import CommandLine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_two_ends_are_measured_by_themselves_and_their_capacity_is_searched(
    shopbench: CommandLine, tmp_path: Path
) -> None:
    command = shopbench.start(
        "run", "ladder", "capacity", "--profile", "smoke",
        "--deployments", "monolith,microservices", "--out", str(tmp_path),
    )  # fmt: skip
    _, err = command.communicate(timeout=550)
    assert command.returncode == 0, err
    (path,) = tmp_path.iterdir()
    reader = RunReader(path)
    settings = reader.journal.settings
    for experiment, mixes in (
        ("latency", settings["mixes"]),
        ("ladder", settings["ladder_mixes"]),
    ):
        own = [t for t in reader.trials if t.experiment == experiment]
        assert {t.deployment for t in own} == {"monolith", "microservices"}
        loads = {(t.mix, t.offered_rps) for t in own}
        assert {(mix, settings["reference_rps"][mix]) for mix in mixes} == loads
        assert {"mixed", "order"} <= set(mixes)
    probes = [t for t in reader.trials if t.experiment == "capacity"]
    judged = [t for t in probes if "slo_pass" in t.facts]
    assert len(judged) >= 6
    assert all("slo_settle_lag_s" in t.facts for t in judged)  # the outbox was read in both arms
    assert {end["deployment"] for end in settings["capacity_searches"]} == {
        "monolith",
        "microservices",
    }
    assert any(t.facts["slo_pass"] == 1 for t in judged)
    assert any(t.facts["slo_pass"] == 0 for t in judged)
    page = (path / "report.html").read_text(encoding="utf-8")
    assert 'id="capacity"' in page
    assert 'id="adds-up"' in page
    found = {v.id: v.verdict for v in reader.verdicts if v.id.startswith(("capacity/", "adds-up/"))}
    assert len(found) == 1 + 2 * len(settings["ladder_mixes"])
    assert set(found.values()) == {"inconclusive"}  # smoke claims nothing
