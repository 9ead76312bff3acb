"""Response time and CPU of each operation and of the mixed load, over all deployments, paired.

First a short probe finds what each deployment can do; all then run at the same small share of
the smallest capacity, where response times mean something in every one of them. The longer
profiles also take the pair through all loads, to beyond the capacity of its weaker one.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.experiments.laboratory import (
    TRIAL_OVERHEAD_S,
    Attempt,
    Laboratory,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.experiments.options import DEPLOYMENTS, Profile
from bench.experiments.precision import precise_enough
from bench.experiments.probing import (
    PROBE_WARMUP_S,
    closed_loop_rps,
    prime,
    rates_of,
    start_seconds,
)
from bench.experiments.statements import already_counted, count_statements
from bench.experiments.trial import TrialKey
from bench.experiments.warmup import warmup_s
from bench.journal import TrialStatus
from bench.load.mixes import MIXES
from bench.load.schedule import ScheduleSpec, build_schedule

EXPERIMENT = "latency"
PROBE_ROUNDS = 2  # the better one counts: a slow second of the machine only ever lowers it
PAIR = ("monolith", "microservices")
NEAR_CAPACITY = 0.95  # above, response times depend on the trial's length
SQL_S = 0.8


@dataclass(frozen=True)
class Cell:
    """One mix at one offered load, over the deployments `names`.

    `beyond_capacity`: more than 95 % of what one of them can do, so it is overload that is shown.
    """

    mix: str
    offered_rps: float
    names: tuple[str, ...] = ()
    beyond_capacity: bool = False


def run(lab: Laboratory) -> None:
    """Probe, choose the rates, run the blocks."""
    names = lab.options.deployments or DEPLOYMENTS
    mixes = lab.options.mixes or lab.profile.mixes
    lab.fleet.on_fresh(lambda subject: prime(lab, subject))
    announce(lab, names, mixes)
    capacities = known_capacities(lab, names, mixes) or _probe(lab, names, mixes)
    cells = plan_cells(lab.profile, names, capacities)
    lab.writer.add_settings(
        deployments=list(names),
        mixes=list(mixes),
        capacity_rps=capacities,
        load_shares=sorted({*lab.profile.load_shares, *lab.profile.sweep_shares}),
        reference_rps={cell.mix: cell.offered_rps for cell in cells if cell.names == names},
    )
    _count_sql(lab, names, mixes)
    run_series(lab, [_series(lab, cell) for cell in cells])


def known_capacities(
    lab: Laboratory, names: tuple[str, ...], mixes: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """What the journal says of these deployments and mixes; empty unless it says all."""
    held = lab.setting("capacity_rps") or {}
    complete = all(set(names) <= set(held.get(mix, {})) for mix in mixes)
    return {mix: held[mix] for mix in mixes} if complete else {}


def plan_cells(
    profile: Profile, names: tuple[str, ...], capacities: dict[str, dict[str, float]]
) -> list[Cell]:
    """All deployments at the shares of the smallest capacity; the pair at those of its smaller.

    `capacities`: by mix and deployment, in requests a second. The last cell of a mix with all
    deployments is the reference.
    """
    cells = {}
    pair = pair_of(names)
    for mix, found in capacities.items():
        swept = profile.sweep_shares if mix in profile.sweep_mixes else ()
        for members, shares in ((pair, swept), (names, profile.load_shares)):
            can = {name: found[name] for name in members}
            for rate in rates_of(can, shares):
                beyond = rate > NEAR_CAPACITY * min(can.values())
                cells[mix, rate] = Cell(mix, rate, members, beyond)
    return list(cells.values())


def pair_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The two that are compared over all loads; all, if they are not both among them."""
    return PAIR if set(PAIR) <= set(names) else names


def announce(lab: Laboratory, names: tuple[str, ...], mixes: tuple[str, ...]) -> None:
    """Tell the progress what is coming."""
    profile = lab.profile
    if not known_capacities(lab, names, mixes):
        probe_s = profile.probe_s + PROBE_WARMUP_S + TRIAL_OVERHEAD_S
        probes = len(names) * len(mixes) * PROBE_ROUNDS * probe_s
        lab.progress.plan(probes + start_seconds(profile) * len(names) * 1.5)
    else:  # a resumed run only starts them again
        lab.progress.plan(0.0 if profile.restart else start_seconds(profile) * len(names))
    pretended = {mix: dict.fromkeys(names, 1000.0) for mix in mixes}
    cells = plan_cells(profile, names, pretended)
    blocks = sum(block_seconds(lab, cell.mix, len(cell.names)) for cell in cells)
    lab.progress.plan(blocks * profile.min_blocks)
    counted = sum(MIXES[mix].steps_per_visit == 1 for mix in mixes)
    lab.progress.plan(SQL_S * len(names) * counted)
    lab.rerun_budget_s += profile.rerun_share * blocks * profile.min_blocks


