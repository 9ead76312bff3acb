"""A made-up run with known losses: its verdicts, sentences, cells, and what is damaged."""

import csv
import json
from pathlib import Path

import pytest

from bench.claims import registry
from bench.experiments.redeploy.judge import decide_visits
from bench.experiments.redeploy.section import sections
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.export import export_csv
from bench.results.dataset import load_run
from bench.results.journal import CorruptResults, Verdict
from tests.unit.experiments.redeploy.release_runs import Losses, release_run

pytestmark = pytest.mark.usefixtures("unpainted")


def verdicts(path: Path, losses: Losses | None = None) -> dict[str, Verdict]:
    """By id without the experiment's name."""
    found = analyse(release_run(path, losses)).verdicts
    return {each.id.partition("/")[2]: each for each in found}


def test_a_service_that_disturbs_nobody_is_better_than_a_monolith_that_does(
    tmp_path: Path,
) -> None:
    found = verdicts(tmp_path)
    verdict = found["service/microservices:monolith/disturbed_in_visits"]
    assert verdict.verdict == "supported"
    assert verdict.estimate == pytest.approx(-12.5)
    assert verdict.n_blocks == 6
    assert verdict.claims == ("release-one-service",)
    whole = found["whole/microservices:monolith/disturbed_in_visits"]
    assert whole.estimate == pytest.approx(5 - 12.5)
    assert "service/microservices:monolith (two replicas)/disturbed_in_visits" not in found, (
        "one release judges nothing"
    )


def test_two_runs_are_held_against_each_other_by_visits_and_by_seconds(tmp_path: Path) -> None:
    (made,) = sections(load_run(release_run(tmp_path)))
    compared = {each.id.removeprefix("redeploy/"): each for each in made.compared}
    visits = compared["service/microservices:monolith/disturbed_in_visits"]
    assert (visits.unit, visits.margin, len(visits.values)) == ("visits", 1.0, 6)
    seconds = compared["service/microservices:monolith/release_s"]
    assert (seconds.unit, len(seconds.values)) == ("", 6)


def test_every_claim_of_the_experiment_meets_a_verdict(tmp_path: Path) -> None:
    answered = {claim for each in verdicts(tmp_path).values() for claim in each.claims}
    wanted = {claim.id for claim in registry().claims if claim.experiment == "redeploy"}
    assert answered == wanted


def test_what_was_tried_is_supported_or_refuted(tmp_path: Path) -> None:
    found = verdicts(tmp_path)
    assert found["no-loss/microservices/orders/failed_in_visits"].verdict == "supported"
    assert found["no-loss/monolith/monolith/failed_in_visits"].verdict == "refuted"
    assert found["bad-release/monolith/failed_in_visits"].verdict == "supported"
    assert found["migration/monolith (two replicas)/failed_in_visits"].verdict == "supported"
    assert found["check-no-drain/microservices/disturbed_in_visits"].verdict == "supported"
    touched = found["touched/monolith/touched_in_percent"]
    assert (touched.verdict, touched.estimate) == ("supported", 100.0)
    assert "orders 1" in touched.note


def test_what_is_planted_and_not_seen_refutes_the_check(tmp_path: Path) -> None:
    found = verdicts(tmp_path, Losses(planted=0, never_ready=3, migration=2))
    assert found["check-no-drain/monolith/disturbed_in_visits"].verdict == "refuted"
    assert found["check-lock/microservices/disturbed_in_visits"].verdict == "refuted"
    once = found["bad-release/monolith/failed_in_visits"]
    assert (once.verdict, once.estimate) == ("inconclusive", 3.0)  # seen once: not yet repeatable
    migrated = found["migration/microservices (two gateways)/failed_in_visits"]
    assert (migrated.verdict, migrated.estimate) == ("inconclusive", 2.0)


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    found = verdicts(tmp_path, Losses(profile="smoke", repetitions=1))
    assert {each.verdict for each in found.values()} == {"inconclusive"}


@pytest.mark.parametrize(
    ("mean", "low", "high", "word"),
    [
        (-10.0, -14.0, -6.0, "supported"),
        (10.0, 6.0, 14.0, "refuted"),
        (-2.0, -5.0, 1.0, "inconclusive"),
        (-0.6, -1.1, -0.1, "inconclusive"),
        (0.0, 0.0, 0.0, "no difference shown"),
        (-0.5, -0.9, -0.1, "no difference shown"),
    ],
)
def test_the_rule_on_visits(mean: float, low: float, high: float, word: str) -> None:
    assert decide_visits(mean, low, high)[0] == word


def test_the_page_says_it_and_both_arms_have_a_cell(tmp_path: Path) -> None:
    run = release_run(tmp_path)
    page = build_report(run).read_text(encoding="utf-8")
    for part in (
        'id="redeploy"',
        "figure-redeploy-releases",
        "Releasing the monolith takes 2 s and disturbs 12.5",
        "a release that never gets ready was refused in 1 of 1 tries",
        "socket handed",
    ):
        assert part.replace("socket handed", "hand its socket") in page
    cells = json.loads((run / "verdicts.json").read_text())["cells"]
    assert [each["deployment"] for each in cells] == ["monolith", "microservices"]
    assert "12.5 visits disturbed" in cells[0]["text"]
    assert "1 of 4 operations" in cells[1]["text"]
    export_csv(run, tmp_path / "csv")
    rows = list(csv.DictReader((tmp_path / "csv" / "releases.csv").open()))
    assert {row["what"] for row in rows} >= {"release", "migration", "lock"}


@pytest.mark.parametrize(
    ("find", "put"),
    [('"ordered_s": 5.0', '"ordered_s": "soon"'), ('"component": "orders"', '"component": "x"')],
)
def test_damaged_records_are_one_line(tmp_path: Path, find: str, put: str) -> None:
    run = release_run(tmp_path)
    journal = run / "journal.json"
    text = journal.read_text(encoding="utf-8")
    assert find in text
    journal.write_text(text.replace(find, put, 1), encoding="utf-8")
    with pytest.raises(CorruptResults, match=r"settings\.redeploy") as caught:
        analyse(run)
    assert "\n" not in caught.value.message


def test_the_first_lines_say_visits_and_seconds_as_a_person_would(tmp_path: Path) -> None:
    (made,) = sections(load_run(release_run(tmp_path)))
    text = " ".join(made.sentences)
    assert (
        "A release of one service under load disturbs 12.5 visits fewer than one of monolith"
        in text
    )
    assert "times as long" in text
    assert "supported" not in text


def test_the_first_screen_gets_a_clause_and_a_tile(tmp_path: Path) -> None:
    (made,) = sections(load_run(release_run(tmp_path)))
    assert made.answer == (
        "a release of one service under load disturbs 0 visits and one of the monolith on one "
        "port 12.5",
    )
    (tile,) = made.tiles
    assert (tile.monolith, tile.microservices, tile.word) == (12.5, 0.0, "fewer")
