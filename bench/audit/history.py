"""What the client saw: one JSONL history of logical operations, retries inside.

`invoke` is written before anything is sent, then `ok`, `fail` or `info` (may or may not have
happened). The audit trusts only this file and the databases.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from bench.errors import ShopbenchError
from bench.files import read_file
from bench.results.episodes import MAX_FILE_BYTES
from bench.results.plain_text import plain_json

Outcome = Literal["ok", "fail", "info"]
REFUSED = "refused"  # the connection was never made: nothing was sent
# Answers of the business stage: with an idempotency key they are recorded, hence final.
RECORDED_STATUSES = frozenset({402, 404, 409})
NOT_FINAL_CODES = frozenset({"request_in_progress"})
FINAL_422_CODES = frozenset({"unknown_product", "idempotency_key_reused"})


class CorruptHistory(ShopbenchError):
    """The history file is not what a recorder writes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt's answer. `status` 0: none came, and `error` says why."""

    status: int
    body: Any = None
    error: str = ""

    @property
    def code(self) -> str:
        return str(self.body.get("code", "")) if isinstance(self.body, Mapping) else ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_recorded(self) -> bool:
        """Whether the contract says that this answer is kept for the idempotency key."""
        if self.status == 422:
            return self.code == "unknown_product"
        return self.is_success or (
            self.status in RECORDED_STATUSES and self.code not in NOT_FINAL_CODES
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One logical operation: all attempts with one idempotency key, and how it ended."""

    number: int
    name: str
    user_id: str
    key: str | None
    arguments: Mapping[str, Any]
    outcome: Outcome
    answers: tuple[Answer, ...]
    invoked_s: float
    completed_s: float | None

    @property
    def success(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.is_success), None)


@dataclass(frozen=True)
class History:
    operations: tuple[Operation, ...]
    torn_lines: int = 0

    def named(self, name: str) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if operation.name == name)


def classify(answers: Sequence[Answer], *, keyed: bool) -> Outcome:
    """Say how a logical operation ended, from all its attempts.

    A 2xx is `ok`. A recorded 4xx under a key is `fail`, because it speaks for earlier attempts
    too. Any other refusal is `fail` only if no attempt before it may have had an effect.
    """
    if any(answer.is_success for answer in answers):
        return "ok"
    if not answers:
        return "info"
    last = answers[-1]
    if keyed and (last.is_recorded or last.code in FINAL_422_CODES):
        return "fail"
    return "fail" if all(_had_no_effect(answer) for answer in answers) else "info"


def _had_no_effect(answer: Answer) -> bool:
    if answer.status == 0:
        return answer.error == REFUSED
    return 400 <= answer.status < 500 and answer.code not in NOT_FINAL_CODES


class HistoryRecorder:
    """Append-only writer, safe for many threads; every line is flushed as it is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._last_number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def invoke(
        self, name: str, *, user_id: str, key: str | None, arguments: Mapping[str, Any]
    ) -> int:
        """Write that an operation is about to be sent; returns its number for `complete`."""
        with self._lock:
            self._last_number += 1
            number = self._last_number
            self._write(
                {
                    "type": "invoke",
                    "number": number,
                    "time_s": time.monotonic(),
                    "name": name,
                    "user_id": user_id,
                    "key": key,
                    "arguments": arguments,
                }
            )
        return number

    def complete(self, number: int, answers: Sequence[Answer], *, keyed: bool) -> Outcome:
        """Write how the operation ended, judged from all its answers."""
        outcome = classify(answers, keyed=keyed)
        with self._lock:
            self._write(
                {
                    "type": outcome,
                    "number": number,
                    "time_s": time.monotonic(),
                    "answers": [asdict(answer) for answer in answers],
                }
            )
        return outcome

    def _write(self, event: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(event, separators=(",", ":")) + "\n")
        self._file.flush()


def read_history(path: Path) -> History:
    """Read a recorder's file. An operation without an end is `info`; a torn last line is dropped.

    Raises:
        CorruptHistory: any other line cannot be read.
    """
    try:
        lines = plain_json(read_file(path, MAX_FILE_BYTES)).splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise CorruptHistory(f"cannot read the history {path}: {error}") from error
    torn = 1 if lines and not lines[-1].endswith(b"\n") else 0
    invoked: dict[int, dict[str, Any]] = {}
    ended: dict[int, dict[str, Any]] = {}
    for index, line in enumerate(lines[: len(lines) - torn], start=1):
        try:
            event = json.loads(line)
            target = invoked if event["type"] == "invoke" else ended
            target[event["number"]] = event
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorruptHistory(f"{path}, line {index}: {error!r}") from error
    return _assemble(path, invoked, ended, torn)


def _assemble(
    path: Path, invoked: dict[int, dict[str, Any]], ended: dict[int, dict[str, Any]], torn: int
) -> History:
    orphans = ended.keys() - invoked.keys()
    if orphans:
        raise CorruptHistory(f"{path}: operation {min(orphans)} ends without an invoke")
    try:
        operations = tuple(
            _operation(start, ended.get(number)) for number, start in sorted(invoked.items())
        )
    except (KeyError, TypeError) as error:
        raise CorruptHistory(f"{path}: a line lacks a field: {error!r}") from error
    return History(operations, torn)


def _operation(start: Mapping[str, Any], end: Mapping[str, Any] | None) -> Operation:
    return Operation(
        number=start["number"],
        name=start["name"],
        user_id=start["user_id"],
        key=start["key"],
        arguments=start["arguments"],
        outcome=end["type"] if end else "info",
        answers=tuple(Answer(**answer) for answer in end["answers"]) if end else (),
        invoked_s=start["time_s"],
        completed_s=end["time_s"] if end else None,
    )
