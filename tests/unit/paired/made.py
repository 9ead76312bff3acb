"""Paired rounds made up with known ratios, as the journal would hold them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from bench.journal import ComponentUsage, Trial, rows_table
from bench.paired.rounds import PairedRounds

SHARES = {"product_read": 0.65, "wallet_read": 0.10, "order": 0.18, "overview": 0.07}
BASE_MS = {"product_read": 2.0, "wallet_read": 2.5, "order": 9.0, "overview": 6.0}
MEASURED_S, PER_SECOND = 8.0, 12


def trial_of(start: int, operation: str, deployment: str, cpu_s: float = 0.4) -> Trial:
    """The entry of one block; CPU 0.4 s for 96 requests, of which 0.08 s are idle."""
    return Trial(
        trial_id=f"latency-s{start:02}-{operation}-{deployment}",
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
        usage={"all": ComponentUsage(cpu_s, 0)},
        sql=None,
        lag_ms_p99=None,
        started_at="2026-01-01T00:00:00Z",
        rows_file="rows/x.parquet",
        loop="rounds",
        cpu_requests=96,
        facts={"idle_cores": 0.01, "cpu_window_s": 8.0},
    )


def rows_of(times_ms: np.ndarray, operation: str, wrong: int = 0) -> pa.Table:
    """Rows of rounds spread over the measured time; the first `wrong` of them failed."""
    count = times_ms.size
    sent = np.linspace(0, MEASURED_S, count, endpoint=False)
    return rows_table(
        {
            "due_s": sent,
            "sent_s": sent,
            "done_s": sent + times_ms / 1e3,
            "status": [200] * count,
            "bytes": [1] * count,
            "operation": [operation] * count,
            "journey": [operation] * count,
            "error": ["status 500"] * wrong + [""] * (count - wrong),
            "visit": list(range(count)),
            "app_ms": [1.0] * count,
            "db_ms": [1.0] * count,
        }
    )


def rounds_with(
    slower: Mapping[str, float],
    *,
    starts: int = 6,
    scatter: float = 0.01,
    wrong: Mapping[str, int] | None = None,
    dearer: Mapping[str, float] | None = None,
    seed: int = 1,
) -> PairedRounds:
    """Rounds in which each deployment takes so many times what the operation usually takes.

    `scatter`: of starts, log units. `wrong`: failed rounds of each deployment in every block.
    """
    rng, found = np.random.default_rng(seed), PairedRounds(SHARES)
    for start in range(starts):
        for operation, base_ms in BASE_MS.items():
            machine = rng.lognormal(0, 0.3, int(MEASURED_S * PER_SECOND))
            for name, factor in slower.items():
                own = rng.lognormal(rng.normal(0, scatter), 0.02, machine.size)
                rows = rows_of(
                    base_ms * factor * machine * own, operation, (wrong or {}).get(name, 0)
                )
                cpu_s = 0.08 + 0.32 * (dearer or {}).get(name, 1.0)
                found.add(trial_of(start, operation, name, cpu_s), rows)
    return found