def block_seconds(lab: Laboratory, mix: str, deployments: int) -> float:
    """Planned seconds of one block of so many deployments."""
    spec = schedule_spec(lab, Cell(mix, 1.0), 0)
    start = start_seconds(lab.profile) if lab.profile.restart else 0.0
    return (spec.measured_to_s + TRIAL_OVERHEAD_S + start) * deployments


def schedule_spec(
    lab: Laboratory, cell: Cell, seed: int, warmup: float | None = None
) -> ScheduleSpec:
    """What a trial of a cell sends, in the profile's lengths; `warmup` in seconds if longer."""
    profile = lab.profile
    journeys = MIXES[cell.mix].steps_per_visit > 1
    return ScheduleSpec(
        mix=cell.mix,
        offered_rps=cell.offered_rps,
        seed=seed,
        primer_s=profile.primer_s,
        warmup_s=profile.warmup_s if warmup is None else warmup,
        measured_s=profile.mixed_measured_s if journeys else profile.measured_s,
    )


def _probe(
    lab: Laboratory, names: tuple[str, ...], mixes: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Saturating closed-loop throughput of each deployment, mix by mix, in requests a second."""
    found: dict[str, dict[str, float]] = {mix: {} for mix in mixes}
    for name in names:
        lab.progress.say(f"starting {name}")
        subject = lab.fleet.subject(name)
        lab.progress.done(start_seconds(lab.profile))
        for mix in [*mixes] * PROBE_ROUNDS:
            lab.progress.say(f"probing {name}: {mix}")
            answered = closed_loop_rps(lab, subject, mix)
            found[mix][name] = max(answered, found[mix].get(name, 0.0))
            lab.progress.done(lab.profile.probe_s + PROBE_WARMUP_S + TRIAL_OVERHEAD_S)
        # The probes left more orders in a faster shop: all start again from the same state.
        lab.fleet.reset(name, lab.options.shop_seed)
        lab.progress.done(start_seconds(lab.profile) / 2)
    return found


def _count_sql(lab: Laboratory, names: tuple[str, ...], mixes: tuple[str, ...]) -> None:
    for name in names:
        for mix in mixes:
            if MIXES[mix].steps_per_visit > 1:
                continue  # what one operation costs, not a journey
            if not already_counted(lab, name, mix):
                lab.progress.say(f"counting SQL of {name}: {mix}")
                # not through subject(): a count needs no fresh deployment
                deployment, subject = lab.fleet.deployment(name), lab.fleet.current(name)
                count_statements(lab, deployment, subject, mix)
            lab.progress.done(SQL_S)


def _series(lab: Laboratory, cell: Cell) -> Series:
    return Series(
        label=f"{EXPERIMENT} {cell.mix} at {cell.offered_rps:g}/s",
        planned_s=block_seconds(lab, cell.mix, len(cell.names)),
        attempt=lambda block: _attempt(lab, cell, block),
        # in overload response times never get precise: the planned blocks are enough
        precise=None if cell.beyond_capacity else lambda: precise_enough(lab, EXPERIMENT, cell),
        key=(EXPERIMENT, cell.mix, cell.offered_rps),
        names=cell.names,
    )


def _attempt(lab: Laboratory, cell: Cell, block: int) -> Attempt:
    warmup = warmup_s(lab, (EXPERIMENT, cell.mix, cell.offered_rps), block)

    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(EXPERIMENT, cell.mix, cell.offered_rps, block, number)
        schedule = build_schedule(schedule_spec(lab, cell, seed, warmup))
        statuses = []
        for position, name in enumerate(shuffled(cell.names, seed)):
            again = f", attempt {number + 1}" if number else ""
            load = f"{cell.mix} at {cell.offered_rps:g}/s"
            lab.progress.say(f"block {block + 1}: {load} on {name}{again}")
            key = TrialKey(EXPERIMENT, block, number, position, cell.beyond_capacity)
            measured = lab.bench.run_open(key, lab.fleet.subject(name), schedule)
            statuses.append(store(lab, measured))
        return statuses

    return attempt
