"""Counts what a change did to the visits, from the rows of its stretch. Pure.

Disturbed are visits that failed or were late, less what the quiet window of the same stretch lets
expect among as many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bench.experiments.redeploy.records import Change
from bench.load.visits import OK, Visits, visits_of

REFUSED = "refused"  # the reason of a row whose connection was refused


@dataclass(frozen=True)
class Counted:
    """A change with its visits. `visits`: due from the order to a second after it returned.

    `failed`: no right answer; `slow`: late, or with less than was asked for. `expected`: of both
    together, by the quiet window. `refused`: connections, from the first to the last of them for
    `refused_for_s`. `valid`: the stretch passed its gates.
    """

    change: Change
    visits: int
    failed: int
    slow: int
    expected: float
    refused: int
    refused_for_s: float
    valid: bool = True

    @property
    def disturbed(self) -> float:
        """Visits that failed or were slow because of it."""
        return self.failed + self.slow - self.expected


def counted(rows: pa.Table, changes: Iterable[Change], slo_ms: float) -> list[Counted]:
    """Count the changes of one stretch. `rows`: of the journal's schema."""
    visits = visits_of(rows, slo_ms)
    sent = np.asarray(rows.column("sent_s"), dtype=np.float64)
    refused = np.asarray(rows.column("error").to_pylist(), dtype=np.str_) == REFUSED
    return [_one(visits, sent[refused], change) for change in changes]


def _one(visits: Visits, refused_s: np.ndarray, change: Change) -> Counted:
    ok, less, failed, unknown = visits.counts(visits.between(change.ordered_s, change.ended_s))
    quiet = visits.counts(visits.between(change.quiet_from_s, change.quiet_to_s))
    share = (sum(quiet) - quiet[OK]) / max(1, sum(quiet))
    total = ok + less + failed + unknown
    own = refused_s[(refused_s >= change.ordered_s) & (refused_s < change.ended_s)]
    span_s = float(own.max() - own.min()) if own.size else 0.0
    return Counted(change, total, failed + unknown, less, share * total, int(own.size), span_s)


def quiet_visits(rows: pa.Table, change: Change, slo_ms: float) -> tuple[int, int, int]:
    """(visits, failed, slow) of the quiet window of a stretch."""
    visits = visits_of(rows, slo_ms)
    ok, less, failed, unknown = visits.counts(
        visits.between(change.quiet_from_s, change.quiet_to_s)
    )
    return ok + less + failed + unknown, failed + unknown, less


def told(found: Counted) -> str:
    """One line on a change, for the terminal."""
    change = found.change
    what = "release" if change.what == "release" else change.what
    step = f" {change.step}" if change.step else ""
    seconds = f"{change.seconds:.1f} s"
    lost = f"{found.failed} of {found.visits} visits failed, {found.slow} slow"
    refused = ""
    if found.refused:
        refused = f"; {found.refused} connections refused over {found.refused_for_s:.1f} s"
    held = "" if change.held else f"; does not hold: {change.said}"
    return f"{change.arm}: {what}{step} of {change.component} in {seconds}: {lost}{refused}{held}"
