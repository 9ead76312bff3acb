"""What one service did in one stretch, as the journal's trial. Neighbour: `own_turns`."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from bench.engine.gates import GENERATOR_CPU_LIMIT, status_of
from bench.engine.trial import TrialKey
from bench.experiments.own_pair.load import EXPERIMENT, OwnLoad
from bench.experiments.own_pair.services import ExternalService
from bench.results.journal import ComponentUsage, Gate, Loop, Trial
from bench.stats.turns import DIVERGED_LIMIT


@dataclass(frozen=True)
class Measured:
    """One stretch of one service. `window`: seconds from the zero of its rows.

    `diverged`: share of the visits that went differently than the baseline's, None for that
    itself. `cpu_s` None: not metered.
    """

    block: int
    position: int
    seed: int
    started_at: str
    loop: Loop
    window: tuple[float, float]
    generator_cpu: float
    offered_rps: float = 0.0
    diverged: float | None = None
    skipped: int = 0
    cpu_s: float | None = None
    cpu_requests: int = 0
    facts: dict[str, float] = field(default_factory=dict)


def own_trial(
    load: OwnLoad, service: ExternalService, measured: Measured, mix: str, rows: pa.Table
) -> tuple[Trial, pa.Table]:
    """The trial, judged, with its rows."""
    key = TrialKey(EXPERIMENT, measured.block, 0, measured.position)
    trial_id = key.trial_id(mix, service.name, measured.offered_rps)
    gates = _gates(measured)
    since_s, until_s = measured.window
    trial = Trial(
        trial_id=trial_id,
        experiment=EXPERIMENT,
        block=measured.block,
        position=measured.position,
        deployment=service.name,
        mix=mix,
        offered_rps=measured.offered_rps,
        seed=measured.seed,
        schedule_sha256=load.digest,
        warmup_s=since_s,
        measured_s=until_s - since_s,
        measured_from_s=since_s,
        measured_to_s=until_s,
        planned=rows.num_rows + measured.skipped,
        sent=rows.num_rows,
        skipped=measured.skipped,
        status=status_of(gates),
        gates=gates,
        usage=_usage(service, measured),
        sql=None,
        lag_ms_p99=None,
        started_at=measured.started_at,
        rows_file=f"rows/{trial_id}.parquet",
        loop=measured.loop,
        cpu_requests=measured.cpu_requests,
        facts=measured.facts,
    )
    return trial, rows


def _gates(measured: Measured) -> tuple[Gate, ...]:
    found = [_gate("generator_cpu", measured.generator_cpu, GENERATOR_CPU_LIMIT, "cores")]
    if measured.diverged is not None:
        found.append(_gate("diverged_visits", measured.diverged, DIVERGED_LIMIT, "share"))
    return tuple(found)


def _gate(name: str, value: float, limit: float, unit: str) -> Gate:
    return Gate(name, value, limit, unit, "pass" if value <= limit else "fail")


def _usage(service: ExternalService, measured: Measured) -> dict[str, ComponentUsage]:
    if measured.cpu_s is None:
        return {}
    memory = sum(used.pss_bytes for used in service.usage().values())
    return {service.name: ComponentUsage(measured.cpu_s, memory)}
