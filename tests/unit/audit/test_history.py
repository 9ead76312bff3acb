"""The client's history: what each answer means, and a file that survives its writer."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.audit.history import (
    REFUSED,
    Answer,
    CorruptHistory,
    HistoryRecorder,
    classify,
    read_history,
)

CREATED = Answer(201, {"id": "1"})
TIMEOUT = Answer(0, None, "timeout")
NOT_SENT = Answer(0, None, REFUSED)
NO_MONEY = Answer(402, {"code": "insufficient_funds"})
RUNNING = Answer(409, {"code": "request_in_progress"})
NO_TOKEN = Answer(401, {"code": "unauthenticated"})
REUSED = Answer(422, {"code": "idempotency_key_reused"})
INVALID = Answer(422, {"code": "validation_failed"})
UNAVAILABLE = Answer(503, {"code": "dependency_unavailable"})


@pytest.mark.parametrize(
    ("answers", "keyed", "outcome"),
    [
        ([CREATED], True, "ok"),
        ([Answer(202, {"id": "1"})], True, "ok"),
        ([TIMEOUT, UNAVAILABLE, CREATED], True, "ok"),
        ([CREATED, TIMEOUT], True, "ok"),
        ([NO_MONEY], True, "fail"),
        ([TIMEOUT, NO_MONEY], True, "fail"),  # the key's record speaks for the first try too
        ([TIMEOUT, REUSED], True, "fail"),
        ([TIMEOUT, NO_MONEY], False, "info"),
        ([NO_TOKEN], True, "fail"),
        ([INVALID], True, "fail"),
        ([TIMEOUT, NO_TOKEN], True, "info"),
        ([TIMEOUT, INVALID], True, "info"),
        ([RUNNING], True, "info"),
        ([NO_MONEY, RUNNING], True, "info"),
        ([TIMEOUT], True, "info"),
        ([UNAVAILABLE], True, "info"),
        ([NOT_SENT], True, "fail"),
        ([NOT_SENT, NOT_SENT], True, "fail"),
        ([TIMEOUT, NOT_SENT], True, "info"),
        ([], True, "info"),
    ],
)
def test_outcome_of_a_logical_operation(answers: list[Answer], keyed: bool, outcome: str) -> None:
    assert classify(answers, keyed=keyed) == outcome


def test_a_written_history_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryRecorder(path) as recorder:
        number = recorder.invoke("orders.place", user_id="u", key="k", arguments={"items": []})
        assert recorder.complete(number, [TIMEOUT, CREATED], keyed=True) == "ok"
        recorder.invoke("orders.cancel", user_id="u", key="c", arguments={"order_id": "1"})
    first, unfinished = read_history(path).operations
    assert (first.outcome, first.answers, first.success) == ("ok", (TIMEOUT, CREATED), CREATED)
    assert first.completed_s is not None
    assert first.completed_s >= first.invoked_s
    assert (unfinished.outcome, unfinished.answers) == ("info", ())


def test_many_threads_write_one_history(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryRecorder(path) as recorder, ThreadPoolExecutor(8) as pool:

        def one(index: int) -> None:
            number = recorder.invoke("x", user_id=str(index), key=None, arguments={})
            recorder.complete(number, [CREATED], keyed=False)

        list(pool.map(one, range(200)))
    operations = read_history(path).operations
    assert len({operation.number for operation in operations}) == 200
    assert {operation.outcome for operation in operations} == {"ok"}


def test_a_line_torn_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryRecorder(path) as recorder:
        recorder.invoke("x", user_id="u", key=None, arguments={})
    with path.open("a") as file:
        file.write('{"type":"ok","num')
    history = read_history(path)
    assert history.torn_lines == 1
    assert [operation.outcome for operation in history.operations] == ["info"]


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        json.dumps({"type": "ok", "number": 7, "answers": [], "time_s": 1.0}),
        json.dumps({"type": "invoke", "number": 7}),
    ],
)
def test_a_broken_line_is_told_not_skipped(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(CorruptHistory):
        read_history(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorruptHistory):
        read_history(tmp_path / "none.jsonl")
