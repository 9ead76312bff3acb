"""Run quality: gates counted, stops and resumes shown."""

from pathlib import Path

import pytest

from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.quality import gate_rows, resume_rows, stop_rows
from tests.unit.report.factory import Plan, Rounds, make_run, open_run, pair_run

pytestmark = pytest.mark.usefixtures("unpainted")

PAIR = ("monolith", "microservices")
SETTINGS = {
    "stopped": {"latency/mixed@150": "half-widths reached", "latency/order@20": {"widest": 0.12}},
    "resumed": [
        {"at": "2026-11-23T02:00:00Z", "stopped_at": "2026-11-23T01:00:00Z", "gap_s": 3600.0,
         "trials": 7},
    ],
}  # fmt: skip


def one_arm_invalid(deployment: str, block: int) -> str:
    return "invalid" if deployment == "monolith" and block < 3 else "valid"


def test_every_gate_is_counted_by_deployment_and_outcome(tmp_path: Path) -> None:
    plan = Plan(blocks=6, requests=60, deployments=PAIR, status=one_arm_invalid)  # type: ignore[arg-type]
    names, rows = gate_rows(analyse(open_run(tmp_path, plan)).trials)
    assert names == ["monolith", "microservices"]
    counted = {row[0]: row[1:] for row in rows}
    assert counted["foreign cpu"] == ["3 / 0 / 3", "6 / 0 / 0"]
    assert counted["steal"] == ["6 / 0 / 0", "6 / 0 / 0"]


def test_stops_and_resumes_stand_in_page_and_summary(tmp_path: Path) -> None:
    made = pair_run(starts=1, operations=("order",)).made
    run = make_run(tmp_path, Rounds(made, settings=SETTINGS, counted=False))
    page = build_report(run).read_text(encoding="utf-8")
    assert "half-widths reached" in page
    assert "time is over after 1 starts" in page
    assert "This run was interrupted and resumed" in page
    summary = (run / "summary.md").read_text(encoding="utf-8")
    assert "resumed at 2026-11-23T02:00:00Z with 7 trials" in summary
    assert "stopped, latency/order@20: widest: 0.120" in summary


def test_a_run_without_them_says_nothing(tmp_path: Path) -> None:
    journal = analyse(open_run(tmp_path, Plan(blocks=1, requests=60))).data.journal
    assert stop_rows(journal) == resume_rows(journal) == []
