"""What happens while the load of a stretch runs: a quiet window, then one act after the other.

CPU is read between the windows, never inside of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter

from bench.deployments.base import Deployment, Usage
from bench.engine.conducted_load import sleep_until
from bench.engine.target import usage_between
from bench.experiments.redeploy.records import Change, What
from bench.experiments.redeploy.sizes import PAUSE_S, TAIL_S
from bench.load.plan import Result


@dataclass(frozen=True)
class Done:
    """What an act found out by itself; the fields are those of `records.Change`."""

    in_service_s: float | None = None
    cold_start_s: float | None = None
    held: bool = True
    said: str = ""
    parts: dict[str, float] = field(default_factory=dict)
    spread: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Act:
    """One thing to do to the shop. `tail_s`: visits due so long afterwards count as its own."""

    what: What
    component: str
    do: Callable[[], Done]
    step: str = ""
    tail_s: float = TAIL_S


@dataclass(frozen=True)
class Taken:
    """An act that was done; moments on perf_counter."""

    act: Act
    done: Done
    ordered: float
    returned: float
    ended: float
    cpu_s: float


@dataclass(frozen=True)
class _Reading:
    at: float
    usage: Mapping[str, Usage]

    def cpu_until(self, later: _Reading) -> float:
        """CPU seconds of all components between two readings."""
        return sum(cpu_s for cpu_s, _ in usage_between(self.usage, later.usage).values())


@dataclass
class ReleaseCourse:
    """The course of one stretch. `cut_off`: the load ended before the acts did."""

    deployment: Deployment
    acts: Sequence[Act]
    warmup_s: float
    quiet_s: float
    taken: list[Taken] = field(default_factory=list)
    quiet: tuple[float, float] = (0.0, 0.0)
    cut_off: bool = False

    def take(self, load: Future[Result], begun: float) -> None:
        """Be quiet, then act."""
        self._wait(self.warmup_s, load, begun)
        first = self._read()
        self._wait(self.quiet_s, load)
        last = self._read()
        self.quiet = (first.at, last.at)
        cpu_rate = first.cpu_until(last) / (last.at - first.at)
        for act in self.acts:
            last = self._act(act, last, cpu_rate, load)

    def changes(self, zero: float, arm: str, repetition: int, trial_id: str) -> list[Change]:
        """What was done, on the load's clock."""
        return [
            Change(
                arm=arm, repetition=repetition, what=each.act.what, component=each.act.component,
                step=each.act.step, trial_id=trial_id,
                quiet_from_s=self.quiet[0] - zero, quiet_to_s=self.quiet[1] - zero,
                ordered_s=each.ordered - zero, returned_s=each.returned - zero,
                ended_s=each.ended - zero, cpu_s=each.cpu_s, **vars(each.done),
            )
            for each in self.taken
        ]  # fmt: skip

    def _act(self, act: Act, before: _Reading, cpu_rate: float, load: Future[Result]) -> _Reading:
        self._wait(PAUSE_S, load)
        ordered = perf_counter()
        done = act.do()
        returned = perf_counter()
        self._wait(act.tail_s, load)
        after = self._read()
        cpu_s = before.cpu_until(after) - cpu_rate * (after.at - before.at)
        self.taken.append(Taken(act, done, ordered, returned, after.at, cpu_s))
        return after

    def _wait(self, seconds: float, load: Future[Result], since: float | None = None) -> None:
        start = perf_counter() if since is None else since
        if not sleep_until(start + seconds, load):
            self.cut_off = True

    def _read(self) -> _Reading:
        return _Reading(perf_counter(), self.deployment.usage())
