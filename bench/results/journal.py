"""The result files of a run: with `row_files` the only module that knows their names and shapes.

A run is a folder: `journal.json` (what was run, on what, every trial), `rows/<trial>.parquet`
(one line a request), `verdicts.json` and whatever the report puts beside them. The experiments
write it with `RunWriter`, statistics and report read it with `RunReader`.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

import msgspec
import pyarrow as pa

from bench.errors import CorruptResults as CorruptResults
from bench.errors import ShopbenchError
from bench.files import is_file_name, lock_folder, read_file, refuse_foreign, replace_file
from bench.results.episodes import Episode
from bench.results.plain_text import plain_json
from bench.results.row_files import ROW_SCHEMA as ROW_SCHEMA
from bench.results.row_files import check_rows, read_rows, write_rows
from bench.results.row_files import rows_table as rows_table
from bench.results.trial_parts import ComponentUsage as ComponentUsage
from bench.results.trial_parts import Gate as Gate
from bench.results.trial_parts import GateOutcome as GateOutcome
from bench.results.trial_parts import SqlCount as SqlCount
from bench.results.trial_parts import WrongAnswers as WrongAnswers
from bench.results.verdict import Surroundings as Surroundings
from bench.results.verdict import TableCell as TableCell
from bench.results.verdict import Verdict as Verdict
from bench.results.verdict import VerdictWord as VerdictWord
from bench.results.verdict import Words as Words

SCHEMA_VERSION = 2
JOURNAL_FILE = "journal.json"
VERDICTS_FILE = "verdicts.json"
ROWS_FOLDER = "rows"
MAX_JSON_BYTES, MAX_NESTING = 2**25, 50  # far above what a run has

TrialStatus = Literal["valid", "flagged", "invalid"]
Loop = Literal["open", "closed", "rounds"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Trial:
    """One measured stretch: one deployment, one mix, one load.

    Trials of one (experiment, mix, offered_rps, block, attempt) form a block and share schedule
    and seed. A block with an invalid trial is run again whole with `attempt` + 1: the highest
    attempt of a block counts, and only if none of its trials is invalid. `offered_rps` is 0 for
    a closed loop and for rounds, in which `block` is the start, `mix` the operation and a row's
    `visit` its round. Rows count if `measured_from_s <= due_s < measured_to_s`.
    """

    trial_id: str
    experiment: str
    block: int
    position: int
    deployment: str
    mix: str
    offered_rps: float
    seed: int
    schedule_sha256: str
    warmup_s: float
    measured_s: float
    measured_from_s: float
    measured_to_s: float
    planned: int
    sent: int
    skipped: int
    status: TrialStatus
    gates: tuple[Gate, ...]
    usage: dict[str, ComponentUsage]
    sql: SqlCount | None
    lag_ms_p99: float | None
    started_at: str
    rows_file: str
    attempt: int = 0
    loop: Loop = "open"
    cpu_requests: int = 0  # requests answered in the CPU window: the divisor of `usage` and `sql`
    facts: dict[str, float] = field(default_factory=dict)
    wrong: tuple[WrongAnswers, ...] = ()


ON_PURPOSE = "on_purpose"  # a fact of trials that were spoiled on purpose, to trip a gate


@dataclass(frozen=True)
class RunFacts:
    """What is known before the first trial. `controlled`: CPU budget and pinning were enforced."""

    command: str
    commit: str
    dirty: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    settings: dict[str, Any]
    profile: str
    seed: int
    controlled: bool


@dataclass(frozen=True)
class Journal(RunFacts):
    """The content of `journal.json`."""

    schema_version: int
    run_id: str
    started_at: str
    finished_at: str | None
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    episodes: tuple[Episode, ...] = ()


@dataclass(frozen=True)
class VerdictFile:
    """The content of `verdicts.json`."""

    schema_version: int
    run_id: str
    verdicts: tuple[Verdict, ...]
    cells: tuple[TableCell, ...] | None = None
    words: Words = Words()
    surroundings: Surroundings | None = None


def utc_now() -> str:
    """Now, RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunWriter:
    """Writes one run. Every file appears whole or not at all; a trial's rows before its entry.

    Raises ShopbenchError if another process writes the same run, or nothing can be written.
    """

    def __init__(self, path: Path, journal: Journal) -> None:
        self.path = path
        self.journal = journal
        self._let_go = weakref.finalize(self, os.close, lock_folder(path))

    @classmethod
    def create(cls, root: Path, run_id: str, facts: RunFacts) -> RunWriter:
        """Make `root/run_id` (it must be new) with a journal without trials."""
        path = root / run_id
        try:
            (path / ROWS_FOLDER).mkdir(parents=True)
        except OSError as exc:
            raise ShopbenchError(f"cannot make the run folder {path}: {exc.strerror}", 3) from exc
        started = utc_now()
        journal = Journal(
            schema_version=SCHEMA_VERSION,
            run_id=run_id,
            started_at=started,
            finished_at=None,
            **{name: getattr(facts, name) for name in facts.__dataclass_fields__},
        )
        writer = cls(path, journal)
        writer._change()
        return writer

    @classmethod
    def reopen(cls, path: Path) -> RunWriter:
        """Go on with a run that was interrupted; what it left half written is removed."""
        writer = cls(
            path, replace(RunReader(path, exact=True).journal, interrupted=False, finished_at=None)
        )
        for half in (*path.glob(f".{JOURNAL_FILE}.*"), *(path / ROWS_FOLDER).glob(".*.parquet.*")):
            half.unlink(missing_ok=True)
        return writer

    def add_trial(self, trial: Trial, rows: pa.Table) -> None:
        """Store the rows, then the trial's entry. Raises ValueError for rows of another shape."""
        if not rows.schema.equals(ROW_SCHEMA):
            raise ValueError(f"rows do not have the row schema: {rows.schema}")
        if any(known.trial_id == trial.trial_id for known in self.journal.trials):
            raise ValueError(f"trial {trial.trial_id} is already in the journal")
        write_rows(_inside(self.path, trial.rows_file), rows)
        self._change(trials=(*self.journal.trials, trial))

    def put_episode(self, episode: Episode) -> None:
        """Add an episode as it begins; replace its entry as it ends."""
        known = {each.episode_id: each for each in self.journal.episodes}
        self._change(episodes=tuple({**known, episode.episode_id: episode}.values()))

    def note(self, text: str) -> None:
        """Add a remark that the report prints (once)."""
        if text not in self.journal.notes:
            self._change(notes=(*self.journal.notes, text))

    def mark_uncontrolled(self, why: str) -> None:
        """State that the CPU budget was not enforced in this run."""
        self._change(controlled=False)
        self.note(why)

    def add_settings(self, **settings: Any) -> None:
        """Add what became known during the run (probed capacities, chosen rates)."""
        self._change(settings={**self.journal.settings, **settings})

    def finish(self, *, interrupted: bool = False) -> None:
        """State the end of the run and let go of it; nothing may be written afterwards."""
        self._change(finished_at=utc_now(), interrupted=interrupted)
        self.close()

    def close(self) -> None:
        """Let go of the run; others may go on with it."""
        self._let_go()

    def _change(self, **changes: Any) -> None:
        journal = replace(self.journal, **changes)
        _write_json(self.path / JOURNAL_FILE, journal)
        self.journal = journal  # last: what could not be written is not in the journal


