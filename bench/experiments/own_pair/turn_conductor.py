"""Hands out turns: visit k on one service, then on the next, in random order, nobody else at work.

Each side has a load process of its own. What slows the machine slows all sides of a turn.
Neighbours: `own_services` starts the sides, `bench.stats.turns` matches what they did.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Protocol

from bench.experiments.own_pair.services import ExternalService
from bench.load.plan import TurnRows
from bench.load.rows import Row
from bench.stats.turns import Answer, Start

PAUSE_S = 0.002  # from one side's visit to the other's
FIRST_GAP_S = 0.01  # mean, until the warm-up has told how long a turn takes
LEAST_GAP_S, MOST_GAP_S = 0.002, 0.01
BUSY_SHARE = 0.3  # of the time that turns take, where the longest gap allows it
CPU_WINDOW_S = 3.0
IDLE_S = 1.0
LOOK_S = 1.0  # between two looks at what is known
MOST_SILENT_TURNS = 300  # at the beginning, before a file is said to ask for nothing


class Side(Protocol):
    """A load process with its users, ready to make visits."""

    def take_turn(self, number: int, seed: int) -> TurnRows:
        """Make visit `number` now; return its requests when it is over."""


@dataclass
class SideRecord:
    """What one side did in one start; rows with times on perf_counter, warm-up included."""

    rows: list[Row] = field(default_factory=list)
    elsewhere: int = 0
    silent: int = 0
    cpu_s: float = 0.0  # of its load process
    busy_s: float = 0.0  # that its load process had a turn

    def take(self, turn: TurnRows) -> None:
        """Add a turn."""
        self.rows += turn.rows
        self.elsewhere += turn.elsewhere
        self.silent += not turn.requests
        self.cpu_s += turn.cpu_s
        self.busy_s += turn.took_s


@dataclass(frozen=True)
class CpuWindow:
    """CPU seconds of a service in so many seconds, and the requests it answered meanwhile."""

    seconds: float
    cpu_s: float
    requests: int


@dataclass
class StartRecord:
    """One start of all sides. Moments on perf_counter; `turns`: measured ones."""

    zero: float
    measured_from: float = 0.0
    measured_to: float = 0.0
    turns: int = 0
    gap_s: float = FIRST_GAP_S
    sides: dict[str, SideRecord] = field(default_factory=dict)
    pairs: dict[str, Start] = field(default_factory=dict)  # by the name of the second side
    cpu: dict[str, list[CpuWindow]] = field(default_factory=dict)
    idle_cores: dict[str, float] = field(default_factory=dict)


class Conductor:
    """The turns of one start. The first side is the baseline."""

    def __init__(
        self, sides: Mapping[str, Side], services: Sequence[ExternalService], seed: int
    ) -> None:
        self._sides = sides
        self._services = services
        self._seed = seed
        self._order = random.Random(f"{seed}/order")
        self._gaps = random.Random(f"{seed}/gaps")
        self._number = 0
        first, *others = sides
        self._first = first
        self.record = StartRecord(zero=perf_counter())
        self.record.sides = {name: SideRecord() for name in sides}
        self.record.pairs = {name: Start() for name in others}
        self._mark: dict[str, tuple[float, float, int]] = {}

    def warm_up(self, seconds: float) -> None:
        """Turns that do not count; they also tell how long the gaps have to be.

        It goes on, for some hundreds of turns, until there was a request.
        """
        self._rest()
        end = perf_counter() + seconds
        took: list[float] = []
        while perf_counter() < end or not (self._asked() or len(took) >= MOST_SILENT_TURNS):
            begun = perf_counter()
            self._turn()
            took.append(perf_counter() - begun)
            self._wait()
        busy_s = median(took)
        gap_s = busy_s * (1 / BUSY_SHARE - 1)
        self.record.gap_s = min(MOST_GAP_S, max(LEAST_GAP_S, gap_s))

    def measure(self, until: float, done: Callable[[StartRecord], bool]) -> None:
        """Turns that count, until a moment or until `done`, which is asked every second."""
        record = self.record
        record.measured_from = record.measured_to = perf_counter()
        look = record.measured_from + LOOK_S
        self._read_cpu()
        while (now := perf_counter()) < until:
            if now >= look:
                if done(record):
                    break
                look = perf_counter() + LOOK_S
            self._count(self._turn())
            record.turns += 1
            record.measured_to = perf_counter()
            self._cpu_window(CPU_WINDOW_S)
            self._wait()
        self._cpu_window(CPU_WINDOW_S / 2)

    def _turn(self) -> dict[str, TurnRows]:
        """The next visit on every side; a side that fails raises, and the start is lost."""
        names = list(self._sides)
        self._order.shuffle(names)
        made = {}
        for place, name in enumerate(names):
            if place:
                time.sleep(PAUSE_S)
            made[name] = self._sides[name].take_turn(self._number, self._seed)
            self.record.sides[name].take(made[name])
        self._number += 1
        return made

    def _count(self, made: Mapping[str, TurnRows]) -> None:
        first = _answers(made[self._first], self.record.zero)
        for name, start in self.record.pairs.items():
            start.add(first, _answers(made[name], self.record.zero))
            start.elsewhere += made[self._first].elsewhere

    def _wait(self) -> None:
        time.sleep(self._gaps.expovariate(1 / self.record.gap_s))

    def _asked(self) -> bool:
        return any(side.rows for side in self.record.sides.values())

    def _rest(self) -> None:
        """Where CPU is metered: what each service uses when nobody asks it anything."""
        before = self._cpu_now()
        if not before:
            return
        time.sleep(IDLE_S)
        after = self._cpu_now()
        self.record.idle_cores = {
            name: (cpu_s - before[name][1]) / (at - before[name][0])
            for name, (at, cpu_s) in after.items()
            if name in before
        }

    def _cpu_now(self) -> dict[str, tuple[float, float]]:
        """(moment, CPU seconds so far) of every service that is metered."""
        return {
            service.name: (perf_counter(), used.cpu_seconds)
            for service in self._services
            for used in service.usage().values()
        }

    def _read_cpu(self) -> None:
        rows = {name: len(side.rows) for name, side in self.record.sides.items()}
        self._mark = {name: (*read, rows[name]) for name, read in self._cpu_now().items()}

    def _cpu_window(self, least_s: float) -> None:
        """Close a window of CPU that has lasted long enough, and open the next."""
        marks = self._mark
        if not marks or perf_counter() - next(iter(marks.values()))[0] < least_s:
            return
        self._read_cpu()
        for name, (at, cpu_s, rows) in self._mark.items():
            if name in marks:
                since, before, had = marks[name]
                idle_s = self.record.idle_cores.get(name, 0.0) * (at - since)
                window = CpuWindow(at - since, cpu_s - before - idle_s, rows - had)
                self.record.cpu.setdefault(name, []).append(window)


def _answers(turn: TurnRows, zero: float) -> list[Answer]:
    return [
        Answer(operation, sent - zero, (done - sent) * 1e3, error)
        for _, sent, done, _, _, operation, _, error, _, _ in turn.rows
    ]
