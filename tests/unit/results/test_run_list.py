"""The list of runs: what is read of each, and folders that are none."""

from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.results.journal import RunWriter
from bench.results.run_list import ListedRun, runs_in
from tests.unit.results.listed import ANSWER, change_journal, facts, listed_run


def only(root: Path) -> ListedRun:
    (run,) = runs_in(root).runs
    return run


def test_runs_come_newest_first_with_what_they_found(tmp_path: Path) -> None:
    listed_run(tmp_path, "b-older", 1)
    listed_run(tmp_path, "a-newer", 2)
    found = runs_in(tmp_path)
    assert [run.name for run in found.runs] == ["a-newer", "b-older"]
    run = found.runs[0]
    assert (run.state, run.minutes, run.experiments) == ("complete", 12.0, ("latency",))
    assert run.machine == "Invented CPU, 2 CPUs"
    assert run.words is not None
    assert run.words.sentences == (ANSWER,)
    assert len(run.named) == 1
    assert found.others == ()


def test_a_run_that_is_being_written_runs_and_one_that_was_killed_does_not(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "now", facts())
    assert only(tmp_path).state == "running"
    writer.close()
    assert only(tmp_path).state == "interrupted"


def test_the_gap_before_a_resume_is_not_counted(tmp_path: Path) -> None:
    listed_run(tmp_path, "run", settings={"resumed": [{"gap_s": 120.0}]})
    assert only(tmp_path).minutes == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "it holds no journal.json"),
        ("{", "journal.json: "),
        ('{"schema_version": 1}', "journal.json: "),
        ('{"schema_version": "\\u001b[31m"}', "journal.json: "),
        ("[" * 100_000, "journal.json: "),
    ],
)
def test_a_folder_that_is_no_run_is_named_and_harms_nothing(
    tmp_path: Path, content: str | None, why: str
) -> None:
    listed_run(tmp_path, "run")
    (tmp_path / "other").mkdir()
    if content is not None:
        (tmp_path / "other" / "journal.json").write_text(content)
    found = runs_in(tmp_path)
    assert [run.name for run in found.runs] == ["run"]
    assert [(name, text.startswith(why)) for name, text in found.others] == [("other", True)]
    assert "\x1b" not in found.others[0][1]


def test_links_are_not_followed(tmp_path: Path) -> None:
    run = listed_run(tmp_path / "elsewhere", "run")
    root = tmp_path / "runs"
    root.mkdir()
    (root / "linked").symlink_to(run)
    (root / "journal").mkdir()
    (root / "journal" / "journal.json").symlink_to(run / "journal.json")
    found = runs_in(root)
    assert found.runs == ()
    assert [why for _, why in found.others] == ["is a link, which is not followed"] * 2


def test_verdicts_that_cannot_be_read_are_as_none(tmp_path: Path) -> None:
    run = listed_run(tmp_path, "run")
    (run / "verdicts.json").write_text('{"schema_version": 1}')
    assert only(tmp_path).words is None


def test_texts_of_a_run_do_nothing(tmp_path: Path) -> None:
    change_journal(listed_run(tmp_path, "run"), command="\x1b[2J", commit="\u202e")
    run = only(tmp_path)
    assert (run.command, run.commit) == ("\\u001b[2J", "\\u202e")


def test_files_beside_the_runs_are_not_told_and_no_folder_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / ".hidden").mkdir()
    assert (runs_in(tmp_path).runs, runs_in(tmp_path).others) == ((), ())
    assert runs_in(tmp_path / "none").runs == ()
    with pytest.raises(ShopbenchError, match="cannot read"):
        runs_in(tmp_path / "index.html")