class RunReader:
    """Reads one run. Raises CorruptResults, with one line, on anything that is not as written,
    and ShopbenchError (usage) for a folder that is no run.

    The run may come from somebody else: all text is plain (`plain_text`), no link is followed, no
    name leaves the folder. `exact`: text as it stands, to go on with a run.
    """

    def __init__(self, path: Path, *, exact: bool = False) -> None:
        self.path = path
        _check_run_folder(path)
        try:
            refuse_foreign(path)
        except OSError as exc:
            raise CorruptResults(f"{exc.filename}: {exc.strerror}") from exc
        self.journal = _read_json(path / JOURNAL_FILE, Journal, exact=exact)
        _check_names(path / JOURNAL_FILE, self.journal)
        _check_nesting(path / JOURNAL_FILE, [self.journal.machine, self.journal.settings])

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials in the order they were run."""
        return self.journal.trials

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The stored verdicts; empty if none were written yet."""
        return found.verdicts if (found := self._verdict_file) else ()

    @property
    def cells(self) -> tuple[TableCell, ...] | None:
        """The run's cells of the comparison table; None: its report is missing or older."""
        return found.cells if (found := self._verdict_file) else None

    @property
    def words(self) -> Words:
        """The result in plain words; empty before there is a report."""
        return found.words if (found := self._verdict_file) else Words()

    @property
    def _verdict_file(self) -> VerdictFile | None:
        return read_verdicts(self.path) if (self.path / VERDICTS_FILE).exists() else None

    def rows(self, trial_id: str) -> pa.Table:
        """All rows of a trial, warm-up included, in `ROW_SCHEMA`."""
        for trial in self.trials:
            if trial.trial_id == trial_id:
                return read_rows(_inside(self.path, trial.rows_file), trial.sent)
        raise CorruptResults(f"{self.path}: no trial {trial_id}")

    def check_rows(self) -> None:
        """Look whether every trial has its rows. Raises CorruptResults."""
        for trial in self.trials:
            check_rows(_inside(self.path, trial.rows_file), trial.sent)


