"""Fresh starts of every deployment, each alone on the machine, and what each of them holds.

A repetition starts every deployment once, in shuffled order: cold start, first answers, then at
rest a window in which nobody asks it. Written down start by start, so that a run that is cut off
goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bench.deployments.base import Deployment
from bench.engine.first_answers import never_right
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext, shuffled
from bench.engine.target import DeploymentSubject
from bench.errors import ShopbenchError
from bench.experiments.footprint.databases import look_into
from bench.experiments.footprint.loads import Loader
from bench.experiments.footprint.meter import idle_window, wait_for_rest
from bench.experiments.footprint.plan import (
    SETTLE_LIMIT_S,
    SHIPPED_S,
    Size,
    loads_s,
    planned_seconds,
    repetition_s,
    size_of,
    start_s,
)
from bench.experiments.footprint.process_counts import count
from bench.experiments.footprint.ratios import METRICS, compare, pairs_of
from bench.experiments.footprint.records import (
    ARMS,
    FIRST_ASKED,
    NAME,
    Footprint,
    Load,
    Start,
    read_footprint,
)
from bench.experiments.footprint.shipped import image_bytes, shipped
from bench.experiments.footprint.told import load_line, ratio_line, shipped_lines
from bench.load.generator import ClosedLoop
from bench.load.plan import Visit
from bench.registry import Planned

FIRST_LIMIT_S = 10.0
FIRST_TRIES = 5


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Starts with their windows, and the loads."""
    return planned_seconds(options, profile)


def run(ctx: RunContext) -> None:
    """Measure what is shipped, then the starts that the journal does not hold yet."""
    course = Course(ctx, ctx.options.deployments or ARMS, size_of(ctx.profile))
    ctx.fleet.close()  # each deployment is measured alone
    course.weigh()
    course.repeat()
    for line in course.findings():
        ctx.progress.tell(f"{NAME}: {line}")


