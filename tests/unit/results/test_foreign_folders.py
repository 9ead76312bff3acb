"""Run folders from somebody else: links, pipes, sizes and shapes are refused in one line."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.audit.history import CorruptHistory, read_history
from bench.audit.stored import pack, unpack
from bench.errors import ShopbenchError
from bench.files import lock_folder, make_folder, open_file, replace_file
from bench.results.episodes import MAX_FILE_BYTES, Episode, EpisodeFolder, read_events
from bench.results.journal import MAX_JSON_BYTES, CorruptResults, RunReader, RunWriter
from bench.results.plain_text import plain, plain_json
from tests.unit.audit.sound_shop import sound_shop
from tests.unit.results.test_journal import FACTS, make_rows, make_trial

ROWS = "rows/t0001.parquet"
PLACES = (
    *("journal.json", "verdicts.json", "report.html", "summary.md", ".report.html.part"),
    *("rows", ROWS, "figures", "figures/quality.svg", "episodes", "episodes/e/history.jsonl"),
    *("episodes/e/events.jsonl", "episodes/e/snapshot.json.gz", "lock"),
)
HIDDEN = "\x00\x07\x1b[31m\n\r\x7f\x9b\u2028\u202e\u2066"
SPELLED = r"\u0000\u0007\u001b[31m\u000a\u000d\u007f\u009b\u2028\u202e\u2066"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    writer = RunWriter.create(tmp_path / "runs", "run", FACTS)
    writer.add_trial(make_trial(), make_rows())
    writer.finish()
    return writer.path


def put(run: Path, place: str, make: Callable[[Path], None]) -> None:
    """Make something in the place of a file or a folder of a run."""
    path = run / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.rename(run.parent / "moved")
    make(path)


def edit(run: Path, **changes: Any) -> None:
    path = run / "journal.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_trial(run: Path, **changes: Any) -> None:
    (trial,) = json.loads((run / "journal.json").read_text())["trials"]
    edit(run, trials=[{**trial, **changes}])


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ShopbenchError) as caught:
        read()
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 700
    return caught.value.message


@pytest.mark.parametrize("place", PLACES)
def test_a_link_anywhere_in_a_run_is_refused_by_name(run: Path, place: str) -> None:
    put(run, place, lambda path: path.symlink_to(run.parent / "moved"))
    assert refusal(lambda: RunReader(run)) == f"{run / place}: is a link, which is not followed"


@pytest.mark.parametrize("place", PLACES)
def test_a_pipe_in_the_place_of_anything_is_not_waited_for(run: Path, place: str) -> None:
    put(run, place, os.mkfifo)
    assert refusal(lambda: RunReader(run)) == f"{run / place}: is no file and no folder"


def test_only_a_file_of_its_own_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("pipe", "link", ".", "/dev/null"):
        with pytest.raises(OSError, match=r"is no file|is a link"):
            open_file(tmp_path / name)
    assert open_file(tmp_path / "file").read() == b"x"
    with pytest.raises(ShopbenchError, match="cannot open the run folder"):
        lock_folder(tmp_path / "pipe")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    for name in ("link", ".page.html.part"):
        (tmp_path / name).symlink_to(precious)
    os.link(precious, tmp_path / "hard")
    for write in (
        lambda: replace_file(tmp_path / "link", b""),
        lambda: make_folder(tmp_path / "link"),
    ):
        assert "is a link, which is not followed" in refusal(write)
    replace_file(tmp_path / "page.html", b"page")
    replace_file(tmp_path / "hard", b"other")  # one name of two: the other one keeps its content
    assert precious.read_text() == "kept"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        ".page.html.part", "hard", "link", "page.html", "precious",
    ]  # fmt: skip


@pytest.mark.parametrize("depth", [60, 900, 50_000])
@pytest.mark.parametrize("name", ["settings", "machine", "unknown"])
def test_a_deep_journal_is_one_line(run: Path, name: str, depth: int) -> None:
    text = (run / "journal.json").read_text().rstrip().removesuffix("}")
    deep = '{"a":' * depth + "1" + "}" * depth
    (run / "journal.json").write_text(f'{text}, "{name}": {deep}}}')
    if name == "unknown" and depth < 1000:  # nobody looks at it
        assert RunReader(run).trials
    else:
        assert "nested more than 50 deep" in refusal(lambda: RunReader(run))


@pytest.mark.parametrize("name", ["journal.json", "verdicts.json"])
def test_a_gigabyte_is_not_read(run: Path, name: str) -> None:
    (run / name).touch()
    os.truncate(run / name, 10**9)
    assert f"at most {MAX_JSON_BYTES:,} are read" in refusal(lambda: RunReader(run).verdicts)


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", "", ".", "..", "x" * 300, "a\0b"])
def test_what_files_are_named_after_never_is_a_path(run: Path, name: str) -> None:
    sound = (run / "journal.json").read_text()
    episode = Episode(name, "consistency", "monolith", "kills", 0, 1, "now")
    edit(run, run_id=name)
    if "\0" in name:  # only who goes on with a run sees it as it stands
        assert RunReader(run).journal.run_id == r"a\u0000b"
    said = [refusal(lambda: RunReader(run, exact=True))]
    (run / "journal.json").write_text(sound)
    edit(run, episodes=[{**vars(episode)}])
    said.append(refusal(lambda: RunReader(run, exact=True)))
    (run / "journal.json").write_text(sound)
    edit_trial(run, trial_id=name)
    said.append(refusal(lambda: RunReader(run, exact=True)))
    assert all("is no name that a file can have" in text for text in said)


@pytest.mark.parametrize(
    ("rows_file", "said"),
    [("rows", "is no file"), ("../x", "leaves the run"), ("/dev/zero", "leaves the run"),
     ("journal.json", "journal.json: "), ("rows/none", "No such file"), ("a\0b", "leaves the run")],
)  # fmt: skip
def test_a_rows_file_that_is_none_is_one_line(run: Path, rows_file: str, said: str) -> None:
    edit_trial(run, rows_file=rows_file)
    for read in (lambda reader: reader.rows("t0001"), RunReader.check_rows):
        assert said in refusal(lambda: read(RunReader(run, exact=True)))  # noqa: B023


def test_rows_have_to_be_as_many_as_the_journal_says(run: Path) -> None:
    edit_trial(run, sent=5)
    assert "3 rows, the journal says 5" in refusal(lambda: RunReader(run).rows("t0001"))


def other(name: str, values: list[Any], kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.schema.get_field_index(name), name, pa.array(values, kind))

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop(["visit"]), "columns ["),
        (
            lambda rows: rows.rename_columns([f"{name}\x1b" * 9999 for name in rows.column_names]),
            "",
        ),
        (other("due_s", ["x"] * 3, pa.string()), "Failed to parse"),
        (other("due_s", [[1.0]] * 3, pa.list_(pa.float64())), "cast"),
        (other("status", [10**9] * 3, pa.int64()), "not in range"),
        (other("visit", [1, None, 1], pa.int32()), "visit is missing in 1 rows"),
        (other("operation", [None] * 3, pa.string()), "operation is missing in 3 rows"),
    ],
)
def test_rows_of_another_shape_are_one_line(
    run: Path, change: Callable[[pa.Table], pa.Table], said: str
) -> None:
    pq.write_table(change(pq.read_table(run / ROWS)), run / ROWS)
    assert said in refusal(lambda: RunReader(run).rows("t0001"))


def test_a_text_of_no_encoding_is_one_line(run: Path) -> None:
    raw = pa.array([b"\xff\xfe"] * 3, pa.binary()).view(pa.string())
    pq.write_table(pq.read_table(run / ROWS).set_column(5, "operation", raw), run / ROWS)
    assert "UTF8" in refusal(lambda: RunReader(run).rows("t0001"))


def test_a_small_file_does_not_unpack_into_gigabytes(run: Path) -> None:
    long = ["x" * 10**7, "y" * 10**7, "z" * 10**7]
    pq.write_table(other("error", long, pa.string())(pq.read_table(run / ROWS)), run / ROWS)
    assert "more than a trial has" in refusal(lambda: RunReader(run).rows("t0001"))
    for bomb in (gzip.compress(bytes(MAX_FILE_BYTES + 1), 1), pack(sound_shop().rows)[:-20]):
        assert "cut off, or larger" in refusal(lambda: unpack(bomb))  # noqa: B023


def test_what_a_terminal_obeys_is_spelled_out_in_every_text(run: Path) -> None:
    assert plain(HIDDEN) == SPELLED
    assert plain("Größe: 1 kB, \U0001f600 {}") == "Größe: 1 kB, \U0001f600 {}"
    document = {"key" + HIDDEN: ['\\n \\u001b "q" /', HIDDEN, "\U0001f600"]}
    for ascii_only in (True, False):
        for indent in (None, 1):
            raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
            found = json.loads(plain_json(raw))
            assert found == {"key" + SPELLED: ['\\n \\u001b "q" /', SPELLED, "\U0001f600"]}


def test_a_run_is_read_plain_and_gone_on_with_as_it_stands(run: Path) -> None:
    edit(run, notes=[HIDDEN])
    rows = other("error", [HIDDEN, "", "x"], pa.string())(pq.read_table(run / ROWS))
    pq.write_table(rows, run / ROWS)
    reader = RunReader(run)
    assert HIDDEN not in reader.journal.notes[0]
    assert reader.rows("t0001").column("error").to_pylist() == [SPELLED, "", "x"]
    again = RunWriter.reopen(run)
    again.add_settings(more=1)
    again.close()
    assert json.loads((run / "journal.json").read_text())["notes"] == [HIDDEN]


def test_an_episodes_files_are_read_like_the_rest(tmp_path: Path) -> None:
    folder = EpisodeFolder(tmp_path)
    event = {"type": "undone", "time_s": 1.0, "number": 0, "hit": True, "note": HIDDEN}
    folder.events.write_text(json.dumps(event) + "\n")
    (read,) = read_events(folder.events)
    assert HIDDEN[2] not in read.note  # type: ignore[union-attr]
    invoke = {"type": "invoke", "number": 1, "time_s": 0.0, "name": HIDDEN, "user_id": "u",
              "key": None, "arguments": {}}  # fmt: skip
    folder.history.write_text(json.dumps(invoke) + "\n")
    assert HIDDEN[2] not in read_history(folder.history).operations[0].name
    for path in (folder.events, folder.history):
        path.write_text("[" * 50_000 + "\n")
    assert "line 1" in refusal(lambda: read_events(folder.events))
    with pytest.raises(CorruptHistory, match="line 1"):
        read_history(folder.history)
    for path in (folder.events, folder.history, folder.snapshot):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    assert "is no file" in refusal(lambda: read_events(folder.events))
    assert "is no file" in refusal(folder.read_snapshot)
    with pytest.raises(CorruptHistory, match="is no file"):
        read_history(folder.history)


def test_damage_is_never_a_long_line() -> None:
    assert len(CorruptResults("x" * 10**6).message) < 600
