"""One trial: primer, warm-up, measured window, drain, collect, judge.

The CPU window runs from before the first arrival (all is idle) until the outbox is empty after
the last answer: no reading disturbs the measured window, and work put off is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from bench.engine.gates import Observed, Window, judge, status_of
from bench.engine.meters import (
    Reading,
    clock_step_ms,
    foreign_cpu,
    process_cpu,
    read_machine,
    steal_share,
    swapped,
)
from bench.engine.sampled_answers import schema_violations
from bench.engine.target import Subject, usage_between
from bench.engine.window import read_window
from bench.engine.wrong_answers import off_schema, with_examples
from bench.load.generator import ClosedLoop, LoadProcess, result_rows
from bench.load.plan import Result, Sample
from bench.load.schedule import Schedule
from bench.results.journal import ComponentUsage, Loop, Trial, WrongAnswers, utc_now


@dataclass(frozen=True)
class TrialKey:
    """Which trial of which block. `beyond_capacity`: its load is meant to be too much."""

    experiment: str
    block: int
    attempt: int
    position: int
    beyond_capacity: bool = False

    def trial_id(self, mix: str, deployment: str, offered_rps: float) -> str:
        """A name that is unique in the run and safe as a file name."""
        # `a+b|c` and `a|b+c` are two partitions: their marks stay apart
        named = deployment.replace("|", "_")
        safe = "".join(char if char.isalnum() or char in "-_" else "." for char in named)
        rate = f"{offered_rps:g}".replace(".", "p")
        attempt = f"r{self.attempt}" if self.attempt else ""
        return f"{self.experiment}-{mix}-{rate}-b{self.block:03}{attempt}-{safe}"


@dataclass(frozen=True)
class _Load:
    """What to apply and which window of it is measured."""

    loop: Loop
    offered_rps: float
    warmup_s: float
    start_s: float
    end_s: float
    apply: Callable[[], Result]


@dataclass(frozen=True)
class _Taken:
    """What was read around the load."""

    result: Result
    first: Reading
    last: Reading
    usage: dict[str, ComponentUsage]
    bench_cpu_s: float
    outbox_left: int | None
    own_locustfile: bool  # its answers have no schema that we know
    started_at: str

    @cached_property
    def off_schema(self) -> list[Sample]:
        """The sampled answers that break the contract."""
        return [] if self.own_locustfile else schema_violations(self.result.samples)


class Bench:
    """Runs trials with one load process on one machine."""

    def __init__(self, load: LoadProcess) -> None:
        self._load = load

    def run_open(
        self, key: TrialKey, subject: Subject, schedule: Schedule
    ) -> tuple[Trial, pa.Table]:
        """Replay a schedule against a subject; return the judged trial with its rows."""
        spec = schedule.spec
        start_s, end_s = spec.measured_from_s, spec.measured_to_s
        ahead = max(8, min(64, int(spec.offered_rps * 0.05)))

        def apply() -> Result:
            return self._load.run_open(
                subject.target, schedule.visits, (start_s, end_s), users_ahead=ahead
            )

        load = _Load("open", spec.offered_rps, spec.warmup_s, start_s, end_s, apply)
        return self._run(key, subject, schedule, load)

    def run_closed(
        self, key: TrialKey, subject: Subject, schedule: Schedule, loop: ClosedLoop
    ) -> tuple[Trial, pa.Table]:
        """Saturate a subject with the visits of a schedule."""

        def apply() -> Result:
            return self._load.run_closed(subject.target, schedule.visits, loop)

        end_s = loop.warmup_s + loop.measured_s
        load = _Load("closed", 0.0, loop.warmup_s, loop.warmup_s, end_s, apply)
        return self._run(key, subject, schedule, load)

    def _run(
        self, key: TrialKey, subject: Subject, schedule: Schedule, load: _Load
    ) -> tuple[Trial, pa.Table]:
        taken = self._take(subject, load.apply)
        rows = result_rows(taken.result)
        window = read_window(rows, load.start_s, load.end_s)
        observed = replace(_observed(load.loop, window, taken), beyond_capacity=key.beyond_capacity)
        gates = judge(observed)
        trial_id = key.trial_id(schedule.spec.mix, subject.name, load.offered_rps)
        trial = Trial(
            trial_id=trial_id,
            experiment=key.experiment,
            block=key.block,
            attempt=key.attempt,
            position=key.position,
            deployment=subject.name,
            mix=schedule.spec.mix,
            offered_rps=load.offered_rps,
            seed=schedule.spec.seed,
            schedule_sha256=schedule.sha256,
            warmup_s=load.warmup_s,
            measured_s=window.measured_s,
            measured_from_s=load.start_s,
            measured_to_s=load.end_s,
            planned=taken.result.planned,
            sent=len(taken.result.due_s),
            skipped=taken.result.skipped,
            status=status_of(gates),
            gates=gates,
            usage=taken.usage,
            sql=None,
            lag_ms_p99=window.lag_ms_p99 if load.loop == "open" else None,
            started_at=taken.started_at,
            rows_file=f"rows/{trial_id}.parquet",
            loop=load.loop,
            cpu_requests=len(taken.result.due_s),
            facts=_facts(window, taken),
            wrong=_wrong(window, taken),
        )
        return trial, rows

    def _take(self, subject: Subject, apply: Callable[[], Result]) -> _Taken:
        started_at = utc_now()
        usage_first = subject.usage()
        bench_first = self._bench_cpu()
        first = read_machine()
        result = apply()
        outbox_left = subject.settle()
        last = read_machine()
        bench_last = self._bench_cpu()
        usage = usage_between(usage_first, subject.usage())
        return _Taken(
            result=result,
            first=first,
            last=last,
            usage={name: ComponentUsage(cpu, pss) for name, (cpu, pss) in usage.items()},
            bench_cpu_s=bench_last - bench_first,
            outbox_left=outbox_left,
            own_locustfile=bool(subject.target.locustfile),
            started_at=started_at,
        )

    def _bench_cpu(self) -> float:
        """CPU of the load processes and of ourselves."""
        load_s = sum(process_cpu(pid) or 0.0 for pid in self._load.pids)
        return time.process_time() + load_s


def _observed(loop: Loop, window: Window, taken: _Taken) -> Observed:
    result = taken.result
    known_s = taken.bench_cpu_s + sum(use.cpu_seconds for use in taken.usage.values())
    return Observed(
        loop=loop,
        window=window,
        planned=result.planned,
        sent=len(result.due_s),
        abandoned=result.abandoned,
        skipped=result.skipped,
        schema_violations=None if taken.own_locustfile else len(taken.off_schema),
        generator_cpu=result.generator_cpu,
        # without the subject's own CPU nobody can tell what is foreign
        foreign_cpu=foreign_cpu(taken.first, taken.last, known_s) if taken.usage else None,
        steal=steal_share(taken.first, taken.last),
        swapped_pages=swapped(taken.first, taken.last),
        clock_step_ms=clock_step_ms(taken.first, taken.last),
        outbox_left=taken.outbox_left,
    )


def _wrong(window: Window, taken: _Taken) -> tuple[WrongAnswers, ...]:
    """Failed answers with an example each, and sampled ones that break the contract."""
    failed = with_examples(window.wrong, taken.result.examples)
    return (*failed, *off_schema(taken.off_schema, taken.result.samples))


def _facts(window: Window, taken: _Taken) -> dict[str, float]:
    result = taken.result
    failed = sum(each.wrong for each in window.wrong)
    return {
        "throughput_rps": (window.answers - failed) / window.measured_s,
        "unfinished": float(result.unfinished),
        "schema_checked": float(len(result.samples)),
        "timerfd": float(result.pacer == "timerfd"),
    }
