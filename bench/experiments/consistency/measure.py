"""The experiment's run: for each deployment the phases `kills` and `points`, each audited alone.

A phase starts from the seed and an empty history; it ends when the shop has settled and the rows
of all databases are stored. The report judges them: nothing is judged here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.audit.stored import pack
from bench.audit.views import read_snapshot
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.places import open_at
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.consistency.buyers import THOROUGH, CheckoutLoad
from bench.experiments.consistency.nemesis import (
    Pace,
    comes_back_alone,
    kill,
    planned_kills,
    targets_of,
)
from bench.experiments.consistency.points import all_point_faults, chosen_faults, fire
from bench.experiments.consistency.shop import RunningShop
from bench.experiments.consistency.watching import Watch
from bench.registry import Planned
from bench.results.episodes import (
    Episode,
    EpisodeFolder,
    EventLog,
    FaultInjected,
    FaultUndone,
    LoadMark,
    Settled,
)
from bench.results.journal import utc_now

EXPERIMENT = "consistency"
ARMS = ("monolith", "microservices")
KILLS, POINTS = "kills", "points"
PEOPLE = 6
USERS, PRODUCTS, CATEGORIES = 12, 150, 4
FIRST_ORDER_S = 20.0  # within which somebody must have bought before anything is broken
CALM_S = 1.0  # of undisturbed trade before the first fault and after the last

# Planned seconds: a start, a phase's surroundings, one kill and one fault point.
START_S, PHASE_S, KILL_S, POINT_S = 8.0, 7.0, 3.0, 1.2


@dataclass(frozen=True)
class Size:
    """Kills and fault points for each deployment."""

    kills: int
    points: int


SIZES = {
    "smoke": Size(4, 6),
    "quick": Size(20, 40),
    "standard": Size(100, len(all_point_faults())),
    "full": Size(200, len(all_point_faults())),
}


def size_of(options: RunOptions, profile: Profile) -> Size:
    """What was asked for, or the profile's."""
    size = SIZES.get(profile.name, SIZES["smoke"])
    kills, points = options.own.get("kills"), options.own.get("points")
    if kills is not None:
        size = replace(size, kills=kills)
    if points is not None:
        size = replace(size, points=min(points, len(all_point_faults())))
    return size


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Both phases of every deployment."""
    names = options.deployments or ARMS
    return Planned(len(names) * _deployment_s(size_of(options, profile)))


def run(ctx: RunContext) -> None:
    """Run what the journal does not hold yet, deployment by deployment."""
    names = ctx.options.deployments or ARMS
    size = size_of(ctx.options, ctx.profile)
    missing = {name: _missing(ctx, name, size) for name in names}
    for phases in missing.values():
        ctx.progress.drop(_deployment_s(size) - _deployment_s(size, phases))
    ctx.writer.add_settings(consistency={
        "kills": size.kills, "points": size.points, "people": PEOPLE, "deployments": list(names),
    })  # fmt: skip
    ctx.progress.say("stopping what other experiments left up")
    ctx.fleet.close()
    for name, phases in missing.items():
        if phases:
            _on_deployment(ctx, name, phases, size)


def _missing(ctx: RunContext, name: str, size: Size) -> list[str]:
    """Phases without a whole episode: a resumed run repeats only what was cut off."""
    ended = {
        each.phase
        for each in ctx.writer.journal.episodes
        if (each.experiment, each.deployment, each.status) == (EXPERIMENT, name, "ended")
    }
    wanted = {KILLS: size.kills, POINTS: size.points}
    return [phase for phase, count in wanted.items() if count and phase not in ended]


def _planned_s(phase: str, size: Size) -> float:
    return PHASE_S + (size.kills * KILL_S if phase == KILLS else size.points * POINT_S)


def _deployment_s(size: Size, phases: Sequence[str] | None = None) -> float:
    """Planned seconds of one deployment; `phases` None: of all that are wanted."""
    if phases is None:
        counts = {KILLS: size.kills, POINTS: size.points}
        phases = [phase for phase, count in counts.items() if count]
    return START_S * bool(phases) + sum(_planned_s(each, size) for each in phases)


def _on_deployment(ctx: RunContext, name: str, phases: list[str], size: Size) -> None:
    ctx.progress.say(f"starting {name}")
    seed = SeedSpec(ctx.options.shop_seed.seed, USERS, PRODUCTS, CATEGORIES)
    cpus = tuple(ctx.writer.journal.settings["cpus"])
    up = UpOptions(seed=seed, cpus=cpus, faults=True)
    with open_at(ctx.options.place, name, options=up) as deployment:
        ctx.writer.add_settings(restart_policy=deployment.restart_policy)
        if deployment.cpu_control == "uncontrolled":
            ctx.writer.mark_uncontrolled("this machine allows no CPU budget: uncontrolled")
        ctx.progress.done(START_S)
        shop: RunningShop | None = None
        try:
            for phase in phases:
                if not ctx.has_time(_planned_s(phase, size)):
                    ctx.writer.note(f"{EXPERIMENT}: no time left for {phase} on {name}")
                    continue
                episode = _begin(ctx, name, phase, size)
                folder = EpisodeFolder.of(ctx.writer.path, episode)
                if shop is None:
                    shop = RunningShop(deployment, folder.history, seed, PEOPLE)
                else:
                    shop.reset(folder.history)
                _Phase(ctx, shop, episode, folder, size).run()
                ctx.progress.done(PHASE_S)
        finally:
            if shop is not None:
                shop.recorder.close()


def _begin(ctx: RunContext, name: str, phase: str, size: Size) -> Episode:
    """Enter the episode into the journal and make its folder."""
    attempt = sum(
        (each.experiment, each.deployment, each.phase) == (EXPERIMENT, name, phase)
        for each in ctx.writer.journal.episodes
    )
    safe = "".join(c if c.isalnum() else "-" for c in name)
    episode = Episode(
        episode_id=f"{EXPERIMENT}-{safe}-{phase}-{attempt + 1}",
        experiment=EXPERIMENT,
        deployment=name,
        phase=phase,
        attempt=attempt,
        seed=ctx.seed(EXPERIMENT, phase),
        started_at=utc_now(),
        settings={"planned_faults": size.kills if phase == KILLS else size.points},
    )
    EpisodeFolder.of(ctx.writer.path, episode).create()
    ctx.writer.put_episode(episode)
    return episode


@dataclass(frozen=True)
class _Phase:
    """One phase on one running shop."""

    ctx: RunContext
    shop: RunningShop
    episode: Episode
    folder: EpisodeFolder
    size: Size

    def run(self) -> None:
        """Break things under load, wait until the shop has settled, store what it holds."""
        note = ""
        with EventLog(self.folder.events) as events:
            try:
                self._under_load(events)
                note = self._at_rest(events)
            except ShopbenchError as exc:
                ended = replace(
                    self.episode, status="failed", finished_at=utc_now(), note=exc.message
                )
                self.ctx.writer.put_episode(ended)
                raise
        self.folder.write_snapshot(pack(read_snapshot(self.shop.dsns)))
        ended = replace(self.episode, status="ended", finished_at=utc_now(), note=note)
        self.ctx.writer.put_episode(ended)

    def _under_load(self, events: EventLog) -> None:
        shop = self.shop
        load = CheckoutLoad(shop, PEOPLE, THOROUGH, seed=self.episode.seed)
        watch = Watch(shop.dsns, events)
        with watch, load:  # the watch goes on while the last buyers finish
            events.write(LoadMark(time.monotonic(), "begins", 0))
            self._wait_first_order(load)
            time.sleep(CALM_S)
            inject = self._kills if self.episode.phase == KILLS else self._points
            inject(events)
            shop.bring_back_all()
            time.sleep(CALM_S)
        events.write(LoadMark(time.monotonic(), "ends", load.acknowledged))
        for error in (*load.errors, *watch.errors):
            raise error

    def _wait_first_order(self, load: CheckoutLoad) -> None:
        """The steady state before: nothing is broken that does not work."""
        deadline = time.monotonic() + FIRST_ORDER_S
        while not load.acknowledged:
            if time.monotonic() > deadline:
                raise ShopbenchError(f"{self.episode.deployment}: nobody could buy", 1)
            time.sleep(0.05)

    def _kills(self, events: EventLog) -> None:
        shop, count = self.shop, self.size.kills
        targets = targets_of(shop.deployment)
        for number, each in enumerate(planned_kills(targets, count, self.episode.seed, Pace())):
            self._say(number, count, f"kill -9 {each.target}")
            time.sleep(each.gap_s)
            events.write(FaultInjected(time.monotonic(), number, "kill", each.target))
            hit = kill(shop.deployment, each.target)
            time.sleep(each.down_s)
            if not comes_back_alone(each.target):
                shop.bring_back(each.target)
            events.write(FaultUndone(time.monotonic(), number, hit))
            self.ctx.progress.done(KILL_S)

    def _points(self, events: EventLog) -> None:
        faults = chosen_faults(self.size.points, self.episode.seed)
        for number, fault in enumerate(faults):
            self._say(number, len(faults), f"{fault.point} {fault.action}")
            events.write(
                FaultInjected(time.monotonic(), number, "point", fault.point, fault.action)
            )
            hit, restarted = fire(self.shop, fault)
            note = f"restarted {', '.join(restarted)}" if restarted else ""
            events.write(FaultUndone(time.monotonic(), number, hit, note))
            self.ctx.progress.done(POINT_S)

    def _at_rest(self, events: EventLog) -> str:
        ready = self.shop.wait_ready()
        settled = self.shop.settle()
        events.write(
            Settled(time.monotonic(), settled.seconds, dict(settled.open_work), settled.error)
        )
        return "" if ready else "not every process was ready again"

    def _say(self, number: int, count: int, what: str) -> None:
        name, phase = self.episode.deployment, self.episode.phase
        self.ctx.progress.say(f"{name}, {phase} {number + 1} of {count}: {what}")
