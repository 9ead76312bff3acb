"""What is kept of a selftest, and for which machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.deployments.local.home import StateHome
from bench.errors import ShopbenchError
from bench.experiments.selftest import generator
from bench.experiments.selftest.generator_check import Agreement, GeneratorReport, LagPair
from bench.experiments.selftest.publish import publish_again
from bench.experiments.selftest.record import (
    FILE,
    Origin,
    Outcome,
    PartResult,
    entry_of,
    keep,
    remembered,
)
from bench.machine import machine_facts
from bench.results.journal import RunReader
from tests.unit.report.factory import Plan, open_run

ORIGIN = Origin("run-1", "quick", "abc", False)


@pytest.fixture
def home(tmp_path: Path) -> StateHome:
    return StateHome(tmp_path)


def put(home: StateHome, part: str, found: str = "1 of 2") -> None:
    outcome = Outcome("what", found, "required", "met")
    result = PartResult(part, [outcome], {"detail": 1})
    keep(home, result, entry_of(result, ORIGIN))


def test_without_a_selftest_a_run_says_nothing(home: StateHome) -> None:
    assert remembered(home) == {}


def test_parts_are_kept_beside_each_other_and_the_newest_counts(home: StateHome) -> None:
    put(home, "planted", "old")
    put(home, "planted", "new")
    put(home, "busy")
    found = remembered(home)
    assert set(found["selftest"]["parts"]) == {"planted", "busy"}
    assert found["selftest"]["parts"]["planted"]["outcomes"][0]["found"] == "new"
    assert found["selftest"]["parts"]["busy"]["commit"] == "abc"


@pytest.mark.parametrize("fact", ["cpu_model", "cpus", "kernel"])
def test_another_machine_or_kernel_is_told(home: StateHome, fact: str) -> None:
    put(home, "busy")
    found = remembered(home, {**machine_facts(), fact: "another"})
    assert found["selftest"]["parts"] == {}
    assert "another machine or kernel" in found["selftest"]["missing"]


def test_what_another_machine_found_is_dropped_by_the_next_selftest(home: StateHome) -> None:
    put(home, "busy")
    path = home.root / FILE
    document = json.loads(path.read_text())
    document["machine"]["kernel"] = "another"
    path.write_text(json.dumps(document))
    put(home, "gates")
    found = remembered(home)
    assert set(found["selftest"]["parts"]) == {"gates"}


def test_a_damaged_file_is_as_good_as_none(home: StateHome) -> None:
    for text in ("", "[]", "{}", '{"schema_version": 99, "selftest": {}}'):
        (home.root / FILE).write_text(text)
        assert remembered(home) == {}


def test_what_judged_nothing_does_not_replace_what_did(
    home: StateHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateHome, "from_environment", staticmethod(lambda: home))
    journal = RunReader(open_run(tmp_path, Plan(blocks=1, requests=20))).journal
    publish_again(journal, "planted", [Outcome("w", "thirty starts", "r", "met")], {})
    publish_again(journal, "planted", [Outcome("w", "two starts", "r", "not judged")], {})
    kept = remembered(home)["selftest"]["parts"]["planted"]
    assert kept["outcomes"][0]["found"] == "thirty starts"


LAG = LagPair(0.02, 0.05, 0.05, 0.3, 1000, 1000, 0, 9, 0.4)


def checked(pair: LagPair = LAG) -> GeneratorReport:
    agreement = (Agreement(0.5, 8.1, 8.0),)
    return GeneratorReport((0, 1), (0.1, 0.1), (pair,), 0.3, "tool", 200.0, agreement)


def test_the_generators_promises_become_outcomes() -> None:
    late = replace(LAG, send_lag_ms_p99=2.5, late=11)

    def words(pair: LagPair, profile: str = "quick") -> list[str]:
        return [outcome.word for outcome in generator.outcomes(checked(pair), profile)]

    assert words(LAG) == ["met", "met", "met"]
    assert words(late) == ["not met", "met", "met"]
    assert words(late, "smoke") == ["not judged"] * 3


def test_a_recorded_check_is_judged_again_and_kept(
    home: StateHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateHome, "from_environment", staticmethod(lambda: home))
    result = PartResult("generator", [], {"generator": checked().as_json()})
    entry = entry_of(result, replace(ORIGIN, run="run"))
    settings = {"selftest": {"parts": {"generator": entry}}}
    run = open_run(tmp_path / "runs", Plan(blocks=1, requests=20, settings=settings))
    rows = generator.examine(run)
    assert [row["word"] for row in rows] == ["met", "met", "met"]
    kept = remembered(home)["selftest"]["parts"]["generator"]
    assert (kept["outcomes"], kept["run"]) == (rows, "run")
    assert kept["judged_again"]["commit"]


def test_a_run_that_only_tells_of_another_runs_check_is_not_judged_again(tmp_path: Path) -> None:
    entry = entry_of(PartResult("generator", [], {"generator": checked().as_json()}), ORIGIN)
    settings = {"selftest": {"parts": {"generator": entry}}}
    run = open_run(tmp_path, Plan(blocks=1, requests=20, settings=settings))
    with pytest.raises(ShopbenchError, match="no check of the load generator"):
        generator.examine(run)
