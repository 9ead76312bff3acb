"""The course of the experiment: probe, good releases, bad ones, second endpoints, operations.

Every stretch is a trial in the journal, with what was done in it as records in the settings. Both
shops are up all the time; the order of the arms is random in every repetition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.engine.capacity_probe import MIN_RPS, START_S, closed_loop_rps, two_digits
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import Attempt, RunContext, Series, run_series, shuffled
from bench.errors import ShopbenchError
from bench.experiments.redeploy.records import (
    ARMS,
    EXPERIMENT,
    GATEWAY,
    MIX,
    MONOLITH,
    SECOND,
    SERVICES,
    SINGLE,
    TROUBLE,
    Held,
    Touch,
    held_in,
    trial_name,
)
from bench.experiments.redeploy.sizes import (
    LOAD_SHARE,
    SCALE_S,
    SIZES,
    TOUCH_S,
    Size,
    planned_s,
    released,
)
from bench.experiments.redeploy.stand import Stand
from bench.experiments.redeploy.stretches import Stretches, label_of, remember
from bench.experiments.redeploy.touched import Asker
from bench.load.generator import ClosedLoop
from bench.registry import Planned
from bench.results.journal import TrialStatus

PROBE = ClosedLoop(16, 0.3, 1.2)
PROBE_S = PROBE.warmup_s + PROBE.measured_s + 0.3
WORDS = {SINGLE: "releases", TROUBLE: "bad releases", SECOND: "with a second endpoint"}
TOUCHED = {MONOLITH: (MONOLITH,), "microservices": (GATEWAY, *SERVICES)}


def check(options: RunOptions) -> None:
    """Refuse what has no place in it. Raises ShopbenchError (usage)."""
    odd = [name for name in options.deployments if name not in ARMS]
    if odd:
        raise ShopbenchError(f"{EXPERIMENT} releases {' and '.join(ARMS)}, not {odd[0]}", 2)


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Starts, probes and all stretches of both arms."""
    size, names = _size(profile), options.deployments or ARMS
    stretches_s = sum(
        stretch_s(kind, name, block, size, options.seed)
        for kind in (SINGLE, TROUBLE, SECOND)
        for name in names
        for block in range(size.stretches(kind))
    )
    once_s = sum(START_S + PROBE_S + SCALE_S + TOUCH_S * len(TOUCHED[name]) for name in names)
    return Planned(once_s + stretches_s, profile.rerun_share * stretches_s)


def stretch_s(kind: str, name: str, block: int, size: Size, seed: int) -> float:
    """Planned seconds of one stretch."""
    names = released(name, block, size, seed) if kind == SINGLE else ()
    return planned_s(kind, name, names, size)


def run(ctx: RunContext) -> None:
    """All of it."""
    names = tuple(ctx.options.deployments or ARMS)
    ctx.fleet.close()  # what another experiment left up would run beside
    with Stand(ctx) as stand:
        rate_rps = _rate(ctx, stand, names)
        stretches = Stretches(ctx, stand, _size(ctx.profile), rate_rps)
        course = _Course(ctx, stretches, names)
        course.run(SINGLE)
        course.run(TROUBLE)
        course.touch()
        course.run(SECOND)


def _size(profile: Profile) -> Size:
    return SIZES.get(profile.name, SIZES["smoke"])


def _rate(ctx: RunContext, stand: Stand, names: Sequence[str]) -> float:
    """Half of what the slower arm can serve; the same in both. Known from before a resume."""
    held = held_in(ctx.setting(EXPERIMENT))
    found = dict(held.capacity_rps)
    for name in names:
        ctx.progress.say(f"starting and probing {name}")
        subject = stand.subject(name)
        if name not in found:
            found[name] = closed_loop_rps(ctx, subject, MIX, PROBE)
        ctx.progress.done(START_S + PROBE_S)
    rate_rps = held.rate_rps or max(MIN_RPS, two_digits(LOAD_SHARE * min(found.values())))
    remember(ctx, replace(held, capacity_rps=found, rate_rps=rate_rps))
    return rate_rps


@dataclass(frozen=True)
class _Course:
    ctx: RunContext
    stretches: Stretches
    names: tuple[str, ...]

    def run(self, kind: str) -> None:
        """All repetitions of a kind of stretch; each has both arms, and is run again whole."""
        ctx, blocks = self.ctx, self.stretches.size.stretches(kind)
        own = replace(
            ctx, profile=replace(ctx.profile, min_blocks=blocks, max_blocks=blocks, restart=False)
        )
        series = self._series(kind)

        def order(block: int) -> list[Series]:
            series.planned_s = self._planned_s(kind, block)
            return [series]

        run_series(own, [series], order)
        ctx.rerun_budget_s = own.rerun_budget_s

    def touch(self) -> None:
        """Ask what each process takes part in, with no load; what is known is not asked again."""
        for name in self.names:
            known = {(each.arm, each.component) for each in self._held().touches}
            missing = [each for each in TOUCHED[name] if (name, each) not in known]
            self.ctx.progress.drop(TOUCH_S * (len(TOUCHED[name]) - len(missing)))
            if not missing:
                continue
            self.ctx.progress.say(f"asking {name} for every operation, a process stopped in turn")
            asker = Asker(self.stretches.stand.deployment(name))
            try:
                for component in missing:
                    self._keep(asker.try_component(name, component))
            finally:
                asker.close()

    def _keep(self, touch: Touch) -> None:
        held = self._held()
        remember(self.ctx, replace(held, touches=(*held.touches, touch)))
        self.ctx.progress.done(TOUCH_S)
        self.ctx.progress.tell(
            f"redeploy: {touch.arm}: {len(touch.touched)} of {len(touch.asked)} operations are not"
            f" answered while {touch.component} is stopped"
        )

    def _held(self) -> Held:
        return held_in(self.ctx.setting(EXPERIMENT))

    def _series(self, kind: str) -> Series:
        return Series(
            label=trial_name(kind),
            planned_s=self._planned_s(kind, 0),
            attempt=lambda block: self._attempt(kind, block),
            key=(trial_name(kind), MIX, self.stretches.rate_rps),
            names=tuple(label_of(kind, name) for name in self.names),
        )

    def _planned_s(self, kind: str, block: int) -> float:
        first_s = SCALE_S if kind == SECOND and block == 0 else 0.0
        size, seed = self.stretches.size, self.ctx.options.seed
        return sum(first_s + stretch_s(kind, name, block, size, seed) for name in self.names)

    def _attempt(self, kind: str, block: int) -> Attempt:
        def attempt(number: int) -> list[TrialStatus]:
            statuses = []
            seed = self.ctx.seed(EXPERIMENT, "order", kind, block)
            for name in shuffled(self.names, seed):
                self.ctx.progress.say(f"repetition {block + 1}: {WORDS[kind]}, {name}")
                statuses.append(self.stretches.run(kind, name, block, number))
            return statuses

        return attempt
