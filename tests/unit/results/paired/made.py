"""Paired rounds made up with known ratios, as `latency` writes them into the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from bench.results.journal import ComponentUsage, Trial, TrialStatus, rows_table
from bench.results.paired.rounds import PairedRounds

SHARES = {"product_read": 0.65, "wallet_read": 0.10, "order": 0.18, "overview": 0.07}
BASE_MS = {"product_read": 2.0, "wallet_read": 2.5, "order": 9.0, "overview": 6.0}
MEASURED_S, PER_SECOND = 8.0, 12
_DATABASES = {"db:users": 0.1, "db:inventory": 0.35, "db:orders": 0.25, "db:payments": 0.1}
# What each component spends of its deployment's CPU, relative to its neighbours.
CPU_PARTS = {
    "monolith": {"monolith": 2.4, "db:shop": 0.7},
    "modular": {"users+inventory+orders+payments": 0.6, "db:all": 0.7},
    "modular-split": {"users+inventory+orders+payments": 0.62, **_DATABASES},
    "microservices": {
        "gateway": 0.45, "users": 0.2, "inventory": 0.5, "orders": 0.35, "payments": 0.2,
        **_DATABASES,
    },
}  # fmt: skip
Factor = float | Mapping[str, float]  # of every operation, or of each


@dataclass(frozen=True)
class Made:
    """What to make up. `slower`, `dearer`: how many times what an operation usually takes.

    `scatter`, `cpu_scatter`: of starts, log units. `wrong`: failed rounds of each deployment in
    every block, in which it answers `status 500`. `warmup_s`: rounds before the measured ones.
    """

    slower: Mapping[str, Factor]
    dearer: Mapping[str, Factor] = field(default_factory=dict)
    starts: int = 6
    operations: Sequence[str] = tuple(BASE_MS)
    scatter: float = 0.01
    cpu_scatter: float = 0.0
    wrong: Mapping[str, int] = field(default_factory=dict)
    warmup_s: float = 0.0
    foreign_cores: float = 0.02
    status: Callable[[str, int], TrialStatus] = lambda deployment, start: "valid"
    seed: int = 1


def trial_of(start: int, operation: str, deployment: str, cpu_s: float = 0.4) -> Trial:
    """The entry of one block; CPU 0.4 s for 96 requests, of which 0.08 s are idle."""
    parts = CPU_PARTS.get(deployment.partition("#")[0], {"all": 1.0})
    whole = sum(parts.values())
    trial_id = f"latency-s{start:02}-{operation}-{deployment.replace('#', '.')}"
    return Trial(
        trial_id=trial_id,
        experiment="latency",
        block=start,
        position=0,
        deployment=deployment,
        mix=operation,
        offered_rps=0.0,
        seed=1,
        schedule_sha256="",
        warmup_s=0.0,
        measured_s=MEASURED_S,
        measured_from_s=0.0,
        measured_to_s=MEASURED_S,
        planned=96,
        sent=96,
        skipped=0,
        status="valid",
        gates=(),
        usage={name: ComponentUsage(cpu_s * part / whole, 2**26) for name, part in parts.items()},
        sql=None,
        lag_ms_p99=None,
        started_at="2026-01-01T00:00:00Z",
        rows_file=f"rows/{trial_id}.parquet",
        loop="rounds",
        cpu_requests=96,
        facts={"idle_cores": 0.01, "cpu_window_s": 8.0},
    )


def rows_of(
    times_ms: np.ndarray, operation: str, wrong: int = 0, from_s: float = 0.0, to_s: float = 8.0
) -> pa.Table:
    """Rows of rounds spread over the time; the last `wrong` of them failed.

    Server and database state 0.7 and 0.3 of the time.
    """
    count = times_ms.size
    sent = np.linspace(from_s, to_s, count, endpoint=False)
    good = count - wrong
    return rows_table(
        {
            "due_s": sent,
            "sent_s": sent,
            "done_s": sent + times_ms / 1e3,
            "status": [200] * good + [500] * wrong,
            "bytes": [1] * count,
            "operation": [operation] * count,
            "journey": [operation] * count,
            "error": [""] * good + ["status 500"] * wrong,
            "visit": list(range(count)),
            "app_ms": (times_ms * 0.7).astype(np.float32),
            "db_ms": (times_ms * 0.3).astype(np.float32),
        }
    )


def made_trials(made: Made) -> Iterator[tuple[Trial, pa.Table]]:
    """Every block of every start: the machine's noise is common to a round, the rest is not."""
    rng = np.random.default_rng(made.seed)
    for start in range(made.starts):
        for operation in made.operations:
            count = int((made.warmup_s + MEASURED_S) * PER_SECOND)
            machine = rng.lognormal(0, 0.3, count) * BASE_MS[operation]
            for position, name in enumerate(made.slower):
                own = rng.lognormal(rng.normal(0, made.scatter), 0.02, count)
                times_ms = _factor(made.slower, name, operation) * machine * own
                cost = _factor(made.dearer, name, operation)
                if made.cpu_scatter:
                    cost *= rng.lognormal(0, made.cpu_scatter)
                trial = trial_of(start, operation, name, 0.08 + 0.32 * cost)
                rows = rows_of(
                    times_ms, operation, made.wrong.get(name, 0), 0.0, made.warmup_s + MEASURED_S
                )
                yield _placed(made, trial, position, count), rows


def rounds_with(
    slower: Mapping[str, Factor],
    *,
    starts: int = 6,
    scatter: float = 0.01,
    wrong: Mapping[str, int] | None = None,
    dearer: Mapping[str, Factor] | None = None,
    seed: int = 1,
) -> PairedRounds:
    """Rounds in which each deployment takes so many times what the operation usually takes."""
    made = Made(slower, dearer or {}, starts=starts, scatter=scatter, wrong=wrong or {}, seed=seed)
    found = PairedRounds(SHARES)
    for trial, rows in made_trials(made):
        found.add(trial, rows)
    return found


def _factor(factors: Mapping[str, Factor], deployment: str, operation: str) -> float:
    factor = factors.get(deployment, 1.0)
    return factor if isinstance(factor, int | float) else factor.get(operation, 1.0)


def _placed(made: Made, trial: Trial, position: int, count: int) -> Trial:
    """The trial with what a run knows beyond its numbers."""
    return replace(
        trial,
        position=position,
        status=made.status(trial.deployment, trial.block),
        warmup_s=made.warmup_s,
        measured_from_s=made.warmup_s,
        measured_to_s=made.warmup_s + MEASURED_S,
        planned=count,
        sent=count,
        facts={
            "foreign_cores": made.foreign_cores,
            "steal_share": 0.0,
            "gap_ms": 30.0,
            "pause_ms": 2.0,
            "cpu_window_s": 8.0,
            "idle_cores": 0.01,
            "idle_cores_before": 0.01,
            "idle_cores_after": 0.01,
        },
    )
