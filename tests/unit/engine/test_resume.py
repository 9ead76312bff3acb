"""An interrupted run is finished with what its journal says, and only where it belongs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.engine import resume
from bench.engine.options import RunOptions
from bench.engine.resume import differs, stored_options, wanted
from bench.engine.round_blocks import PairedStart
from bench.engine.runner import RunStopped, run
from bench.engine.runner import resume as resume_run
from bench.errors import ShopbenchError
from bench.experiments.latency import measure
from bench.files import replace_file
from bench.results.journal import RunReader, RunWriter, Trial
from tests.unit.results.test_journal import make_trial

TODAY: dict[str, Any] = {"machine": {"cpus": 2, "kernel": "6"}, "versions": {"python": "3.11"}}


@pytest.fixture(autouse=True)
def same_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever commits while the tests run does not disturb them."""
    for module in ("runner", "resume"):
        monkeypatch.setattr(f"bench.engine.{module}.source_commit", lambda: ("abc", False))


@pytest.mark.usefixtures("echo")
def test_a_resumed_run_measures_what_is_missing_and_nothing_twice(
    options: RunOptions, cut_off_after: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off_after(3, KeyboardInterrupt())  # one operation into the second start
    with pytest.raises(RunStopped) as caught:
        run(["latency"], replace(options, mixes=("product_read", "order")))
    path = caught.value.run_dir
    before = RunReader(path)
    assert len(before.trials) == 9
    monkeypatch.setattr(measure, "client_time_ms", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(
        PairedStart, "_calibrated_gap", lambda *_: pytest.fail("another gap between rounds")
    )
    reported: list[Path] = []
    assert resume_run(path, reported.append, quiet=True) == path == reported[0]
    after = RunReader(path)
    assert after.trials[:9] == before.trials
    # the start that was cut off is not gone on with: its processes are no more
    assert [trial.block for trial in after.trials[9:]] == [2] * 6
    journal = after.journal
    gaps_s = [each.settings["latency"]["gaps_s"] for each in (before.journal, journal)]
    assert gaps_s[0] == gaps_s[1]
    assert not journal.interrupted
    assert (journal.finished_at or "") > (before.journal.finished_at or "")
    (entry,) = journal.settings["resumed"]
    assert entry["trials"] == 9
    assert entry["stopped_at"] == before.journal.finished_at
    assert any(note.startswith(f"resumed at {entry['at']} after") for note in journal.notes)
    with pytest.raises(ShopbenchError, match="is finished") as refused:
        resume_run(path, quiet=True)
    assert refused.value.exit_code == 2


@pytest.mark.slow
@pytest.mark.usefixtures("echo")
def test_a_run_is_finished_within_another_time_limit(
    options: RunOptions, cut_off_after: Callable[..., None]
) -> None:
    cut_off_after(1, KeyboardInterrupt())
    with pytest.raises(RunStopped) as caught:
        run(["latency"], replace(options, mixes=("order",), max_minutes=60.0))
    path = caught.value.run_dir
    after = RunReader(resume_run(path, quiet=True, max_minutes=0.001))
    assert len(after.trials) == 3  # more time than that was spent before: no start begins
    assert after.journal.settings["latency"]["stopped"] == "time limit reached after 1 start"
    assert wanted(after.journal.settings, path).options.max_minutes == 0.001
    assert any("the time limit is" in note for note in after.journal.notes)


@pytest.mark.usefixtures("echo")
@pytest.mark.slow
def test_a_run_may_be_resumed_before_it_measured_anything(
    options: RunOptions, cut_off_after: Callable[..., None]
) -> None:
    cut_off_after(0, KeyboardInterrupt())
    with pytest.raises(RunStopped) as caught:
        run(["latency"], replace(options, mixes=("order",)))
    path = caught.value.run_dir
    assert [t.block for t in RunReader(resume_run(path, quiet=True)).trials] == [0] * 3 + [1] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("echo")
def test_a_full_disk_stops_the_run_in_one_line_and_it_is_finished_later(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def reported(_: Path) -> None:
        raise OSError(28, "No space left on device")

    def full_after_three_trials(path: Path, content: object) -> None:
        rows = sum(each.suffix == ".parquet" for each in written)
        if rows == 3:
            raise ShopbenchError(f"cannot write {path}: No space left on device", 3)
        written.append(path)
        replace_file(path, content)

    with monkeypatch.context() as patch:
        for module in ("journal", "row_files"):
            patch.setattr(f"bench.results.{module}.replace_file", full_after_three_trials)
        with pytest.raises(RunStopped, match="No space left") as caught:
            run(["latency"], replace(options, mixes=("product_read",)), reported)
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.message
    path = caught.value.run_dir
    kept = RunReader(path)
    assert len(kept.trials) == 2  # the third has rows, but its entry found no room
    assert kept.journal.finished_at is None
    after = RunReader(resume_run(path, quiet=True))
    assert [trial.block for trial in after.trials] == [0] * 2 + [1] * 3 + [2] * 3


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: (path / "journal.json").write_text("{"), "journal.json"),
        (lambda path: next((path / "rows").iterdir()).unlink(), "rows"),
        (lambda path: next((path / "rows").iterdir()).write_bytes(b"PAR1"), "rows"),
        (lambda path: change(path, settings={}), "does not say"),
        (lambda path: change(path, commit="other"), "commit other"),
        (lambda path: change(path, machine={}), "another machine"),
        (lambda path: change(path, versions={"django": "1"}), "django|with"),
    ],
)
def test_a_run_that_cannot_be_gone_on_with_is_refused_in_one_line(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    path = half_a_run(tmp_path)
    damage(path)
    with pytest.raises(ShopbenchError, match=says) as caught:
        resume_run(path, quiet=True)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


def test_a_time_limit_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    path = half_a_run(tmp_path, "selftest-gates")
    with pytest.raises(ShopbenchError, match="--max-minutes has no effect on selftest-gates"):
        resume_run(path, quiet=True, max_minutes=1.0)


@pytest.mark.parametrize("dirty", [True, False])
def test_a_run_gone_on_with_from_a_changed_source_tree_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dirty: bool
) -> None:
    path = half_a_run(tmp_path)
    monkeypatch.setattr("bench.engine.resume.source_commit", lambda: ("abc", dirty))
    resume.reopen(path)[0].close()
    notes = RunReader(path).journal.notes
    assert any("changes that are in no commit" in note for note in notes) == dirty


