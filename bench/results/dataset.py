"""A run's raw rows as compact columns, one `TrialSample` a trial, grouped by operation.

Neighbours: `journal` reads the files; `report.selection` picks the blocks that count, and
`report.measures` computes from the columns. Rows stay in numpy float32: 16 bytes a request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.errors import ShopbenchError
from bench.results.journal import ON_PURPOSE, CorruptResults, Journal, RunReader, Trial
from bench.results.paired.rounds import PairedRounds, is_twin
from bench.results.verdict import experiment_of

Column = NDArray[np.float32]
T = TypeVar("T")
ALL = "all"  # every operation of a mix together
SQL = "sql"  # trials that count statements: logging costs time, so their times mean nothing
CLOCK_SLACK_S = 1e-6  # rounding of the times, far below a request


@dataclass(frozen=True)
class TrialSample:
    """The measured window of one trial, rows sorted by operation; all times in ms.

    `response` = done - due; a request without an answer counts as at least the client's timeout.
    `app` and `db` are the server's own times, NaN where it stated none. `failed` marks requests
    without an answer or with an error; they stay in every column. `in_window`: answered correctly
    before the window closed, which a growing backlog makes fewer than were due. `errors`: how often
    each reason occurred.
    """

    trial: Trial
    response: Column
    service: Column
    app: Column
    db: Column
    failed: NDArray[np.bool_]
    unanswered: int
    in_window: int
    errors: dict[str, int]
    slices: dict[str, slice]

    @property
    def requests(self) -> int:
        """Number of requests due in the measured window."""
        return int(self.response.size)

    @cached_property
    def computed(self) -> dict[tuple[str, str], Any]:
        """What was computed from the rows already, by (what, operation): they never change."""
        return {}

    @cached_property
    def failures(self) -> dict[str, int]:
        """Failed requests by operation, `all` included."""
        return {name: int(self.failed[self.where(name)].sum()) for name in (ALL, *self.slices)}

    @property
    def good_rps(self) -> float:
        """Requests a second answered correctly."""
        return (self.requests - self.failures[ALL]) / self.trial.measured_s

    def where(self, operation: str) -> slice:
        """Return the rows of an operation (`all`: every row; unknown: none)."""
        return slice(None) if operation == ALL else self.slices.get(operation, slice(0, 0))


@dataclass(frozen=True)
class RunData:
    """A whole run in memory."""

    path: Path
    journal: Journal
    trials: tuple[TrialSample, ...]
    rounds: Mapping[str, PairedRounds] = field(default_factory=dict)

    @cached_property
    def found(self) -> dict[Any, Any]:
        """What was computed from this run already, see `once`."""
        return {}

    def once(self, make: Callable[["RunData"], T]) -> T:
        """Return `make(self)`; however many ask, it is made once."""
        if make not in self.found:
            self.found[make] = make(self)
        made: T = self.found[make]
        return made

    def rounds_of(self, experiment: str) -> PairedRounds:
        """Return the paired rounds of an experiment's trials; empty ones if there are none."""
        return self.rounds.get(experiment) or PairedRounds({})

    def samples_of(self, *experiments: str) -> tuple[TrialSample, ...]:
        """Return the trials of experiments by the names that trials give them."""
        return tuple(s for s in self.trials if s.trial.experiment in experiments)

    @cached_property
    def judged_trials(self) -> tuple[Trial, ...]:
        """Trials that the run's quality speaks of.

        None that only count, trip a gate on purpose, or are of a second instance.
        """
        return tuple(
            s.trial
            for s in self.trials
            if s.trial.experiment != SQL
            and not s.trial.facts.get(ON_PURPOSE)
            and not is_twin(s.trial.deployment)
        )

    def setting(self, name: str, default: float) -> float:
        """Return a numeric setting of the run; raises CorruptResults if it is no number."""
        value = self.journal.settings.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CorruptResults(f"{self.path}: setting {name} is {value!r}, not a number")
        return float(value)


