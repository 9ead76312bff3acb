"""The course of the experiment: name the bottleneck level by level, then blocks of searches.

A pilot saturates each level and reads the quotas: what used most of its own gets the next replica.
Then every block searches the capacity of every level of both arms, levels downwards for one mix
and upwards for the next, the other way round in the next block. The interval is over blocks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.engine.capacity_probe import MIN_RPS, START_S
from bench.engine.capacity_search import Bracket
from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.engine.slo import Slo
from bench.experiments.scaling.path import Replicas, bottleneck, edged, grown
from bench.experiments.scaling.probe import EXPECTED_PROBES, Point, Prober, probe_s, result_of
from bench.experiments.scaling.sizes import (
    ARMS,
    EXPERIMENT,
    MIXES,
    REPLICA_CORES,
    SIZES,
    Size,
    levels_within,
)
from bench.experiments.scaling.stage import PILOT_WARMUP_S, Stage, saturate, single
from bench.registry import Planned

SCALE_S = 1.2  # a replica started or drained
RESET_S = 4.5  # with the orders that every user has
_GUESS_SHARE = 0.75  # of what a closed loop reached, for the first search of a level


def run(ctx: RunContext) -> None:
    """Pilot, then blocks."""
    started = time.monotonic()
    names = ctx.options.deployments or ARMS
    mixes = ctx.options.mixes or MIXES
    size = SIZES.get(ctx.profile.name, SIZES["smoke"])
    budget = len(ctx.setting("cpus") or ())
    levels = {name: levels_within(name, size.levels, budget) for name in names}
    slo = Slo(p95_ms=float(ctx.setting("slo_ms")))
    ctx.writer.add_settings(slo=asdict(slo))
    ctx.fleet.close()  # what another experiment left up would run beside
    with Stage(ctx) as stage:
        for name in names:
            ctx.progress.say(f"starting {name} with quotas of {REPLICA_CORES:g} core")
            stage.arm(name)
            ctx.progress.done(START_S)
        if not stage.controlled:
            ctx.writer.mark_uncontrolled(
                "no CPU quota can be set on this machine: replicas share the cores freely,"
                " so adding one means nothing"
            )
        course = _Course(ctx, stage, levels, mixes, size)
        course.find_paths()
        course.run(slo, started)


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Pilot and blocks, as many levels as the budget's cores allow."""
    size = SIZES.get(profile.name, SIZES["smoke"])
    budget = len(settings.get("cpus") or ())
    levels = [levels_within(name, size.levels, budget) for name in options.deployments or ARMS]
    cells = len(options.mixes or MIXES) * sum(levels)
    pilot_s = cells * (SCALE_S + PILOT_WARMUP_S + size.pilot_s)
    blocks_s = size.blocks * (len(levels) * RESET_S + cells * _cell_s(size))
    planned_s = START_S * len(levels) + pilot_s + blocks_s
    return Planned(planned_s, profile.rerun_share * blocks_s / 2)


def _cell_s(size: Size) -> float:
    return SCALE_S + EXPECTED_PROBES * probe_s(size)


