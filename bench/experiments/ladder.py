"""Does the ladder add up? The whole (monolith : microservices) in blocks of its own.

The steps come from the blocks of `latency`, in which all deployments share schedule and moment;
there they multiply to the whole by construction. Here only the two ends meet, at the same loads,
so that the report can hold the whole against the product of the steps.
"""

from __future__ import annotations

from dataclasses import replace

from bench.experiments import latency
from bench.experiments.laboratory import (
    Attempt,
    Laboratory,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.experiments.latency import Cell, block_seconds, schedule_spec
from bench.experiments.precision import precise_enough
from bench.experiments.trial import TrialKey
from bench.experiments.warmup import warmup_s
from bench.journal import TrialStatus
from bench.load.schedule import build_schedule

EXPERIMENT = "ladder"
ENDS = ("monolith", "microservices")
MIXES = ("mixed", "order", "product_read")
SHORT_MIXES = MIXES[:2]  # where deployments stay up: minutes count
_OWNS_STEPS = "ladder_ran_latency"  # the setting that a resumed run goes by


def run(lab: Laboratory) -> None:
    """Run the steps' blocks if no experiment before did, then those of the two ends."""
    _steps(lab)
    rates = lab.setting("reference_rps")
    mixes = MIXES if lab.profile.restart else SHORT_MIXES
    cells = [Cell(mix, float(rates[mix])) for mix in mixes if mix in rates]
    lab.writer.add_settings(ladder_mixes=[cell.mix for cell in cells])
    planned_s = sum(block_seconds(lab, cell.mix, len(ENDS)) for cell in cells)
    lab.progress.plan(planned_s * lab.profile.min_blocks)
    lab.rerun_budget_s += lab.profile.rerun_share * planned_s * lab.profile.min_blocks
    run_series(lab, [_series(lab, cell) for cell in cells])


def _steps(lab: Laboratory) -> None:
    """The four deployments in shared blocks, as `latency` runs them."""
    if lab.setting("reference_rps") is not None and not lab.setting(_OWNS_STEPS):
        return
    lab.writer.add_settings(**{_OWNS_STEPS: True})
    inner = replace(lab)
    latency.run(inner)
    lab.rerun_budget_s = inner.rerun_budget_s


def _series(lab: Laboratory, cell: Cell) -> Series:
    return Series(
        label=f"{EXPERIMENT} {cell.mix}",
        planned_s=block_seconds(lab, cell.mix, len(ENDS)),
        attempt=lambda block: _attempt(lab, cell, block),
        precise=lambda: precise_enough(lab, EXPERIMENT, cell),
        key=(EXPERIMENT, cell.mix, cell.offered_rps),
        names=ENDS,
    )


def _attempt(lab: Laboratory, cell: Cell, block: int) -> Attempt:
    # as long as in the steps' block of that number: what the warm-up leaves in a shop counts
    warmup = warmup_s(lab, (latency.EXPERIMENT, cell.mix, cell.offered_rps), block)

    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(EXPERIMENT, cell.mix, cell.offered_rps, block, number)
        schedule = build_schedule(schedule_spec(lab, cell, seed, warmup))
        statuses = []
        for position, name in enumerate(shuffled(ENDS, seed)):
            lab.progress.say(f"{EXPERIMENT}: block {block + 1}: {cell.mix} on {name}")
            key = TrialKey(EXPERIMENT, block, number, position)
            measured = lab.bench.run_open(key, lab.fleet.subject(name), schedule)
            statuses.append(store(lab, measured))
        return statuses

    return attempt
