"""The section of the selftest: there in every report, honest where nothing was tried."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.journal import Journal
from bench.report.dataset import RunData
from bench.report.sections.selftest import section

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
    assert "shopbench selftest" in found.context["missing"]
    assert not found.figures
    assert built(selftest={"parts": {}, "missing": "another kernel"}).summary == ("another kernel",)


def test_outcomes_are_counted_and_parts_not_run_are_named() -> None:
    rows = [row("met"), row("not met"), row("not judged")]
    found = built(selftest={"parts": {"planted": {"outcomes": rows}}})
    assert found.summary[0].startswith("Selftest of this machine: 1 of 2 requirements met, 1 not")
    assert "Parts not run: gates, aa, coverage" in found.summary[0]


def test_a_gate_that_does_not_work_is_named() -> None:
    parts = {"gates": {"outcomes": [row("met"), {**row("not met"), "what": "gate steal"}]}}
    assert [each[1] for each in built(selftest={"parts": parts}).context["rows"]] == ["gate steal"]
    parts = {"gates": {"outcomes": [row("met"), row("met")]}}
    assert built(selftest={"parts": parts}).context["rows"][0][2] == "2 of 2"