@dataclass(frozen=True)
class _Course:
    ctx: RunContext
    stage: Stage
    levels: dict[str, int]
    mixes: tuple[str, ...]
    size: Size

    # --- which component is scaled at each level

    def find_paths(self) -> None:
        """Name what is scaled, for each arm and mix, unless the journal has it."""
        for mix in self.mixes:
            for name in self.levels:
                if self._path(name, mix) is None:
                    self._find_path(name, mix)
                else:
                    self.ctx.progress.drop(self.levels[name] * self._pilot_level_s)

    def _find_path(self, name: str, mix: str) -> None:
        arm = self.stage.arm(name)
        replicas, steps = single(name), list[dict[str, Any]]()
        for level in range(self.levels[name]):
            arm.scale_to(replicas)
            self.ctx.progress.say(f"pilot: {mix} on {name}, {sum(replicas.values())} processes")
            rate, uses = saturate(self.ctx, arm, mix, self.size.pilot_s)
            chosen = bottleneck(uses) or next(iter(replicas))
            steps.append(
                {
                    "replicas": replicas,
                    "saturation_rps": rate,
                    "uses": {use.component: [use.use, use.held_back] for use in uses},
                    "bottleneck": chosen,
                }
            )
            if level + 1 < self.levels[name]:
                replicas = grown(replicas, chosen)
            self.ctx.progress.done(self._pilot_level_s)
        held = self._told()
        paths = {**held.get("paths", {}), f"{mix}/{name}": steps}
        self._tell(paths=paths, replica_cores=REPLICA_CORES)

    @property
    def _pilot_level_s(self) -> float:
        return SCALE_S + PILOT_WARMUP_S + self.size.pilot_s

    def _path(self, name: str, mix: str) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = self._told().get("paths", {}).get(f"{mix}/{name}")
        return found

    def _replicas(self, name: str, mix: str) -> list[Replicas]:
        return [dict(step["replicas"]) for step in self._path(name, mix) or []]

    # --- the blocks

    def run(self, slo: Slo, started: float) -> None:
        """Search every level of every arm and mix in each block. `started`: the monotonic clock."""
        blocks_s: list[float] = []
        for name in self.levels:
            self.stage.arm(name).edge(edged([self._replicas(name, mix) for mix in self.mixes]))
        for block in range(self.size.blocks):
            points = list(self._points(block))
            if all(self._known(point) for point in points):
                self.ctx.progress.drop(self._block_s)
                continue
            begun = time.monotonic()
            room = self.size.has_room(begun - started, blocks_s, self._block_s)
            if not (room and self.ctx.has_time(self._block_s)):
                self.ctx.writer.note(f"{EXPERIMENT}: time limit reached after {block} blocks")
                return
            for name in self.levels:
                self.stage.reset(name)
                self.ctx.progress.done(RESET_S)
            for point in points:
                if self._known(point) is None:
                    self._search(point, slo)
                self.ctx.progress.done(_cell_s(self.size))
            blocks_s.append(time.monotonic() - begun)

    @property
    def _block_s(self) -> float:
        cells = len(self.mixes) * sum(self.levels.values())
        return len(self.levels) * RESET_S + cells * _cell_s(self.size)

    def _points(self, block: int) -> Iterator[Point]:
        """Level by level, the arms in turn; directions and orders alternate."""
        mixes = self.mixes if block % 2 == 0 else self.mixes[::-1]
        names = tuple(self.levels) if block % 2 == 0 else tuple(self.levels)[::-1]
        for turn, mix in enumerate(mixes):
            steps = range(max(self.levels.values()))
            for level in reversed(steps) if turn % 2 == 0 else steps:
                for name in names:
                    path = self._replicas(name, mix)
                    if level < len(path):
                        yield Point(name, mix, block, level, path[level])

    def _search(self, point: Point, slo: Slo) -> None:
        arm = self.stage.arm(point.name)
        arm.scale_to(point.replicas)
        prober = Prober(self.ctx, arm, self.size, slo)
        bracket, probes = prober.search(point, self._guess(point))
        cells = [*self._told().get("cells", []), result_of(point, bracket, probes)]
        self._tell(cells=cells)

    def _guess(self, point: Point) -> float:
        """The level's last capacity, else a share of what saturated it."""
        for held in reversed(self._told().get("cells", [])):
            same = all(held[key] == point.key[key] for key in ("deployment", "mix", "level"))
            middle = _bracket(held).middle_rps if same else None
            if middle is not None:
                return middle
        path = self._path(point.name, point.mix) or []
        return max(MIN_RPS, _GUESS_SHARE * float(path[point.level]["saturation_rps"]))

    def _known(self, point: Point) -> dict[str, Any] | None:
        cells: list[dict[str, Any]] = self._told().get("cells", [])
        return next(
            (held for held in cells if all(held[k] == v for k, v in point.key.items())), None
        )

    def _told(self) -> dict[str, Any]:
        return dict(self.ctx.setting(EXPERIMENT) or {})

    def _tell(self, **found: object) -> None:
        self.ctx.writer.add_settings(**{EXPERIMENT: {**self._told(), **found}})


def _bracket(held: dict[str, Any]) -> Bracket:
    return Bracket(held["low_rps"], held["high_rps"], bool(held["closed"]))
