"""The section on a run whose counts are known, and on one that was cut off or damaged."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.experiments.complexity.records import Counted
from bench.experiments.complexity.section import sections
from bench.report.build import build_report
from bench.report.section import Section
from bench.results.dataset import load_run
from bench.results.journal import CorruptResults, RunReader, RunWriter
from tests.unit.experiments.complexity.made import counted
from tests.unit.report.factory import Plan, facts, make_rows, trial_entry


def write_run(root: Path, settings: Any) -> Path:
    plan = Plan(requests=20, measured_s=10.0, profile="quick")
    writer = RunWriter.create(root, "run", facts(plan, {"complexity": settings}))
    entry = trial_entry(
        plan, trial_id="sql-order-0-b000-monolith", experiment="sql", block=0, position=0,
        deployment="monolith", mix="order", offered_rps=0.0, status="valid", usage={},
    )  # fmt: skip
    due = np.linspace(2.0, 11.9, 20)
    writer.add_trial(entry, make_rows(due, np.full(20, 0.01), ["order"] * 20))
    writer.finish()
    return writer.path


def section_of(root: Path, found: Counted) -> Section:
    (made,) = sections(load_run(write_run(root, msgspec.to_builtins(found))))
    return made


def test_the_page_says_what_was_found(tmp_path: Path) -> None:
    path = write_run(tmp_path, msgspec.to_builtins(counted()))
    page = build_report(path).read_text(encoding="utf-8")
    for part in (
        "3 of 3 services keep their part of the contract",
        "One order passes 2 deployables with 900 lines",
        "No module named",
        'id="figure-complexity-counts"',
        'id="figure-complexity-calls"',
    ):
        assert part in page
    verdicts = {each.metric: each for each in RunReader(path).verdicts}
    assert verdicts["deployables_standing_alone"].claims == ("codebase-apart",)
    assert verdicts["deployment_parts"].claims == ("deploy-machinery",)


def test_the_first_screen_gets_the_parts_of_both_arms(tmp_path: Path) -> None:
    (tile,) = section_of(tmp_path, counted()).tiles
    assert tile.title == "Parts to run"
    assert tile.microservices > tile.monolith > 0
    assert tile.word == "more"


def test_both_arms_have_a_cell_in_each_of_its_rows(tmp_path: Path) -> None:
    found = {
        (each.row, each.deployment): each.text for each in section_of(tmp_path, counted()).cells
    }
    assert set(found) == {
        (row, arm)
        for row in ("codebase", "deployment", "complexity")
        for arm in ("monolith", "microservices")
    }
    assert "3 of 3 stand alone" in found["codebase", "microservices"]
    assert "an order makes 1.0 calls" in found["complexity", "microservices"]


def test_a_run_that_was_cut_off_says_what_it_has(tmp_path: Path) -> None:
    whole = counted()
    begun = Counted(deployables=whole.deployables, machinery=whole.machinery)
    made = section_of(tmp_path, begun)
    assert "Whether they stand alone was not tried" in " ".join(made.summary)
    words = {each.metric: each.verdict for each in made.verdicts}
    assert words["lines_per_deployable"] == "supported"
    assert words["moving_parts"] == words["deployables_standing_alone"] == "inconclusive"


def test_a_run_without_it_has_no_section(tmp_path: Path) -> None:
    assert sections(load_run(write_run(tmp_path, {}))) == []


@pytest.mark.parametrize("damaged", [7, {"alone": 3}, {"calls": [{"deployment": 1}]}])
def test_damaged_settings_are_one_line(tmp_path: Path, damaged: Any) -> None:
    path = write_run(tmp_path, damaged)
    with pytest.raises(CorruptResults, match="settings.complexity") as caught:
        sections(load_run(path))
    assert "\n" not in caught.value.message
