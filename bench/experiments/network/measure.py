"""Response time against hop latency and loss: where does the order of the arms flip?

Every call between processes goes through a proxy that adds round-trip time and emulated loss,
changed between trials without a restart. Two settings: hops between services only, and all hops,
connections to the databases included. `shopbench run --help` says how long it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bench.engine.capacity_probe import (
    MIN_RPS,
    START_S,
    Cell,
    closed_loop_rps,
    prime,
    two_digits,
)
from bench.engine.options import Profile, RunOptions
from bench.engine.precision import precise_enough
from bench.engine.proxied_deployments import LONE_S, HopFleet, Renamed
from bench.engine.run_context import (
    TRIAL_OVERHEAD_S,
    Attempt,
    RunContext,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.engine.target import Subject
from bench.engine.trial import TrialKey
from bench.faults.hop_state import HopSettings
from bench.load.generator import ClosedLoop
from bench.load.mixes import MIXES
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.registry import Planned
from bench.results.journal import TrialStatus

EXPERIMENT = "network"
ARMS = ("monolith", "microservices")
Setting = Literal["all", "services"]
SETTINGS: tuple[Setting, ...] = ("all", "services")  # `all` first: it limits the rates
DIRECT = " (direct)"
LOSS_AT_MS = 2.0
SHARE_AT_0, SHARE_AT_WORST = 0.15, 0.4  # of the smaller capacity there; the smaller rate is taken
MIN_REQUESTS = 45  # in a measured window, on average: a median needs 20
PROBE = ClosedLoop(16, 1.0, 3.0)
PROBE_S = PROBE.warmup_s + PROBE.measured_s


@dataclass(frozen=True)
class Size:
    """Levels and lengths: round-trip ms, loss in per cent, mixes, seconds of a trial."""

    hops_ms: tuple[float, ...]
    losses: tuple[float, ...]
    mixes: tuple[str, ...]
    primer_s: float
    warmup_s: float
    measured_s: float


_ALL_MIXES = ("product_read", "order", "overview", "mixed")
_SWEEP, _LOSSES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0), (0.5, 1.0, 2.0)
SIZES = {
    "smoke": Size((0.0, 20.0), (1.0,), ("overview",), 0.1, 0.3, 2.2),
    "quick": Size((0.0, 2.0, 5.0, 20.0), (1.0,), _ALL_MIXES[1:], 0.1, 0.3, 2.2),
    "standard": Size(_SWEEP, _LOSSES, _ALL_MIXES, 1.0, 3.0, 12.0),
    "full": Size(_SWEEP, _LOSSES, _ALL_MIXES, 2.0, 5.0, 30.0),
}


@dataclass(frozen=True)
class Level:
    """A state of the network: added round-trip ms of each hop, loss as a share."""

    hop_ms: float
    loss: float = 0.0

    def name(self, setting: Setting) -> str:
        """The experiment's name of its trials."""
        return f"{EXPERIMENT}:{setting}@{self.hop_ms:g}ms/{100 * self.loss:g}%"

    @property
    def settings(self) -> HopSettings:
        """What the proxy is told."""
        return HopSettings(delay_ms=self.hop_ms, loss=self.loss)


def levels(size: Size) -> tuple[Level, ...]:
    """Every hop latency without loss, then the losses at 2 ms."""
    swept = tuple(Level(hop_ms) for hop_ms in size.hops_ms)
    return (*swept, *(Level(LOSS_AT_MS, percent / 100) for percent in size.losses))


