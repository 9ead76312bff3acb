"""Which run is meant: short names, `latest`, and what is said where that is not clear."""

from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.results.run_names import find_run, short_names
from tests.unit.results.listed import change_journal, listed_run

NAMES = ("20261130-080000-latency-quick-a42e", "20261130-090000-failure-quick-a43e")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for hour, name in enumerate(NAMES):
        listed_run(root, name, hour)
    return root


def refusal(given: str, root: Path) -> str:
    with pytest.raises(ShopbenchError) as caught:
        find_run(given, root)
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize("given", ["a42e", "latency", "130-08", NAMES[0]])
def test_any_part_that_one_run_has_names_it(given: str, root: Path) -> None:
    assert find_run(given, root) == root / NAMES[0]


def test_the_end_of_a_name_counts_before_what_stands_within_one(tmp_path: Path) -> None:
    for name in ("20261130-080000-latency-quick-1130", "20261130-090000-latency-quick-beef"):
        listed_run(tmp_path, name)
    assert find_run("1130", tmp_path).name.endswith("1130")


def test_a_folder_that_is_no_run_is_no_candidate(tmp_path: Path) -> None:
    listed_run(tmp_path, NAMES[0])
    (tmp_path / "20261130-latency").mkdir()
    assert find_run("latency", tmp_path).name == NAMES[0]
    assert refusal("zzzz", tmp_path).endswith("there are a42e")


def test_latest_is_the_last_that_ended_with_results(root: Path, tmp_path: Path) -> None:
    assert find_run("latest", root) == root / NAMES[1]
    assert find_run("latest~1", root) == root / NAMES[0]
    listed_run(tmp_path, "done")
    change_journal(listed_run(tmp_path, "stopped", 1), interrupted=True)
    change_journal(listed_run(tmp_path, "killed", 2), finished_at=None)
    assert find_run("latest", tmp_path) == tmp_path / "done"


def test_a_path_is_taken_as_it_is(root: Path) -> None:
    path = str(root / NAMES[0])
    assert find_run(path, root) == Path(path)
    assert find_run("no/such/run", root) == Path("no/such/run")


def test_what_fits_several_runs_is_refused_with_them(root: Path) -> None:
    assert refusal("quick", root) == f"'quick' fits 2 runs: {NAMES[1]}, {NAMES[0]}"


def test_what_fits_none_is_refused_with_what_was_meant(root: Path) -> None:
    assert refusal("a42f", root) == (
        "no run is called 'a42f'; did you mean 'a42e'? There are a43e, a42e"
    )
    assert refusal("zzzz", root) == "no run is called 'zzzz'; there are a43e, a42e"


def test_a_run_before_the_first_is_refused(root: Path, tmp_path: Path) -> None:
    assert "there are only 2 runs with results" in refusal("latest~2", root)
    assert "`shopbench run` makes one" in refusal("latest", tmp_path / "none")
    assert refusal("a42e", tmp_path / "none").startswith("there is no run folder a42e, and no run")


def test_every_short_name_leads_back_to_its_run(root: Path) -> None:
    assert short_names(NAMES) == dict(zip(NAMES, ("a42e", "a43e"), strict=True))
    alike = ("x-latency-a42e", "y-latency-a42e", "a42e")
    short = short_names(alike)
    assert short["y-latency-a42e"] == "y-latency-a42e"
    assert not any(name.startswith("-") for name in short.values())