def test_two_cannot_write_the_same_run(tmp_path: Path) -> None:
    path = half_a_run(tmp_path)
    writer, _ = resume.reopen(path)
    with pytest.raises(ShopbenchError, match="another process is writing") as caught:
        resume.reopen(path)
    assert caught.value.exit_code == 2
    writer.close()
    resume.reopen(path)[0].close()


def test_leftovers_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    path = half_a_run(tmp_path)
    halves = [path / ".journal.json.x1", path / "rows" / ".t0001.parquet.x2"]
    for half in halves:
        half.write_text("half")
    resume.reopen(path)[0].close()
    assert not any(half.exists() for half in halves)
    assert len(RunReader(path).trials) == 1


def test_options_are_read_back_as_they_were_given(tmp_path: Path, options: RunOptions) -> None:
    given = replace(options, cpus=(1,), fail_on=("p95>1s",), mixes=("order",), seed=9)
    stored = json.loads(json.dumps(stored_options(["latency", "floor"], given)))
    found = wanted({"options": stored}, tmp_path / "here" / "run")
    assert found.experiments == ["latency", "floor"]
    assert found.options == replace(given, results_root=tmp_path / "here")


def test_every_experiment_keeps_its_own_blocks_apart() -> None:
    series = a_series(("monolith", "modular"))
    trials = (
        trial(0, "monolith"),
        trial(0, "modular", status="invalid"),
        trial(0, "bare", attempt=3),  # of another series of the same mix
        trial(1, "monolith"),
        trial(1, "modular"),
        trial(1, "monolith", attempt=1),
        trial(2, "monolith", mix="order"),
    )
    found = [series.recorded(trials, block) for block in range(3)]
    assert [(f.complete, f.valid, f.whole, f.next_attempt) for f in found] == [
        (True, False, 1, 1),
        (False, False, 1, 2),
        (False, False, 0, 0),
    ]


def test_a_reboot_into_another_kernel_is_another_machine(tmp_path: Path) -> None:
    journal = RunReader(half_a_run(tmp_path)).journal
    journal = replace(journal, **TODAY, commit="abc")
    assert differs(journal, TODAY["machine"], "abc", TODAY["versions"]) == ""
    other = {**TODAY["machine"], "kernel": "7"}
    assert "kernel 6, here 7" in differs(journal, other, "abc", TODAY["versions"])


def a_series(names: tuple[str, ...]):  # type: ignore[no-untyped-def]
    from bench.engine.run_context import Series

    key = ("latency", "product_read", 50.0)
    return Series("label", 1.0, lambda _: lambda _: [], key=key, names=names)


def trial(block: int, deployment: str, attempt: int = 0, **changes: object) -> Trial:
    name = f"{block}-{deployment}-{attempt}"
    return make_trial(name, block=block, deployment=deployment, attempt=attempt, **changes)


def half_a_run(tmp_path: Path, name: str = "latency") -> Path:
    """A run with one trial whose writer was killed."""
    from bench.engine import runner
    from tests.unit.results.test_journal import make_rows

    options = RunOptions(profile="smoke", results_root=tmp_path, command="shopbench run latency")
    profile, options = runner._checked([name], options)
    facts = runner._facts([name], options, profile, ((0,), (0,)))
    writer = RunWriter.create(tmp_path, "killed", facts)
    writer.add_trial(make_trial(), make_rows())
    writer.close()
    return writer.path


def change(path: Path, **changes: object) -> None:
    file = path / "journal.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
