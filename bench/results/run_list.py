"""The runs below a folder, newest first, from journals and verdicts alone: no rows are read.

Whatever else lies there is told by name and harms nothing. Neighbours: `run_names` finds one run
by a short name; `cli.runs` and `report.index` show the list.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.errors import CorruptResults, ShopbenchError
from bench.files import read_file, refuse_link
from bench.results.journal import (
    JOURNAL_FILE,
    MAX_JSON_BYTES,
    SCHEMA_VERSION,
    VERDICTS_FILE,
    VerdictFile,
    read_verdicts,
)
from bench.results.plain_text import plain
from bench.results.verdict import NAMED, Verdict, Words

RESULTS = Path("results/runs")
State = Literal["complete", "interrupted", "running"]


class _Stretch(msgspec.Struct):
    started_at: str = ""


class _Asked(msgspec.Struct):
    experiments: tuple[str, ...] = ()


class _Settings(msgspec.Struct):
    options: _Asked = msgspec.field(default_factory=_Asked)
    resumed: tuple[dict[str, Any], ...] = ()


class _Head(msgspec.Struct):
    """What is read of a journal; the rest of it is skipped."""

    schema_version: int
    command: str
    commit: str
    dirty: bool
    profile: str
    started_at: datetime
    finished_at: datetime | None
    machine: dict[str, Any]
    settings: _Settings
    interrupted: bool = False
    trials: tuple[_Stretch, ...] = ()
    episodes: tuple[_Stretch, ...] = ()


@dataclass(frozen=True)
class ListedRun:
    """One run of the list. `name`: of its folder; `words`, `named`: from its report, if any."""

    path: Path
    state: State
    started_at: datetime
    minutes: float
    command: str
    experiments: tuple[str, ...]
    profile: str
    commit: str
    dirty: bool
    machine: str
    measured: int
    words: Words | None
    named: tuple[Verdict, ...]

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.path.name

    def answer(self, short: str) -> str:
        """The answer in one sentence, else why there is none. `short`: a name that works."""
        if self.words and self.words.sentences:
            return self.words.sentences[0]
        if self.words:
            return "Nothing could be judged."
        if self.state == "running":
            return "Is being measured."
        if not self.measured:
            return "Was stopped before it measured anything."
        return f"No report yet: shopbench report {short}"

    @property
    def has_results(self) -> bool:
        """Whether it has ended, and measured something if it was interrupted."""
        return self.state == "complete" or (self.state == "interrupted" and self.measured > 0)


@dataclass(frozen=True)
class RunList:
    """All runs, newest first. `others`: names of folders that are no run, and why."""

    root: Path
    runs: tuple[ListedRun, ...]
    others: tuple[tuple[str, str], ...]


def run_folders(root: Path) -> list[Path]:
    """Every folder below that could be a run. Raises ShopbenchError if none can be read."""
    try:
        with os.scandir(root) as entries:
            names = [each.name for each in entries if not each.name.startswith(".")
                     and (each.is_symlink() or each.is_dir(follow_symlinks=False))]  # fmt: skip
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ShopbenchError(f"cannot read {root}: {exc.strerror}", 3) from exc
    return [root / name for name in sorted(names, reverse=True)]


def runs_in(root: Path) -> RunList:
    """Read the list. Raises ShopbenchError if the folder itself cannot be read."""
    runs, others = [], []
    for path in run_folders(root):
        try:
            runs.append(_listed(path))
        except (OSError, ShopbenchError, msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            others.append((path.name, _why(exc)))
    ordered = sorted(runs, key=lambda run: (run.started_at, run.name), reverse=True)
    return RunList(root, tuple(ordered), tuple(others))


def _why(exc: Exception) -> str:
    if isinstance(exc, FileNotFoundError):
        return f"it holds no {JOURNAL_FILE}"
    if isinstance(exc, OSError):
        return f"{exc.strerror or exc}"
    return plain(exc.message if isinstance(exc, ShopbenchError) else f"{JOURNAL_FILE}: {exc}")


def _listed(path: Path) -> ListedRun:
    refuse_link(path)
    head = _head(path)
    words, named = _told(path)
    experiments = tuple(map(plain, head.settings.options.experiments))
    return ListedRun(
        path=path,
        state=_state(path, head),
        started_at=head.started_at,
        minutes=_minutes(head),
        command=plain(head.command),
        experiments=experiments,
        profile=plain(head.profile),
        commit=plain(head.commit),
        dirty=head.dirty,
        machine=_machine(head.machine),
        measured=len(head.trials) + len(head.episodes),
        words=words,
        named=named,
    )


def _head(path: Path) -> _Head:
    raw = read_file(path / JOURNAL_FILE, MAX_JSON_BYTES)
    head = msgspec.json.decode(raw, type=_Head)
    if head.schema_version != SCHEMA_VERSION:
        told = f"schema {head.schema_version}, this shopbench reads {SCHEMA_VERSION}"
        raise CorruptResults(f"{JOURNAL_FILE}: {told}")
    if head.started_at.tzinfo is None or (head.finished_at and head.finished_at.tzinfo is None):
        raise CorruptResults(f"{JOURNAL_FILE}: its times are of no zone")
    return head


def _told(path: Path) -> tuple[Words | None, tuple[Verdict, ...]]:
    """The words and the named verdicts of its report; None: it has none that can be read."""
    if not os.path.lexists(path / VERDICTS_FILE):
        return None, ()
    try:
        found: VerdictFile = read_verdicts(path)
    except ShopbenchError:
        return None, ()
    return found.words, tuple(v for v in found.verdicts if v.note.startswith(NAMED))


def _state(path: Path, head: _Head) -> State:
    if head.finished_at is not None:
        return "interrupted" if head.interrupted else "complete"
    return "running" if _is_written(path) else "interrupted"


def _is_written(path: Path) -> bool:
    """Whether a process holds the run's lock at this moment."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _minutes(head: _Head) -> float:
    """How long it measured, without the gaps before it was resumed."""
    last = max((each.started_at for each in head.trials), default="")
    end = head.finished_at or _time(last) or head.started_at
    gaps_s = [each.get("gap_s") for each in head.settings.resumed]
    waited_s = sum(gap for gap in gaps_s if isinstance(gap, int | float))
    return max(0.0, (end - head.started_at).total_seconds() - waited_s) / 60


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _machine(facts: dict[str, Any]) -> str:
    """The processor and how many of them, as far as the journal says."""
    model = facts.get("cpu_model") or facts.get("cpu") or "unknown processor"
    count = facts.get("usable_cpus") or facts.get("cpus") or facts.get("cores")
    many = len(count) if isinstance(count, list) else count
    return plain(f"{model}, {many} CPUs" if isinstance(many, int) else str(model))