@dataclass(frozen=True)
class Course:
    """One run of the experiment."""

    ctx: RunContext
    names: tuple[str, ...]
    size: Size

    @property
    def held(self) -> Footprint:
        """What the journal holds so far."""
        return read_footprint(self.ctx.writer.journal.settings, self.ctx.writer.path)

    def weigh(self) -> None:
        """Packages, code and images; what cannot be measured says why."""
        if not self.held.shipped and not self.held.shipped_note:
            self.ctx.progress.say("what is shipped")
            self._tell(**self._weighed())
            for line in shipped_lines(self.held):
                self.ctx.progress.tell(f"{NAME}: {line}")
        self.ctx.progress.done(SHIPPED_S)

    def _weighed(self) -> dict[str, object]:
        images: dict[str, dict[str, int]] = {}
        images_note = ""
        try:
            images = image_bytes(self.names)
        except ShopbenchError as exc:
            images_note = exc.message
        try:
            found = [replace(shipped(name), images=images.get(name, {})) for name in self.names]
        except ShopbenchError as exc:
            return {"shipped_note": f"packages were not measured: {exc.message}"}
        return {"shipped": found, "images_note": images_note}

    def repeat(self) -> None:
        """Start every deployment once in each repetition, as long as there is time."""
        for number in self.size.numbers:
            planned_s = repetition_s(self.size, self.ctx.profile, number, len(self.names))
            missing = [name for name in self._order(number) if not self._whole(name, number)]
            self.ctx.progress.drop(planned_s * (1 - len(missing) / len(self.names)))
            if missing and not self.ctx.has_time(planned_s):
                why = f"time limit reached before repetition {number + 1} of {self._count}"
                self._tell(stopped=why)
                return
            for name in missing:
                self._start(name, number)

    def findings(self) -> list[str]:
        """Every ratio with its word, in a line each."""
        starts, smoke = self.held.starts, self.ctx.profile.name == "smoke"
        found = [
            compare(starts, metric, top, bottom)
            for top, bottom in pairs_of(self.names)
            for metric in METRICS
        ]
        return [ratio_line(each, starts, smoke=smoke) for each in found]

    @property
    def _count(self) -> int:
        return len(self.size.numbers)

    def _order(self, number: int) -> list[str]:
        return shuffled(self.names, self.ctx.seed(NAME, number))

    def _whole(self, name: str, number: int) -> bool:
        """Whether the journal has this start, with its loads."""
        held, key = self.held, (name, number)
        loads = sum((each.deployment, each.number) == key for each in held.loads)
        started = any((each.deployment, each.number) == key for each in held.starts)
        return started and (loads == 2 or not self.size.loaded(number))

    def _start(self, name: str, number: int) -> None:
        """One fresh start, with its loads if it has some; it is gone afterwards."""
        position = self._order(number).index(name)
        self._say(f"starting {name} alone", number)
        manager = self.ctx.fleet.opener(name)()
        begun = time.perf_counter()
        with manager as deployment:
            up_s = time.perf_counter() - begun
            if deployment.cpu_control == "uncontrolled":
                self.ctx.writer.mark_uncontrolled("this machine allows no CPU budget: uncontrolled")
            subject = DeploymentSubject(deployment, self.ctx.fleet.tokens_of(deployment))
            try:
                start = self._measured(deployment, subject, number, position, up_s)
                self._keep_start(start)
                self.ctx.progress.done(start_s(self.size))
                if self.size.loaded(number):
                    self._say(f"{name} under load", number)
                    loader = Loader(self.ctx, self.size, deployment, subject, number, position)
                    self._keep_loads([loader.one(), loader.half()])
                    self.ctx.progress.done(loads_s(self.size, self.ctx.profile))
            finally:
                subject.close()

    def _measured(
        self,
        deployment: Deployment,
        subject: DeploymentSubject,
        number: int,
        position: int,
        up_s: float,
    ) -> Start:
        cold_s = cold_start_s(deployment)
        first = {name: self._first_answer_ms(subject, name) for name in FIRST_ASKED}
        self._say(f"{deployment.name} comes to rest", number)
        settled_s, settled = wait_for_rest(deployment, subject, SETTLE_LIMIT_S)
        subject.close()  # our own look at the outbox is a process and a connection of its database
        idle = idle_window(deployment, self.size.idle_s)
        return Start(
            deployment=deployment.name,
            number=number,
            position=position,
            counted=self.size.counted(number),
            up_s=up_s,
            cold_start_s=cold_s,
            first_answer_ms=first,
            settled_s=settled_s,
            settled=settled,
            idle=idle,
            counts=count(deployment.pids()),
            databases=look_into(deployment, local=self.ctx.options.place == "local"),
        )

    def _first_answer_ms(self, subject: DeploymentSubject, operation: str) -> float:
        """Milliseconds from the first time it is asked to the first right answer.

        Raises ShopbenchError if none of a few is right.
        """
        loop, spent_ms = ClosedLoop(1, 0.0, FIRST_LIMIT_S, max_visits=1), 0.0
        for attempt in range(FIRST_TRIES):
            visit = Visit(0.0, operation, self.ctx.seed(NAME, operation, attempt))
            result = self.ctx.load.run_closed(subject.target, [visit], loop)
            spent_ms += 1000.0 * (sum(result.done_s) - sum(result.sent_s))
            if not (wrong := never_right(result)):
                return spent_ms
        raise ShopbenchError(f"{subject.name} {wrong}", 1)

    def _keep_start(self, start: Start) -> None:
        key = (start.deployment, start.number)
        others = [s for s in self.held.starts if (s.deployment, s.number) != key]
        self._tell(starts=[*others, start])

    def _keep_loads(self, loads: list[Load]) -> None:
        self._tell(loads=[*self.held.loads, *loads])
        for load in loads:
            self.ctx.progress.tell(f"{NAME}: {load_line(load)}")

    def _tell(self, **found: object) -> None:
        known = self.ctx.setting(NAME) or {}
        self.ctx.writer.add_settings(**{NAME: {**known, **msgspec.to_builtins(found)}})

    def _say(self, text: str, number: int) -> None:
        self.ctx.progress.say(f"start {number + 1} of {self._count}: {text}")


def cold_start_s(deployment: Deployment) -> float | None:
    """Seconds from the start of the first component to the readiness of the last.

    None where the driver does not say when each was ready. What the driver does before, copying
    seeded data folders above all, and after is none of the shop's.
    """
    parts = deployment.components()
    if not parts or not all(each.ready_at for each in parts):
        return None
    return max(each.ready_at for each in parts) - min(each.started_at for each in parts)
