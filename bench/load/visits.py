"""From the rows of a trial to its visits and what became of each. Pure; numpy columns.

A visit is as good as its worst step. Neighbours: `listener` took the rows, the report counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.load.operations import DEGRADED, OPERATIONS

OK, LESS, FAILED, UNKNOWN = range(4)
OUTCOMES = ("ok", DEGRADED, "failed", "unknown")
SKIPPED = "skipped"  # the reason of a visit that found no free session
_LOST = frozenset({"timeout", "reset", "closed", "network", "parse"})  # sent, no answer
_ACCEPTED = 202

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Visits:
    """One entry a visit, in order of `due_s`; `outcome` indexes `OUTCOMES`.

    `done_s`: when its last answer, or the failure, was there. `told`: an answer by which the shop
    itself says that something is wrong (503, 202 or a partial overview).
    """

    due_s: Floats
    done_s: Floats
    journey: NDArray[np.str_]
    outcome: NDArray[np.int8]
    told: NDArray[np.bool_]

    def between(self, start_s: float, end_s: float) -> NDArray[np.bool_]:
        """Which visits were due in [start_s, end_s)."""
        return (self.due_s >= start_s) & (self.due_s < end_s)

    def counts(self, chosen: NDArray[np.bool_]) -> tuple[int, int, int, int]:
        """How many of the chosen ended in each outcome."""
        ok, less, failed, unknown = np.bincount(self.outcome[chosen], minlength=4)
        return int(ok), int(less), int(failed), int(unknown)


def visits_of(rows: pa.Table, slo_ms: float) -> Visits:
    """Classify every visit in rows of `journal.ROW_SCHEMA`.

    ok: every step right and within `slo_ms`. degraded: an order accepted but pending (202), an
    overview without some parts, or a right answer later than `slo_ms`. unknown: a write was sent
    and never answered, so it may or may not have happened. failed: everything else, reads without
    an answer and visits that were never sent included.
    """
    visit = np.asarray(rows.column("visit"))
    order = np.lexsort((np.asarray(rows.column("due_s")), visit))
    due, done = (np.asarray(rows.column(n), dtype=np.float64)[order] for n in ("due_s", "done_s"))
    journey, error, operation = (_texts(rows, n)[order] for n in ("journey", "error", "operation"))
    status = np.asarray(rows.column("status"))[order]
    code = _codes(status, error, operation, (done - due) * 1000.0 > slo_ms)
    told = (status == 503) | (status == _ACCEPTED) | (error == DEGRADED)
    _, starts = np.unique(visit[order], return_index=True)
    if not starts.size:
        return Visits(due, done, journey, code, told)
    first = due[starts]
    found = Visits(
        first,
        np.maximum.reduceat(done, starts),
        journey[starts],
        np.maximum.reduceat(code, starts),
        np.logical_or.reduceat(told, starts),
    )
    by_due = np.argsort(first, kind="stable")
    return Visits(*(getattr(found, name)[by_due] for name in Visits.__dataclass_fields__))


def _codes(
    status: NDArray[np.int16],
    error: NDArray[np.str_],
    operation: NDArray[np.str_],
    late: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """The outcome of each row."""
    code = np.full(status.shape, OK, dtype=np.int8)
    code[(status == _ACCEPTED) | late | (error == DEGRADED)] = LESS
    code[(error != "") & (error != DEGRADED)] = FAILED
    writes = np.isin(operation, [name for name, op in OPERATIONS.items() if op.keyed])
    code[writes & (status == 0) & np.isin(error, sorted(_LOST))] = UNKNOWN
    return code


def _texts(rows: pa.Table, name: str) -> NDArray[np.str_]:
    return np.asarray(rows.column(name).to_pylist(), dtype=np.str_)
