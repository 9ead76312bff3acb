"""Result files: what was written is read back; damage is one clear line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.results.journal import (
    ROW_SCHEMA,
    ComponentUsage,
    CorruptResults,
    Gate,
    RunFacts,
    RunReader,
    RunWriter,
    SqlCount,
    TableCell,
    Trial,
    Verdict,
    rows_table,
    write_verdicts,
)

FACTS = RunFacts(
    command="shopbench run latency",
    commit="abc",
    dirty=False,
    machine={"cores": 2},
    versions={"python": "3.11"},
    settings={"seed_users": 200},
    profile="smoke",
    seed=7,
    controlled=True,
)


def make_trial(trial_id: str = "t0001", **changes: object) -> Trial:
    fields: dict[str, object] = {
        "trial_id": trial_id,
        "experiment": "latency",
        "block": 0,
        "position": 0,
        "deployment": "monolith",
        "mix": "product_read",
        "offered_rps": 50.0,
        "seed": 7,
        "schedule_sha256": "00",
        "warmup_s": 1.0,
        "measured_s": 2.0,
        "measured_from_s": 1.5,
        "measured_to_s": 3.5,
        "planned": 3,
        "sent": 3,
        "skipped": 0,
        "status": "valid",
        "gates": (Gate("skipped", 0.0, 0.0, "requests", "pass"),),
        "usage": {"monolith": ComponentUsage(0.5, 1024)},
        "sql": SqlCount(10, 5),
        "lag_ms_p99": 0.4,
        "started_at": "2026-01-01T00:00:00.000Z",
        "rows_file": f"rows/{trial_id}.parquet",
    }
    return Trial(**{**fields, **changes})  # type: ignore[arg-type]


def make_rows(n: int = 3):  # type: ignore[no-untyped-def]
    return rows_table(
        {
            "due_s": [0.1 * i for i in range(n)],
            "sent_s": [0.1 * i for i in range(n)],
            "done_s": [0.1 * i + 0.01 for i in range(n)],
            "status": [200] * n,
            "bytes": [100] * n,
            "operation": ["product_read"] * n,
            "journey": ["product_read"] * n,
            "error": [""] * n,
            "visit": list(range(n)),
            "app_ms": [1.0] * n,
            "db_ms": [float("nan")] * n,
        }
    )


@pytest.fixture
def run(tmp_path: Path) -> RunWriter:
    writer = RunWriter.create(tmp_path, "run-1", FACTS)
    writer.add_trial(make_trial(), make_rows())
    return writer


def test_what_was_written_is_read_back(run: RunWriter) -> None:
    verdict = Verdict(
        "v", "q", "p50", "a", "b", "product_read", 1.1, 1.0, None, 0.95, 6, "inconclusive", "r",
        claims=("boundary-time",),
    )  # fmt: skip
    run.note("uncontrolled")
    run.note("uncontrolled")
    cell = TableCell("scalability", "monolith", "capacity", "100 requests/s")
    run.finish()
    reader = RunReader(run.path)
    assert reader.cells is None
    write_verdicts(run.path, [verdict], [cell])
    assert reader.cells == (cell,)
    assert reader.journal == run.journal
    assert reader.trials == (make_trial(),)
    assert reader.verdicts == (verdict,)
    assert reader.journal.notes == ("uncontrolled",)
    rows = reader.rows("t0001")
    assert rows.schema.equals(ROW_SCHEMA)
    assert rows.column("operation").to_pylist() == ["product_read"] * 3


def test_a_run_can_be_read_while_it_lasts_and_continued_afterwards(run: RunWriter) -> None:
    run.finish(interrupted=True)
    assert RunReader(run.path).journal.interrupted
    again = RunWriter.reopen(run.path)
    again.add_trial(make_trial("t0002"), make_rows())
    reader = RunReader(run.path)
    assert [trial.trial_id for trial in reader.trials] == ["t0001", "t0002"]
    assert not reader.journal.interrupted


def test_rows_without_an_entry_are_overwritten_on_resume(run: RunWriter) -> None:
    (run.path / "rows" / "t0002.parquet").write_bytes(b"half")
    run.close()
    again = RunWriter.reopen(run.path)
    again.add_trial(make_trial("t0002"), make_rows())
    assert RunReader(run.path).rows("t0002").num_rows == 3


def test_a_write_that_fails_leaves_the_old_journal(
    run: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = (run.path / "journal.json").read_bytes()
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ShopbenchError, match=r"cannot write .*: No space"):
        run.note("x")
    assert (run.path / "journal.json").read_bytes() == before
    assert sorted(p.name for p in run.path.iterdir()) == ["journal.json", "rows"]


def test_a_trial_is_stored_once_and_only_with_the_row_schema(run: RunWriter) -> None:
    with pytest.raises(ValueError, match="already"):
        run.add_trial(make_trial(), make_rows())
    with pytest.raises(ValueError, match="schema"):
        run.add_trial(make_trial("t0002"), make_rows().drop(["visit"]))


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match="there is no run folder") as caught:
        RunReader(tmp_path / "nowhere")
    assert caught.value.exit_code == 2


def test_what_is_no_run_is_told_from_a_damaged_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path, why in ((tmp_path, "it holds no journal.json"), (file, "it is a file")):
        with pytest.raises(ShopbenchError, match=f"is not a run folder: {why}") as caught:
            RunReader(path)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"schema_version": 2}',
        b'{"schema_version": 2, "run_id": 5}',
    ],
)
def test_a_damaged_journal_is_refused_in_one_line(run: RunWriter, damage: bytes) -> None:
    (run.path / "journal.json").write_bytes(damage)
    with pytest.raises(CorruptResults) as caught:
        RunReader(run.path)
    assert "journal.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (99, "schema version 99, this shopbench reads"),
        ("x", "schema version 'x'"),
        (1, r"written by an older shopbench \(schema 1\); .*report\.html can still be opened"),
    ],
)
def test_another_schema_version_is_refused(run: RunWriter, version: object, said: str) -> None:
    path = run.path / "journal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": version}))
    with pytest.raises(CorruptResults, match=said):
        RunReader(run.path)


@pytest.mark.parametrize("cut", [0, 10, 400, -1])
def test_truncated_rows_are_refused(run: RunWriter, cut: int) -> None:
    path = run.path / "rows" / "t0001.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorruptResults) as caught:
        RunReader(run.path).rows("t0001")
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_in_the_rows_is_noticed(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "run-1", FACTS)
    writer.add_trial(make_trial(), make_rows(500))
    path = writer.path / "rows" / "t0001.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(CorruptResults):
        RunReader(writer.path).rows("t0001")


def test_missing_rows_and_unknown_trials_are_refused(run: RunWriter) -> None:
    (run.path / "rows" / "t0001.parquet").unlink()
    with pytest.raises(CorruptResults):
        RunReader(run.path).rows("t0001")
    with pytest.raises(CorruptResults, match="no trial"):
        RunReader(run.path).rows("t0009")


def test_a_rows_file_outside_the_run_folder_is_refused(run: RunWriter) -> None:
    path = run.path / "journal.json"
    path.write_text(path.read_text().replace("rows/t0001.parquet", "../../etc/passwd"))
    with pytest.raises(CorruptResults, match="leaves the run folder"):
        RunReader(run.path).rows("t0001")


def test_damaged_verdicts_are_refused(run: RunWriter) -> None:
    assert RunReader(run.path).verdicts == ()
    (run.path / "verdicts.json").write_text('{"schema_version": 2, "verdicts": [{}]}')
    with pytest.raises(CorruptResults, match=r"verdicts\.json"):
        _ = RunReader(run.path).verdicts


def test_verdicts_of_an_older_version_are_read_and_have_no_cells(run: RunWriter) -> None:
    write_verdicts(run.path, [])
    path = run.path / "verdicts.json"
    older = json.loads(path.read_text())
    del older["cells"]
    path.write_text(json.dumps(older))
    assert RunReader(run.path).cells is None
    assert RunReader(run.path).verdicts == ()
