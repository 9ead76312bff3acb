"""Made-up runs of releases with known losses, written by the real RunWriter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bench.experiments.redeploy.records import (
    GATEWAY,
    MICROSERVICES,
    MONOLITH,
    OWNER,
    SECOND,
    SERVICES,
    SINGLE,
    TROUBLE,
    TWO,
    Change,
    Held,
    Touch,
    trial_name,
)
from bench.results.journal import RunWriter, rows_table
from tests.unit.report.factory import Plan, facts, trial_entry

PER_SECOND = 20
QUIET = (1.0, 3.0)
OPERATIONS = ("list_products", "get_product", "get_wallet", "create_order")


@dataclass(frozen=True)
class Losses:
    """Visits that a release fails, by component (and `two` of the arms with two endpoints)."""

    repetitions: int = 6
    profile: str = "quick"
    monolith: int = 12
    service: int = 0
    gateway: int = 5
    two: int = 0
    never_ready: int = 0
    planted: int = 4
    migration: int = 0
    noise: int = 1  # of the monolith's, from repetition to repetition


def change(arm: str, block: int, what: Any, component: str, at_s: float, **more: Any) -> Change:
    """A change that takes two seconds and has one more for its visits."""
    made = Change(
        arm=arm, repetition=block, what=what, component=component, step="", trial_id="",
        quiet_from_s=QUIET[0], quiet_to_s=QUIET[1], ordered_s=at_s, returned_s=at_s + 2.0,
        ended_s=at_s + 3.0, cpu_s=0.5, in_service_s=1.5, cold_start_s=1.0,
    )  # fmt: skip
    return replace(made, **more)


def rows_with(losses: Sequence[tuple[float, int]], end_s: float = 40.0) -> pa.Table:
    """Visits evenly spaced; from a moment on so many are refused."""
    due = np.arange(0, end_s, 1 / PER_SECOND)
    bad = np.zeros(due.size, dtype=bool)
    for at_s, count in losses:
        first = int(np.searchsorted(due, at_s + 0.1))
        bad[first : first + count] = True
    return rows_table(
        {
            "due_s": due,
            "sent_s": due,
            "done_s": due + 0.01,
            "status": [0 if b else 200 for b in bad],
            "bytes": [10] * due.size,
            "operation": ["wallet_read"] * due.size,
            "journey": ["wallet_read"] * due.size,
            "error": ["refused" if b else "" for b in bad],
            "visit": list(range(due.size)),
            "app_ms": [1.0] * due.size,
            "db_ms": [0.5] * due.size,
        }
    )


def release_run(root: Path, losses: Losses | None = None) -> Path:
    """A finished run of both arms with every kind of stretch."""
    losses = losses or Losses()
    plan = Plan(profile=losses.profile)
    writer = RunWriter.create(root, "run", facts(plan, {"slo_ms": 200.0}))
    changes: list[Change] = []
    for block in range(losses.repetitions):
        more = losses.noise * (block % 2)
        single = {
            MONOLITH: [(MONOLITH, losses.monolith + more)],
            MICROSERVICES: [*((each, losses.service) for each in SERVICES),
                            (GATEWAY, losses.gateway)],
        }  # fmt: skip
        for arm, parts in single.items():
            own = [
                (change(arm, block, "release", name, 5.0 + 4 * n), lost)
                for n, (name, lost) in enumerate(parts)
            ]
            changes += _add(writer, plan, (SINGLE, arm, block), own)
    for arm, public, owner in ((MONOLITH, MONOLITH, MONOLITH), (MICROSERVICES, GATEWAY, OWNER)):
        bad = [
            (change(arm, 0, "never ready", owner, 5.0, said="refused"), losses.never_ready),
            (change(arm, 0, "wrong answers", owner, 9.0,
                    parts={"release": 1.0, "noticed": 0.5, "roll-back": 1.0}), 7),
            (change(arm, 0, "no drain", owner, 13.0), losses.planted),
            (change(arm, 0, "lock", owner, 17.0), losses.planted),
        ]  # fmt: skip
        changes += _add(writer, plan, (TROUBLE, arm, 0), bad)
        label = TWO[arm]
        second = [
            (change(label, 0, "release", public, 5.0), losses.two),
            (change(label, 0, "side by side", owner, 9.0,
                    spread={f"{owner}#1": 9, f"{owner}#2": 8}), 0),
            (change(label, 0, "migration", owner, 13.0, step="expand"), 0),
            (change(label, 0, "migration", owner, 17.0, step="switch"), losses.migration),
        ]  # fmt: skip
        changes += _add(writer, plan, (SECOND, label, 0), second)
    touches = [Touch(MONOLITH, MONOLITH, OPERATIONS, OPERATIONS)]
    touches += [Touch(MICROSERVICES, name, OPERATIONS, OPERATIONS[:1]) for name in SERVICES]
    touches.append(Touch(MICROSERVICES, GATEWAY, OPERATIONS, OPERATIONS))
    held = Held({MONOLITH: 160.0, MICROSERVICES: 400.0}, 80.0, tuple(changes), tuple(touches))
    writer.add_settings(redeploy=msgspec.to_builtins(held))
    writer.finish()
    return writer.path


def _add(
    writer: RunWriter,
    plan: Plan,
    key: tuple[str, str, int],
    own: Sequence[tuple[Change, int]],
) -> list[Change]:
    kind, arm, block = key
    trial_id = "".join(c if c.isalnum() else "-" for c in f"{kind}-{arm}-{block}")
    rows = rows_with([(each.ordered_s, lost) for each, lost in own])
    own_plan = replace(plan, requests=rows.num_rows, measured_s=38.0)
    entry = trial_entry(
        own_plan, trial_id=trial_id, experiment=trial_name(kind), block=block, position=0,
        deployment=arm, mix="journeys", offered_rps=80.0, status="flagged", usage={}, facts={},
    )  # fmt: skip
    writer.add_trial(entry, rows)
    return [replace(each, trial_id=trial_id) for each, _ in own]
