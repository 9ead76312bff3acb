"""A load with something done beside it: the method takes its course while the load runs.

The load runs in a thread of its own while the course is taken in the main thread, where signals
arrive: whatever ends it, what the course does is undone by the course itself. Neighbours: `trial`
takes a `ConductedLoad` for a load process, `load.visits` counts what became of the visits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, cast

import msgspec
import pyarrow as pa

from bench.engine.target import Subject
from bench.engine.trial import Bench, TrialKey
from bench.load.generator import LoadProcess, Target
from bench.load.mixes import JOURNEYS
from bench.load.plan import Result, Visit
from bench.load.schedule import Schedule
from bench.load.visits import SKIPPED
from bench.results.journal import Trial

PATIENCE_S = 4.0  # of a visitor with one answer: the shop's own deadline is 3 s
# More than usual: what is held up must not look like a client without connections.
MAX_USERS = 850
_STOP_LAG_S = 0.2  # a visit due so shortly before the stop may not have been sent any more


class Course(Protocol):
    """What is done while a load runs."""

    def take(self, load: Future[Result], begun: float) -> None:
        """Do it. `begun`: about the load's zero, on perf_counter. Returns when it is done."""


class ConductedLoad:
    """Plays the load process to `Bench`: the same load, with a course beside it.

    `beside`: entered for as long as the load runs. `stops`: the load ends when the course is over,
    not when its visits are; `ended_s` says when that was, on the load's clock.
    """

    def __init__(
        self,
        load: LoadProcess,
        course: Course,
        beside: AbstractContextManager[object] | None = None,
        *,
        stops: bool = False,
    ) -> None:
        self._load = load
        self._course = course
        self._beside = beside or nullcontext()
        self._stops = stops
        self.zero = 0.0  # of the load's clock, once it is over
        self.skipped_visits = 0
        self.ended_s: float | None = None

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the load process."""
        return self._load.pids

    def run_open(
        self,
        target: Target,
        visits: list[Visit],
        window: tuple[float, float],
        **options: float | str,
    ) -> Result:
        """Replay the visits while the course is taken. Raises what either raises."""
        options |= {"request_timeout_s": PATIENCE_S, "max_users": MAX_USERS}
        with (
            tempfile.TemporaryDirectory(prefix="shopbench-conducted-") as folder,
            self._beside,
            ThreadPoolExecutor(1) as pool,
        ):
            stop = Path(folder) / "stop"
            if self._stops:
                options["stop_file"] = str(stop)
            load = pool.submit(self._load.run_open, target, visits, window, **options)
            try:
                self._course.take(load, perf_counter())
                stop.touch()
                ended = perf_counter()
                result = load.result()
            except BaseException:  # the trial is lost: let the thread end
                self._load.kill()
                with suppress(Exception):
                    load.result()
                self._load.stop()
                raise
        self.zero = result.started_monotonic
        if self._stops:
            self.ended_s = min(ended - self.zero, window[1])
            visits = [each for each in visits if each.due_s < self.ended_s - _STOP_LAG_S]
        result, self.skipped_visits = with_skipped(result, visits)
        return result


def run_conducted(
    key: TrialKey, subject: Subject, schedule: Schedule, conducted: ConductedLoad
) -> tuple[Trial, pa.Table]:
    """One trial of a conducted load; where it was ended early its window ends with it."""
    trial, rows = Bench(cast(LoadProcess, conducted)).run_open(key, subject, schedule)
    end_s = conducted.ended_s
    if end_s is None or end_s >= trial.measured_to_s:
        return trial, rows
    end_s = max(end_s, trial.measured_from_s + 0.001)
    return replace(trial, measured_to_s=end_s, measured_s=end_s - trial.measured_from_s), rows


def with_skipped(result: Result, visits: Sequence[Visit]) -> tuple[Result, int]:
    """The result with a row for each visit that found no session, and how many those were.

    Their first step is a row with the error `skipped`; the others count as abandoned.
    """
    made = set(result.visit)
    missing = [number for number in range(len(visits)) if number not in made]
    if not missing:
        return result, 0
    rows: dict[str, list[Any]] = {
        name: list(getattr(result, name))
        for name in ("due_s", "sent_s", "done_s", "status", "bytes", "operation", "journey")
    }
    rows |= {name: list(getattr(result, name)) for name in ("error", "visit", "server_timing")}
    abandoned = 0
    for number in missing:
        visit = visits[number]
        steps = JOURNEYS[visit.journey]
        abandoned += len(steps) - 1
        for name in ("due_s", "sent_s", "done_s"):
            rows[name].append(visit.due_s)
        rows["status"].append(0)
        rows["bytes"].append(0)
        rows["operation"].append(steps[0])
        rows["journey"].append(visit.journey)
        rows["error"].append(SKIPPED)
        rows["visit"].append(number)
        rows["server_timing"].append("")
    by_due = sorted(
        range(len(rows["due_s"])), key=lambda at: (rows["due_s"][at], rows["visit"][at])
    )
    ordered = {name: [column[at] for at in by_due] for name, column in rows.items()}
    changed = msgspec.structs.replace(
        result, **ordered, skipped=0, abandoned=result.abandoned + abandoned
    )
    return changed, len(missing)


def sleep_until(when: float, load: Future[Result]) -> bool:
    """Wait for a moment; False if the load ended before it."""
    done, _ = wait([load], timeout=max(0.0, when - perf_counter()))
    return not done
