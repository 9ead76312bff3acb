"""Several runs as one picture: who counts, what is refused, and the command that prints it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import run_command
from bench.errors import ShopbenchError
from bench.report.build import build_report
from bench.report.comparison import comparison
from bench.report.merged_runs import picture_of_runs
from tests.unit.experiments.capacity.capacity_runs import SATURATED, capacity_run
from tests.unit.report.factory import Rounds, make_run, pair_run

pytestmark = pytest.mark.usefixtures("unpainted")

SMALL = pair_run()


def latency_run(root: Path, name: str, plan: Rounds = SMALL) -> Path:
    run = make_run(root, plan, name)
    build_report(run)
    return run


def copy_of(run: Path, root: Path, name: str) -> Path:
    """The same run measured under another name; the report is not built again."""
    other = Path(shutil.copytree(run, root / name))
    change_journal(other, run_id=name)
    return other


@pytest.fixture(scope="module")
def latency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return latency_run(tmp_path_factory.mktemp("runs"), "run-latency")


@pytest.fixture(scope="module")
def capacity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = {"monolith": [200.0] * 3, "microservices": [100.0] * 3}
    run = capacity_run(tmp_path_factory.mktemp("capacity"), found, saturated=SATURATED)
    build_report(run)
    return run


def change_journal(run: Path, **changes: object) -> None:
    path = run / "journal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_two_runs_fill_one_table_and_every_cell_says_where_it_is_from(
    latency: Path, capacity: Path
) -> None:
    picture = picture_of_runs([latency, capacity])
    rows = {row.row.id: row.cells["monolith"] for row in comparison(picture)}
    assert rows["scalability"][0].source == "capacity, run"
    assert rows["complexity"][0].source == "latency, run-latency"
    runs = {r.claim.id: {a.run_id for a in r.answers} for r in picture.results if r.answers}
    assert runs["capacity-equal-cpu"] == {"run"}
    assert runs["whole-cpu"] == {"run-latency"}
    assert picture.remarks == ()


def test_of_two_runs_with_one_experiment_the_larger_profile_counts(
    latency: Path, tmp_path: Path
) -> None:
    later = latency_run(tmp_path, "later", replace(SMALL, profile="smoke"))
    for order in ([latency, later], [later, latency]):
        picture = picture_of_runs(order)
        assert {a.run_id for r in picture.results for a in r.answers} == {"run-latency"}
        assert picture.remarks == ("latency: later left out, run-latency counts",)


def test_of_two_like_runs_the_later_counts(latency: Path, tmp_path: Path) -> None:
    later = copy_of(latency, tmp_path, "later")
    change_journal(later, started_at="2999-01-01T00:00:00Z")
    picture = picture_of_runs([later, latency])
    assert {a.run_id for r in picture.results for a in r.answers} == {"later"}


def test_the_same_run_twice_is_one_run(latency: Path) -> None:
    picture = picture_of_runs([latency, latency])
    assert not picture.several


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"commit": "f" * 40}, "differ in: commit"),
        ({"machine": {"cpu": "Another CPU", "cores": 2}}, "differ in: machine: cpu"),
        ({"controlled": False}, "CPU budget and pinning enforced"),
        ({"settings": {"own_pair": {}, "deployments": ["a", "b"]}}, "of your own services"),
    ],
)
def test_runs_that_make_no_one_picture_are_refused(
    latency: Path, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    other = copy_of(latency, tmp_path, "other")
    change_journal(other, **changes)
    with pytest.raises(ShopbenchError, match=says) as caught:
        picture_of_runs([latency, other])
    assert caught.value.exit_code == 2


def test_local_changes_are_remarked(tmp_path: Path, latency: Path, capacity: Path) -> None:
    other = copy_of(latency, tmp_path, "other")
    change_journal(other, dirty=True)
    remarks = picture_of_runs([capacity, other]).remarks
    assert remarks == ("measured with local changes, which may differ: other",)


def test_a_run_without_a_report_of_this_version_is_told_to_get_one(tmp_path: Path) -> None:
    run = make_run(tmp_path, SMALL)
    with pytest.raises(ShopbenchError, match="shopbench report"):
        picture_of_runs([run])


def test_the_command_lists_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["claims"]) == 0
    shown = capsys.readouterr().out
    assert "boundary-time" in shown
    assert "by hand: a hidden slow component" in " ".join(shown.split())
    assert "not built" not in shown
    assert run_command(["claims", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["claims"]
    assert {"id", "wording", "direction", "metric", "rule_text", "built"} <= listed[0].keys()


def test_the_command_merges_runs_and_writes_a_page(
    latency: Path, capacity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "picture.html"
    arguments = ["claims", "--run", str(latency), "--run", str(capacity)]
    assert run_command([*arguments, "--out", str(page)]) == 0
    shown = capsys.readouterr().out
    assert "(capacity, run)" in " ".join(shown.split())
    assert f"page: {page}" in shown
    assert "capacity on equal CPU" in page.read_text()
    assert run_command([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_id = {claim["id"]: claim for claim in found["claims"]}
    assert by_id["capacity-equal-cpu"]["verdict"] == "supported"
    assert by_id["capacity-equal-cpu"]["answers"][0]["run"] == "run"
    assert by_id["diagnosis-tools"]["verdict"] is None
    assert [row["row"] for row in found["comparison"]][1] == "scalability"


def test_the_terminal_tells_how_many_claims_a_run_decided(
    latency: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["report", str(latency)]) == 0
    assert f"claims --run {latency}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--run", "no/where"], f"there is no run folder {Path('no/where').resolve()}"),
        (["--out", "page.html"], "--out needs at least one --run"),
    ],
)
def test_wrong_use_of_the_command_is_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["claims", *arguments]) == 2
    assert capsys.readouterr().err == f"error: {says}\n"


def test_a_page_that_cannot_be_written_is_one_line(
    latency: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "missing" / "page.html"
    assert run_command(["claims", "--run", str(latency), "--out", str(page)]) == 3
    assert "No such file" in capsys.readouterr().err