def read_verdicts(run_dir: Path) -> VerdictFile:
    """Read `verdicts.json` of a folder, which may hold nothing else. Raises CorruptResults."""
    return _read_json(run_dir / VERDICTS_FILE, VerdictFile)


def write_verdicts(
    run_dir: Path,
    verdicts: Iterable[Verdict],
    cells: Iterable[TableCell] = (),
    words: Words = Words(),  # noqa: B008 - frozen
    surroundings: Surroundings | None = None,
) -> None:
    """Replace `verdicts.json` of a run folder: verdicts, table cells, the result in words."""
    run_id = RunReader(run_dir).journal.run_id
    content = VerdictFile(
        SCHEMA_VERSION, run_id, tuple(verdicts), tuple(cells), words, surroundings
    )
    _write_json(run_dir / VERDICTS_FILE, content)


def _check_run_folder(path: Path) -> None:
    """Tell somebody else's folder from a run. Raises ShopbenchError (usage)."""
    try:
        (path / JOURNAL_FILE).stat()
    except FileNotFoundError:
        why = f"{path} is not a run folder: it holds no {JOURNAL_FILE}"
        raise ShopbenchError(
            why if path.is_dir() else f"there is no run folder {path}", 2
        ) from None
    except NotADirectoryError:
        raise ShopbenchError(f"{path} is not a run folder: it is a file", 2) from None
    except OSError:
        return  # whoever reads it says why


def _inside(root: Path, name: str) -> Path:
    """The path of `name` under `root`; a name that leaves the run folder is damage."""
    relative = PurePosixPath(name)
    if not name or "\0" in name or relative.is_absolute() or ".." in relative.parts:
        raise CorruptResults(f"{root / JOURNAL_FILE}: rows_file {name!r} leaves the run folder")
    return root / relative


def _check_names(path: Path, journal: Journal) -> None:
    """Files are named after runs, trials and episodes: none of the names is a path."""
    trials = [trial.trial_id for trial in journal.trials]
    if len(set(trials)) != len(trials):
        raise CorruptResults(f"{path}: a trial appears twice")
    episodes = [episode.episode_id for episode in journal.episodes]
    for name in (journal.run_id, *trials, *episodes):
        if not is_file_name(name):
            raise CorruptResults(f"{path}: {name[:80]!r} is no name that a file can have")


def _check_nesting(path: Path, level: list[Any]) -> None:
    """Whatever walks through settings later goes down as deep as they are."""
    for _ in range(MAX_NESTING):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [part for parts in inner for part in parts if isinstance(part, dict | list)]
    if level:
        raise CorruptResults(f"{path}: nested more than {MAX_NESTING} deep")


class _Stated(msgspec.Struct):
    """What is looked at first, whatever else a file holds."""

    schema_version: object = None


def _read_json(path: Path, kind: type[_T], *, exact: bool = False) -> _T:
    try:
        raw = read_file(path, MAX_JSON_BYTES)
        version = msgspec.json.decode(raw, type=_Stated).schema_version
        if version != SCHEMA_VERSION:
            raise CorruptResults(_of_another_version(path, version))
        return msgspec.json.decode(raw if exact else plain_json(raw), type=kind)
    except OSError as exc:
        raise CorruptResults(f"{path}: {exc.strerror}") from exc
    except RecursionError:
        raise CorruptResults(f"{path}: nested more than {MAX_NESTING} deep") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise CorruptResults(f"{path}: {exc}") from exc


def _of_another_version(path: Path, version: object) -> str:
    if isinstance(version, int) and version < SCHEMA_VERSION:
        return (
            f"{path} was written by an older shopbench (schema {version}); this one reads "
            f"{SCHEMA_VERSION}; its report.html can still be opened"
        )
    return f"{path}: schema version {version!r}, this shopbench reads {SCHEMA_VERSION}"


def _write_json(path: Path, content: object) -> None:
    replace_file(path, msgspec.json.format(msgspec.json.encode(content), indent=1))