def run(ctx: RunContext) -> None:
    """Sweep one setting after the other, each over deployments of its own."""
    names = ctx.options.deployments or ARMS
    size = SIZES.get(ctx.profile.name, SIZES["smoke"])
    mixes = ctx.options.mixes or size.mixes
    ctx.fleet.close()  # what another experiment left up would run beside
    ctx.fleet.on_fresh(lambda subject: prime(ctx, subject))
    _remember(ctx, deployments=list(names))
    for setting in SETTINGS:
        with HopFleet(ctx, setting) as fleet:
            for name in names:
                ctx.progress.say(f"starting {name}, hops: {setting}")
                fleet.subject(name)
                ctx.progress.done(START_S)
            sweep = _Sweep(ctx, fleet, setting, names, size, _rates(ctx, fleet, names, mixes, size))
            sweep.count(mixes)
            sweep.cost_of_the_proxy(mixes[0])
            sweep.run()


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Starts, probes and counts, then the blocks of every level."""
    size = SIZES.get(profile.name, SIZES["smoke"])
    names, mixes = options.deployments or ARMS, options.mixes or size.mixes
    cells = len(SETTINGS) * (len(levels(size)) * len(mixes) + 1)
    blocks_s = cells * len(names) * _trial_s(size) * profile.min_blocks
    starts_s = len(SETTINGS) * 2 * START_S * len(names)
    probes_s = len(mixes) * len(names) * (2 * PROBE_S + len(SETTINGS) * LONE_S)
    return Planned(starts_s + probes_s + blocks_s, profile.rerun_share * blocks_s)


def _trial_s(size: Size) -> float:
    return size.primer_s + size.warmup_s + size.measured_s + TRIAL_OVERHEAD_S


def _rates(
    ctx: RunContext, fleet: HopFleet, names: tuple[str, ...], mixes: tuple[str, ...], size: Size
) -> dict[str, float]:
    """One low rate a mix, for every level of both settings; probed in the first setting."""
    known: dict[str, float] | None = (ctx.setting(EXPERIMENT) or {}).get("rates_rps")
    if known is not None:
        if fleet.hops == SETTINGS[0]:  # a resumed run; the second setting never probes
            ctx.progress.drop(len(mixes) * len(names) * 2 * PROBE_S)
        return known
    shares = {0.0: SHARE_AT_0, max(size.hops_ms): SHARE_AT_WORST}
    rates, probed = {}, {}
    for mix in mixes:
        wanted = []
        for hop_ms, share in shares.items():
            fleet.set_hops(HopSettings(delay_ms=hop_ms), names)
            for name in names:
                ctx.progress.say(f"probing {name}: {mix} at {hop_ms:g} ms")
                found = closed_loop_rps(ctx, fleet.subject(name), mix, PROBE)
                probed[f"{name} {mix} {hop_ms:g}ms"] = found
                wanted.append(share * found)
                ctx.progress.done(PROBE_S)
        rates[mix] = max(MIN_RPS, two_digits(min(wanted)))
    fleet.set_hops(HopSettings(), names)
    _remember(ctx, rates_rps=rates, probed_rps=probed)
    return rates


def _remember(ctx: RunContext, **found: object) -> None:
    ctx.writer.add_settings(**{EXPERIMENT: {**(ctx.setting(EXPERIMENT) or {}), **found}})


@dataclass(frozen=True)
class _Sweep:
    """All cells of one setting."""

    ctx: RunContext
    fleet: HopFleet
    setting: Setting
    names: tuple[str, ...]
    size: Size
    rates: dict[str, float]

    def count(self, mixes: tuple[str, ...]) -> None:
        """Count the round trips of single requests, unless the journal has them."""
        counted = dict(self.ctx.setting(EXPERIMENT).get("counted", {}))
        for mix in mixes:
            for name in self.names:
                key = f"{self.setting}/{mix}/{name}"
                if MIXES[mix].steps_per_visit == 1 and key not in counted:
                    self.ctx.progress.say(f"counting round trips of {name}: {mix}")
                    counted[key] = self.fleet.count_round_trips(name, mix)
                self.ctx.progress.done(LONE_S)
        _remember(self.ctx, counted=counted)

    def cost_of_the_proxy(self, mix: str) -> None:
        """Each proxied deployment at 0 ms against the same one without a proxy."""
        ctx = self.ctx
        through = tuple(name for name in self.names if self.fleet.proxied(name))
        names = tuple(side for name in through for side in (name, name + DIRECT))
        for name in through:
            ctx.progress.say(f"starting {name} without a proxy")
            ctx.fleet.current(name)
            ctx.progress.done(START_S)
        experiment = f"{EXPERIMENT}:{self.setting}@proxy"
        run_series(ctx, [self._series(Level(0.0), mix, names, experiment)])
        ctx.fleet.close()

    def run(self) -> None:
        """Run the blocks of all levels and mixes."""
        cells = [(level, mix) for mix in self.rates for level in levels(self.size)]
        series = [
            self._series(level, mix, self.names, level.name(self.setting)) for level, mix in cells
        ]
        run_series(self.ctx, series)

    def _series(self, level: Level, mix: str, names: tuple[str, ...], experiment: str) -> Series:
        cell = Cell(mix, self.rates[mix])
        return Series(
            label=f"{experiment} {mix}",
            planned_s=len(names) * _trial_s(self.size),
            attempt=lambda block: self._attempt(level, cell, names, experiment, block),
            precise=lambda: precise_enough(self.ctx, experiment, cell),
            key=(experiment, mix, cell.offered_rps),
            names=names,
        )

    def _attempt(  # noqa: PLR0913, PLR0917 - what names a block
        self, level: Level, cell: Cell, names: tuple[str, ...], experiment: str, block: int
    ) -> Attempt:
        ctx, size = self.ctx, self.size

        def attempt(number: int) -> list[TrialStatus]:
            # the same schedule for every level: a difference between levels is the network's
            seed = ctx.seed(EXPERIMENT, cell.mix, block, number)
            measured_s = max(size.measured_s, MIN_REQUESTS / cell.offered_rps)
            spec = ScheduleSpec(
                cell.mix, cell.offered_rps, seed, size.primer_s, size.warmup_s, measured_s
            )
            schedule = build_schedule(spec)
            self.fleet.set_hops(level.settings, self.names)
            statuses = []
            for position, name in enumerate(shuffled(names, seed)):
                ctx.progress.say(f"block {block + 1}: {experiment} {cell.mix} on {name}")
                key = TrialKey(_file_name(experiment), block, number, position)
                trial, rows = ctx.bench.run_open(key, self._subject(name), schedule)
                facts = {
                    "hop_ms": level.hop_ms,
                    "loss": level.loss,
                    "all_hops": float(self.setting == "all"),
                }
                trial = replace(trial, experiment=experiment, facts={**trial.facts, **facts})
                statuses.append(store(ctx, (trial, rows)))
            return statuses

        return attempt

    def _subject(self, name: str) -> Subject:
        if name.endswith(DIRECT):
            return Renamed(self.ctx.fleet.current(name.removesuffix(DIRECT)), name)
        return self.fleet.subject(name)


def _file_name(experiment: str) -> str:
    """The name without what a file's name should not hold."""
    return "".join(c if c.isalnum() else "p" if c == "." else "-" for c in experiment).strip("-")
