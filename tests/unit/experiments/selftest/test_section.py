"""The section of the selftest: there in every report, honest where nothing was tried."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.experiments.selftest.section import section
from bench.results.dataset import RunData
from bench.results.journal import Journal

BLANK = Journal(
    schema_version=1,
    run_id="r",
    started_at="now",
    finished_at=None,
    command="c",
    commit="abc",
    dirty=False,
    machine={},
    versions={},
    settings={},
    profile="quick",
    seed=1,
    controlled=True,
)


def built(**settings: Any) -> Any:
    return section(RunData(Path(), replace(BLANK, settings=settings), ()))


def row(word: str) -> dict[str, str]:
    return {"what": "w", "found": "f", "required": "r", "word": word, "note": ""}


def test_without_a_selftest_the_report_names_the_command() -> None:
    found = built()
    assert "shopbench selftest" in found.limits[0]
    assert not found.template
    assert built(selftest={"parts": {}, "missing": "another kernel"}).limits == ("another kernel",)


def test_outcomes_are_counted_and_parts_not_run_are_named() -> None:
    rows = [row("met"), row("not met"), row("not judged")]
    found = built(selftest={"parts": {"planted": {"outcomes": rows}}})
    assert found.summary[0].startswith("Selftest of this machine: 1 of 2 requirements met, 1 not")
    assert "Parts not run: busy, disturbance, gates, generator" in found.summary[0]


def test_a_gate_that_does_not_work_is_named() -> None:
    parts = {"gates": {"outcomes": [row("met"), {**row("not met"), "what": "gate steal"}]}}
    assert [each[1] for each in built(selftest={"parts": parts}).context["rows"]] == ["gate steal"]
    parts = {"gates": {"outcomes": [row("met"), row("met")]}}
    assert built(selftest={"parts": parts}).context["rows"][0][2] == "2 of 2"


def moved(by: float) -> dict[str, Any]:
    return {"what": "time of an order", "moved": [1 + by, 1.0, 1.1], "starts": 6}


def test_every_report_says_whether_deployments_disturb_each_other() -> None:
    calm = {"outcomes": [row("met")], "disturbance": [moved(0.01), moved(-0.02)]}
    text = built(selftest={"parts": {"disturbance": calm}}).summary[1]
    assert "do not disturb each other" in text
    assert "-2.0%" in text
    loud = {"outcomes": [row("not met")], "disturbance": [moved(0.05)]}
    text = built(selftest={"parts": {"disturbance": loud}}).summary[1]
    assert "time of an order (+5.0%)" in text


def test_the_smallest_effects_stand_in_a_table() -> None:
    effects = [{"what": "A/A, time: an order", "smallest": [None, 0.031], "starts": [1, 6]}]
    context = built(selftest={"parts": {"planted": {"effects": effects}}}).context
    assert context["effects"] == [["time: an order", "–", "3.1% (6 starts)"]]
