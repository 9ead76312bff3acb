"""From the rows of two trials back to the turns that they are of. Pure.

Neighbours: `bench.stats.turns` compares; the report and the experiments call.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.stats.turns import Answer, Start


def start_of(first: pa.Table, second: pa.Table, window_s: tuple[float, float], turns: int) -> Start:
    """One start of two services, the baseline first; rows in `journal.ROW_SCHEMA`.

    `turns`: how many were measured, those without a request included. A turn counts if its first
    request on either side was due in the window.
    """
    one, other = _by_visit(first), _by_visit(second)
    start = Start()
    for visit in sorted({*one, *other}):
        pair = one.get(visit, []), other.get(visit, [])
        begun_s = min(answer.sent_s for side in pair for answer in side)
        if window_s[0] <= begun_s < window_s[1]:
            start.add(*pair)
    unseen = max(0, turns - start.visits)
    start.visits += unseen
    start.silent += unseen
    return start


def _by_visit(rows: pa.Table) -> dict[int, list[Answer]]:
    """The answers of each visit in the order they were asked for."""
    names, errors = (rows.column(name).to_pylist() for name in ("operation", "error"))
    visits = np.asarray(rows.column("visit"))
    sent, done = (np.asarray(rows.column(name), dtype=float) for name in ("sent_s", "done_s"))
    found: dict[int, list[Answer]] = {}
    for at in np.argsort(sent, kind="stable"):
        answer = Answer(names[at], float(sent[at]), float(done[at] - sent[at]) * 1e3, errors[at])
        found.setdefault(int(visits[at]), []).append(answer)
    return found
