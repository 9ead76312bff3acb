"""All 15 ways to cut the shop into processes under the mixed load: which is best, by how much?

All are up at once, but stopped (SIGSTOP) unless they are measured: an idle one still takes 1 % of
a core, and 14 of them would disturb the one that is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from bench.deployments.base import Deployment
from bench.deployments.local.topology import all_partitions, parse_topology
from bench.engine.capacity_probe import MIN_RPS, START_S, Cell, closed_loop_rps, prime, two_digits
from bench.engine.deployment_fleet import Fleet
from bench.engine.options import Profile, RunOptions
from bench.engine.precision import precise_enough
from bench.engine.run_context import (
    TRIAL_OVERHEAD_S,
    Attempt,
    RunContext,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.engine.target import DeploymentSubject
from bench.engine.trial import TrialKey
from bench.errors import ShopbenchError
from bench.load.mixes import JOURNEYS, MIXES
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.registry import Measurable, Planned
from bench.results.journal import TrialStatus

EXPERIMENT = "topologies"
MIX = "mixed"
PROBED = ("modular-split", "modular", "microservices")
LOAD_SHARE = 0.3  # of the smallest capacity probed
PARK_S = 0.25
PARTITIONS = tuple(topology.name for topology in all_partitions())


@dataclass(frozen=True)
class Size:
    """Seconds of a trial."""

    primer_s: float
    warmup_s: float
    measured_s: float


SIZES = {
    "smoke": Size(0.1, 0.2, 0.6),
    "quick": Size(0.1, 0.3, 1.4),
    "standard": Size(2.0, 5.0, 40.0),
    "full": Size(2.0, 10.0, 60.0),
}


class ParkedFleet:
    """Deployments that are all up, of which only the one in use runs. A context manager."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._parked: dict[str, Deployment] = {}

    @contextmanager
    def using(self, name: str) -> Iterator[DeploymentSubject]:
        """The named deployment, running; started if it is not up, stopped afterwards."""
        if name in self._parked:
            _resume(self._parked.pop(name))
        subject = self._fleet.current(name)
        try:
            yield subject
        finally:
            self._park(name)

    def wake(self) -> None:
        """Let all run again, so that they end in order."""
        parked = list(self._parked.values())
        self._parked.clear()
        if parked:
            with ThreadPoolExecutor(len(parked)) as pool:
                list(pool.map(_try_resume, parked))

    def _park(self, name: str) -> None:
        deployment = self._fleet.deployment(name)
        for component in deployment.components():
            deployment.pause(component.name)
        self._parked[name] = deployment


def _resume(deployment: Deployment) -> None:
    """Databases before the processes that ask them."""
    for component in reversed(deployment.components()):
        deployment.resume(component.name)


def _try_resume(deployment: Deployment) -> None:
    with suppress(ShopbenchError):  # what has died needs no waking
        _resume(deployment)


def run(ctx: RunContext) -> None:
    """Start and probe, then blocks of one trial of every partition."""
    names = _names(ctx.options.deployments)
    size = SIZES.get(ctx.profile.name, SIZES["smoke"])
    ctx.fleet.close()  # what another experiment left up would run beside
    fleet = ctx.fleet.beside()
    fleet.on_fresh(lambda subject: prime(ctx, subject))
    with fleet:
        parked = ParkedFleet(fleet)
        try:
            for name in names:
                ctx.progress.say(f"starting {name}")
                with parked.using(name):
                    ctx.progress.done(START_S)
            cell = Cell(MIX, _rate(ctx, parked, names))
            run_series(ctx, [_series(ctx, parked, names, cell, size)])
        finally:
            parked.wake()


def _names(wanted: Iterable[str]) -> tuple[str, ...]:
    """The partitions to measure. Raises ShopbenchError (usage) for what is none."""
    names = tuple(parse_topology(name).name for name in wanted) or PARTITIONS
    for name in names:
        if name not in PARTITIONS:
            raise ShopbenchError(f"{name} is no partition into processes with four databases", 2)
    if len(names) < 2:
        raise ShopbenchError("topologies compares at least two partitions", 2)
    return names


def measurable(options: RunOptions, profile: Profile) -> Measurable:
    """What `--fail-on` may name; CPU is known of the mix alone."""
    journeys = (JOURNEYS[journey] for journey, _ in MIXES[MIX].weights)
    steps = tuple(dict.fromkeys(step for journey in journeys for step in journey))
    requests = dict.fromkeys(("p50", "p95", "p99", "errors", "throughput"), steps)
    return Measurable(_names(options.deployments), {**requests, "cpu": (MIX,)})


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """Starts, probes, blocks."""
    names = _names(options.deployments)
    blocks_s = _block_s(names, SIZES.get(profile.name, SIZES["smoke"])) * profile.min_blocks
    probes_s = len(PROBED) * (profile.probe_s + PARK_S)
    return Planned(START_S * len(names) + probes_s + blocks_s, profile.rerun_share * blocks_s)


def _block_s(names: tuple[str, ...], size: Size) -> float:
    trial_s = size.primer_s + size.warmup_s + size.measured_s + TRIAL_OVERHEAD_S + PARK_S
    return trial_s * len(names)


def _rate(ctx: RunContext, parked: ParkedFleet, names: tuple[str, ...]) -> float:
    """30 % of the smallest capacity of the most and the least divided partition."""
    known = (ctx.setting(EXPERIMENT) or {}).get("offered_rps")
    if known is not None:
        return float(known)
    found = {}
    for name in [name for name in PROBED if name in names] or list(names[:2]):
        ctx.progress.say(f"probing {name}: {MIX}")
        with parked.using(name) as subject:
            found[name] = closed_loop_rps(ctx, subject, MIX)
        ctx.progress.done(ctx.profile.probe_s + PARK_S)
    rate = max(MIN_RPS, two_digits(LOAD_SHARE * min(found.values())))
    processes = {name: len(parse_topology(name).processes) for name in names}
    ctx.writer.add_settings(
        **{EXPERIMENT: {"offered_rps": rate, "probed_rps": found, "processes": processes}}
    )
    return rate


def _series(
    ctx: RunContext, parked: ParkedFleet, names: tuple[str, ...], cell: Cell, size: Size
) -> Series:
    return Series(
        label=f"{EXPERIMENT} {cell.mix}",
        planned_s=_block_s(names, size),
        attempt=lambda block: _attempt(ctx, parked, names, (cell, size), block),
        precise=lambda: precise_enough(ctx, EXPERIMENT, cell),
        key=(EXPERIMENT, cell.mix, cell.offered_rps),
        names=names,
    )


def _attempt(
    ctx: RunContext,
    parked: ParkedFleet,
    names: tuple[str, ...],
    wanted: tuple[Cell, Size],
    block: int,
) -> Attempt:
    cell, size = wanted

    def attempt(number: int) -> list[TrialStatus]:
        seed = ctx.seed(EXPERIMENT, cell.mix, cell.offered_rps, block, number)
        spec = ScheduleSpec(
            cell.mix, cell.offered_rps, seed, size.primer_s, size.warmup_s, size.measured_s
        )
        schedule = build_schedule(spec)
        statuses = []
        for position, name in enumerate(shuffled(names, seed)):
            ctx.progress.say(f"block {block + 1}: {cell.mix} on {name}")
            key = TrialKey(EXPERIMENT, block, number, position)
            with parked.using(name) as subject:
                trial, rows = ctx.bench.run_open(key, subject, schedule)
            facts = {**trial.facts, "processes": float(len(parse_topology(name).processes))}
            statuses.append(store(ctx, (replace(trial, facts=facts), rows)))
        return statuses

    return attempt
