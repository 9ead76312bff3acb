"""Synthetic failure runs with known losses, written by the real RunWriter."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.results.journal import Gate, RunWriter, rows_table
from tests.unit.report.factory import Plan, facts, trial_entry

ARMS = ("monolith", "microservices")
JOURNEYS = {"look": "product_read", "buy": "order", "home": "overview", "account": "wallet_read"}
AT_S, SECONDS, END_S, PER_SECOND = 4.0, 5.0, 20.0, 20
FAULTS = {
    "failure:1 crash payments": ("crash", "payments"),
    "failure:2 hop_reset orders": ("hop_reset", "orders"),
}


@dataclass(frozen=True)
class Losses:
    """Share of a journey's visits that fail while the fault lasts, and `lag_s` more."""

    shares: Mapping[str, Mapping[str, float]] = field(
        default_factory=lambda: {
            "monolith": {"look": 1.0, "buy": 1.0, "home": 1.0, "account": 1.0},
            "microservices": {"buy": 1.0, "account": 1.0},
        }
    )
    lag_s: Mapping[str, float] = field(
        default_factory=lambda: {"monolith": 2.0, "microservices": 0.0}
    )
    repetitions: int = 1
    profile: str = "quick"
    unsteady: str = ""  # the arm in which nothing could be injected
    end_s: float = END_S


def write_run(root: Path, losses: Losses | None = None) -> Path:
    """A finished run: one control and two faults in each arm, the second not in the monolith."""
    losses = losses or Losses()
    plan = Plan(profile=losses.profile)
    writer = RunWriter.create(
        root, "run", facts(plan, {"slo_ms": 200.0, "failure": settings(losses.repetitions)})
    )
    for block in range(losses.repetitions):
        for arm in ARMS:
            _add(
                writer,
                plan,
                ("failure:control 1", arm, block),
                _rows({}, 0.0, block, losses.end_s),
                {},
            )
            for name in FAULTS:
                if (arm, name) == ("monolith", "failure:2 hop_reset orders"):
                    continue
                shares, lag_s = losses.shares[arm], losses.lag_s[arm]
                moments = {
                    "injected_s": AT_S, "cleared_s": AT_S + SECONDS, "undone_s": AT_S + SECONDS,
                    "detected_s": AT_S + 0.5, "settled_s": END_S + 1.0, "settled": 1.0,
                    "steady_before": 1.0,
                }  # fmt: skip
                if arm == losses.unsteady:
                    shares, moments = {}, {"steady_before": 0.0}
                _add(
                    writer,
                    plan,
                    (name, arm, block),
                    _rows(shares, lag_s, block, losses.end_s),
                    moments,
                )
    writer.finish()
    return writer.path


def settings(repetitions: int) -> dict[str, Any]:
    """What the experiment leaves in the journal."""
    cells = {
        "failure:control 1": {
            "label": "control",
            "kind": "",
            "component": "",
            "control": "failure:control 1",
        }
    }
    for name, (kind, component) in FAULTS.items():
        cells[name] = {
            "label": f"{kind} {component}", "kind": kind, "component": component,
            "control": "failure:control 1",
        }  # fmt: skip
    return {
        "spec": {"repetitions": repetitions},
        "cells": cells,
        "arms": list(ARMS),
        "not_applicable": {
            "failure:2 hop_reset orders | monolith": "no network between components"
        },
    }


def _rows(shares: Mapping[str, float], lag_s: float, block: int, end_s: float) -> pa.Table:
    """Visits of one step, evenly spaced, each journey in turn; every one of a share fails."""
    due = np.arange(0, end_s, 1 / PER_SECOND)
    names = [list(JOURNEYS)[n % len(JOURNEYS)] for n in range(due.size)]
    rng = np.random.default_rng(block)
    fails = [
        AT_S <= at < AT_S + SECONDS + lag_s and rng.random() < shares.get(name, 0.0)
        for at, name in zip(due, names, strict=True)
    ]
    return rows_table(
        {
            "due_s": due,
            "sent_s": due,
            "done_s": due + np.where(fails, 0.05, 0.01),
            "status": [503 if bad else 200 for bad in fails],
            "bytes": [100] * due.size,
            "operation": [JOURNEYS[name] for name in names],
            "journey": names,
            "error": ["status 503 unavailable" if bad else "" for bad in fails],
            "visit": list(range(due.size)),
            "app_ms": [1.0] * due.size,
            "db_ms": [0.5] * due.size,
        }
    )


def _add(
    writer: RunWriter,
    plan: Plan,
    key: tuple[str, str, int],
    rows: pa.Table,
    moments: Mapping[str, float],
) -> None:
    experiment, arm, block = key
    end_s = rows.num_rows / PER_SECOND
    unsteady = moments.get("steady_before") == 0.0
    entry = trial_entry(
        plan,
        trial_id="".join(c if c.isalnum() else "-" for c in f"{experiment}-{arm}-{block}"),
        experiment=experiment,
        block=block,
        position=0,
        deployment=arm,
        mix="journeys",
        offered_rps=45.0,
        status="invalid" if unsteady else "valid",
        usage={},
        facts=dict(moments),
    )
    gate = Gate("steady_state", float(not unsteady), 1.0, "holds", "fail" if unsteady else "pass")
    entry = replace(
        entry,
        measured_to_s=end_s,
        measured_s=end_s - entry.measured_from_s,
        sent=rows.num_rows,
        gates=(*entry.gates, gate),
    )
    writer.add_trial(entry, rows)