def load_run(path: Path) -> RunData:
    """Read a run. Raises CorruptResults with one line, ShopbenchError for a run without trials."""
    reader = RunReader(path)
    if not reader.trials and not reader.journal.episodes:
        raise ShopbenchError(f"{path}: the run has no finished trial to report on", 3)
    shell = RunData(path, reader.journal, ())
    timeout_ms = shell.setting("request_timeout_s", 0.0) * 1000.0
    rounds: dict[str, PairedRounds] = {}
    samples = []
    for trial in reader.trials:
        if trial.measured_s <= 0:
            raise CorruptResults(f"{reader.path}: trial {trial.trial_id} measured no time")
        rows = reader.rows(trial.trial_id)
        samples.append(sample_of(trial, rows, timeout_ms))
        shares = _shares(reader.journal, trial) if trial.loop == "rounds" else None
        if shares is not None:
            rounds.setdefault(trial.experiment, PairedRounds(shares)).add(trial, rows)
    return RunData(path, reader.journal, tuple(samples), rounds)


def _shares(journal: Journal, trial: Trial) -> dict[str, float] | None:
    """The mix that a trial's experiment says it measured in rounds; None: it states none."""
    name = experiment_of(trial.experiment)
    for stated in (name, name.rpartition("-")[0]):  # `latency-two` is a part of `latency`
        settings = journal.settings.get(stated)
        shares = settings.get("shares") if isinstance(settings, dict) else None
        if shares is not None:
            return {str(operation): float(share) for operation, share in shares.items()}
    return None


def sample_of(trial: Trial, rows: pa.Table, timeout_ms: float) -> TrialSample:
    """Cut the measured window out of a trial's rows (journal.ROW_SCHEMA) and sort by operation.

    Raises CorruptResults where a time is missing or a request ends before it was due.
    """
    due = _column(rows, "due_s")
    kept = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
    names, codes = _dictionary(rows, "operation")
    order = np.flatnonzero(kept)
    order = order[np.argsort(codes[order], kind="stable")]
    due, sent, done = due[order], _column(rows, "sent_s")[order], _column(rows, "done_s")[order]
    if not np.isfinite(done - due).all() or (done < due - CLOCK_SLACK_S).any():
        raise CorruptResults(f"trial {trial.trial_id}: a row ends before it was due")
    unanswered = _column(rows, "status")[order] == 0
    response = ((done - due) * 1000.0).astype(np.float32)
    np.maximum(response, CLOCK_SLACK_S * 1000.0, out=response)  # a ratio needs positive times
    np.maximum(response, timeout_ms, out=response, where=unanswered)
    reasons, reason_codes = _dictionary(rows, "error")
    reason_codes = reason_codes[order]
    failed = np.array([bool(text) for text in reasons], dtype=np.bool_)[reason_codes] | unanswered
    return TrialSample(
        trial=trial,
        response=response,
        service=((done - sent) * 1000.0).astype(np.float32),
        app=_column(rows, "app_ms")[order].astype(np.float32),
        db=_column(rows, "db_ms")[order].astype(np.float32),
        failed=failed,
        unanswered=int(unanswered.sum()),
        in_window=int((~failed & (done < trial.measured_to_s)).sum()),
        errors=_counts(reasons, reason_codes),
        slices=_slices(names, codes[order]),
    )


def _column(rows: pa.Table, name: str) -> NDArray[Any]:
    column: NDArray[Any] = rows.column(name).to_numpy()
    return column


def _dictionary(rows: pa.Table, name: str) -> tuple[list[str], NDArray[np.int32]]:
    """The distinct strings of a column and each row's index into them."""
    chunk = rows.column(name).unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], chunk.type)
    return chunk.dictionary.to_pylist(), chunk.indices.to_numpy(zero_copy_only=False)


def _counts(names: list[str], codes: NDArray[np.int32]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names))
    return {name: int(n) for name, n in zip(names, counts, strict=True) if name and n}


def _slices(names: list[str], codes: NDArray[np.int32]) -> dict[str, slice]:
    present, starts = np.unique(codes, return_index=True)
    ends = [*starts[1:], codes.size][: present.size]  # no rows, no slices
    return {
        names[code]: slice(int(start), int(end))
        for code, start, end in zip(present, starts, ends, strict=True)
    }
