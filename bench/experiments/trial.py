"""One trial: primer, warm-up, measured window, drain, collect, judge.

The CPU window runs from before the first arrival (all is idle) until the outbox is empty after
the last answer: no reading disturbs the measured window, and work put off is counted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.experiments.answers import schema_violations
from bench.experiments.gates import MIN_LAG_SAMPLES, Observed, judge, status_of
from bench.experiments.meters import (
    Canary,
    Reading,
    foreign_cpu,
    process_cpu,
    read_machine,
    steal_share,
    swapped,
)
from bench.experiments.subject import Subject, usage_between
from bench.journal import ComponentUsage, Loop, Trial, utc_now
from bench.load.generator import ClosedLoop, LoadProcess, result_rows
from bench.load.plan import Result
from bench.load.schedule import Schedule

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrialKey:
    """Which trial of which block."""

    experiment: str
    block: int
    attempt: int
    position: int

    def trial_id(self, mix: str, deployment: str, offered_rps: float) -> str:
        """A name that is unique in the run and safe as a file name."""
        safe = "".join(char if char.isalnum() or char in "-_" else "." for char in deployment)
        rate = f"{offered_rps:g}".replace(".", "p")
        attempt = f"r{self.attempt}" if self.attempt else ""
        return f"{self.experiment}-{mix}-{rate}-b{self.block:03}{attempt}-{safe}"


@dataclass(frozen=True)
class _Taken:
    """What was read around the load."""

    result: Result
    first: Reading
    last: Reading
    usage: dict[str, ComponentUsage]
    bench_cpu_s: float
    canary_deviation: float
    outbox_left: int | None
    started_at: str


class Bench:
    """Runs trials with one load process on one machine."""

    def __init__(self, load: LoadProcess, canary: Canary) -> None:
        self._load = load
        self._canary = canary

    def run_open(
        self, key: TrialKey, subject: Subject, schedule: Schedule
    ) -> tuple[Trial, pa.Table]:
        """Replay a schedule against a subject; return the judged trial with its rows."""
        spec = schedule.spec
        window = (spec.measured_from_s, spec.measured_to_s)
        warm = max(8, min(64, int(spec.offered_rps * 0.05)))

        def apply() -> Result:
            return self._load.run_open(subject.target, schedule.visits, window, warm_sessions=warm)

        return self._run(key, subject, schedule, apply, "open")

    def run_closed(
        self, key: TrialKey, subject: Subject, schedule: Schedule, loop: ClosedLoop
    ) -> tuple[Trial, pa.Table]:
        """Saturate a subject with the visits of a schedule."""

        def apply() -> Result:
            return self._load.run_closed(subject.target, schedule.visits, loop)

        return self._run(key, subject, schedule, apply, "closed", loop)

    def _run(  # noqa: PLR0913 - the two loops share it, and it is private
        self,
        key: TrialKey,
        subject: Subject,
        schedule: Schedule,
        apply: Any,
        loop: Loop,
        closed: ClosedLoop | None = None,
    ) -> tuple[Trial, pa.Table]:
        taken = self._take(subject, apply)
        rows = result_rows(taken.result)
        spec = schedule.spec
        warmup_s = closed.warmup_s if closed else spec.warmup_s
        measured_s = closed.measured_s if closed else spec.measured_s
        window = (
            (warmup_s, warmup_s + measured_s)
            if closed
            else (spec.measured_from_s, spec.measured_to_s)
        )
        seen = observe(taken.result, rows, window, loop)
        gates = judge(_observed(seen, taken))
        offered_rps = 0.0 if closed else spec.offered_rps
        trial_id = key.trial_id(spec.mix, subject.name, offered_rps)
        trial = Trial(
            trial_id=trial_id,
            experiment=key.experiment,
            block=key.block,
            attempt=key.attempt,
            position=key.position,
            deployment=subject.name,
            mix=spec.mix,
            offered_rps=offered_rps,
            seed=spec.seed,
            schedule_sha256=schedule.sha256,
            warmup_s=warmup_s,
            measured_s=measured_s,
            measured_from_s=window[0],
            measured_to_s=window[1],
            planned=taken.result.planned,
            sent=len(taken.result.due_s),
            skipped=taken.result.skipped,
            status=status_of(gates),
            gates=gates,
            usage=taken.usage,
            sql=None,
            lag_ms_p99=seen["lag_ms_p99"],
            started_at=taken.started_at,
            rows_file=f"rows/{trial_id}.parquet",
            loop=loop,
            cpu_requests=len(taken.result.due_s),
            facts={
                "throughput_rps": seen["good_in_window"] / measured_s,
                "unfinished": float(taken.result.unfinished),
                "timerfd": float(taken.result.pacer == "timerfd"),
            },
        )
        return trial, rows

    def _take(self, subject: Subject, apply: Any) -> _Taken:
        started_at = utc_now()
        before = self._canary.sing()
        usage_first = subject.usage()
        bench_first = self._bench_cpu()
        first = read_machine()
        result: Result = apply()
        outbox_left = subject.settle()
        last = read_machine()
        bench_last = self._bench_cpu()
        usage = usage_between(usage_first, subject.usage())
        after = self._canary.sing()
        return _Taken(
            result=result,
            first=first,
            last=last,
            usage={name: ComponentUsage(cpu, pss) for name, (cpu, pss) in usage.items()},
            bench_cpu_s=bench_last - bench_first,
            canary_deviation=self._canary.deviation(before, after),
            outbox_left=outbox_left,
            started_at=started_at,
        )

    def _bench_cpu(self) -> float:
        """CPU of the load process and of ourselves."""
        return time.process_time() + (process_cpu(self._load.pid) or 0.0)


def observe(
    result: Result, rows: pa.Table, window: tuple[float, float], loop: Loop
) -> dict[str, Any]:
    """Count and time the rows of the measured window; see `Observed` for what each means."""
    due, sent, done = (
        np.asarray(rows.column(name), dtype=float) for name in ("due_s", "sent_s", "done_s")
    )
    first_steps = _first_steps(rows)
    in_window = (due >= window[0]) & (due < window[1])
    failed = np.asarray([text != "" for text in rows.column("error").to_pylist()], dtype=bool)
    app_ms = np.asarray(rows.column("app_ms"), dtype=float)[in_window]
    lag_ms = (sent - due)[in_window & first_steps] * 1000
    measured_s = window[1] - window[0]
    service_s = float(np.sum((done - sent)[in_window]))
    stated = app_ms.size > 0 and not np.isnan(app_ms).any()
    return {
        "lag_ms_p99": _quantile(lag_ms, 0.99) if loop == "open" else None,
        "response_ms_p50": _quantile((done - due)[in_window] * 1000, 0.5),
        "due_in_window": int(np.sum(in_window & first_steps)),
        "sent_in_window": int(np.sum((sent >= window[0]) & (sent < window[1]) & first_steps)),
        "failures": int(np.sum(failed & in_window)),
        "answers": int(np.sum(in_window)),
        "good_in_window": int(np.sum(in_window & ~failed)),
        "in_flight": service_s / measured_s,
        "in_flight_server": float(np.sum(app_ms)) / 1000 / measured_s if stated else None,
        "measured_s": measured_s,
        "generator_cpu": result.cpu_seconds / result.cpu_window_s,
        "loop": loop,
    }


def _observed(seen: dict[str, Any], taken: _Taken) -> Observed:
    result = taken.result
    known_s = taken.bench_cpu_s + sum(use.cpu_seconds for use in taken.usage.values())
    fields = {name: value for name, value in seen.items() if name != "good_in_window"}
    return Observed(
        **fields,
        planned=result.planned,
        sent=len(result.due_s),
        abandoned=result.abandoned,
        skipped=result.skipped,
        schema_checked=len(result.samples),
        schema_violations=schema_violations(result.samples),
        foreign_cpu=foreign_cpu(taken.first, taken.last, known_s),
        steal=steal_share(taken.first, taken.last),
        canary_deviation=taken.canary_deviation,
        swapped_pages=swapped(taken.first, taken.last),
        outbox_left=taken.outbox_left,
    )


def _first_steps(rows: pa.Table) -> NDArray[np.bool_]:
    """True for the arrival of each visit; later steps follow answers, not the schedule."""
    visits = np.asarray(rows.column("visit"))
    first = np.zeros(visits.size, dtype=bool)
    _, where = np.unique(visits, return_index=True)  # rows are in order of due time
    first[where] = True
    return first


def _quantile(values: Floats, q: float) -> float | None:
    """Exact order statistic; with fewer than 20 values it says too little to gate on."""
    if values.size < MIN_LAG_SAMPLES:
        return None
    return float(np.sort(values)[int(np.ceil(q * values.size)) - 1])
