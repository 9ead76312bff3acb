"""Reads the measured window out of a trial's rows. Pure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.engine.drift import find_drift
from bench.engine.gates import Window
from bench.engine.wrong_answers import wrong_answers

MIN_SAMPLES = 20  # below, a quantile says too little to gate on
Floats = NDArray[np.float64]


def read_window(rows: pa.Table, start_s: float, end_s: float) -> Window:
    """Count and time the rows due in [start_s, end_s)."""
    due, sent, done = (_floats(rows, name) for name in ("due_s", "sent_s", "done_s"))
    arrivals = _first_steps(rows)
    inside = (due >= start_s) & (due < end_s)
    sent_inside = (sent >= start_s) & (sent < end_s)
    errors = np.asarray(rows.column("error").to_pylist(), dtype=np.str_)
    failed = errors != ""
    app_ms = _floats(rows, "app_ms")[inside]
    stated = app_ms.size > 0 and not np.isnan(app_ms).any()
    answered = inside & ~failed
    names = np.asarray(rows.column("operation").to_pylist(), dtype=np.str_)
    drift = find_drift(names[answered], due[answered], (done - due)[answered])
    measured_s = end_s - start_s
    return Window(
        measured_s=measured_s,
        answers=int(inside.sum()),
        wrong=wrong_answers(names[inside], errors[inside]),
        due=int((inside & arrivals).sum()),
        sent=int((sent_inside & arrivals).sum()),
        lag_ms_p99=_quantile((sent - due)[inside & arrivals] * 1000, 0.99),
        in_flight=float((done - sent)[inside].sum()) / measured_s,
        in_flight_stated=float(app_ms.sum()) / 1000 / measured_s if stated else None,
        drift=drift.change if drift else None,
        drifts=drift.found if drift else False,
    )


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows.column(name), dtype=np.float64)


def _first_steps(rows: pa.Table) -> NDArray[np.bool_]:
    """True for the arrival of each visit; later steps follow answers, not the schedule."""
    visits = np.asarray(rows.column("visit"))
    first = np.zeros(visits.size, dtype=bool)
    _, where = np.unique(visits, return_index=True)  # rows are in order of due time
    first[where] = True
    return first


def _quantile(values: Floats, q: float) -> float | None:
    """Exact order statistic."""
    if values.size < MIN_SAMPLES:
        return None
    return float(np.sort(values)[int(np.ceil(q * values.size)) - 1])
