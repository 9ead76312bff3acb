"""What a fault cost each arm, in a line for the terminal as soon as its repetitions are over."""

from __future__ import annotations

from bench.engine.run_context import RunContext
from bench.experiments.failure.plan import Cell
from bench.load.visits import OK, visits_of
from bench.results.journal import RunReader, Trial

PAIR = ("microservices", "monolith")


def what_it_cost(ctx: RunContext, cell: Cell, repetitions: int) -> str:
    """Say how many visits each arm served while a fault lasted; "" before all repetitions are over.

    A control says nothing, nor does a fault that one of the two arms does not know.
    """
    if cell.step is None or cell.arm.label not in PAIR:
        return ""
    shares = {arm: _shares(ctx, cell.experiment, arm) for arm in PAIR}
    if any(len(found) < repetitions for found in shares.values()):
        return ""
    top, base = (shares[arm] for arm in PAIR)
    more = sum(top[block] > base[block] for block in top.keys() & base.keys())
    told = " against ".join(_listed(list(shares[arm].values())) for arm in PAIR)
    return (
        f"failure: {cell.step.label}: {PAIR[0]} served more visits in time than {PAIR[1]} "
        f"in {more} of {len(top)} repetitions ({told})"
    )


def _shares(ctx: RunContext, experiment: str, arm: str) -> dict[int, float]:
    """Share of the visits served in time while the fault lasted, by repetition."""
    reader, slo_ms = RunReader(ctx.writer.path), float(ctx.setting("slo_ms"))
    return {
        trial.block: _served(reader, trial, slo_ms)
        for trial in reader.trials
        if (trial.experiment, trial.deployment) == (experiment, arm)
        and trial.status != "invalid"
        and "cleared_s" in trial.facts
    }


def _served(reader: RunReader, trial: Trial, slo_ms: float) -> float:
    visits = visits_of(reader.rows(trial.trial_id), slo_ms)
    during = visits.between(trial.facts["injected_s"], trial.facts["cleared_s"])
    counts = visits.counts(during)
    return counts[OK] / max(1, sum(counts))


def _listed(shares: list[float]) -> str:
    return ", ".join(f"{share:.0%}" for share in shares)
