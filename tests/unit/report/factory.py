"""Synthetic runs with known ratios, written by the real RunWriter.

`make_run`: latency in paired rounds; `open_run`: trials of one deployment at a time, as the load
curve and other experiments have them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.results.journal import (
    ComponentUsage,
    Gate,
    RunFacts,
    RunWriter,
    SqlCount,
    Trial,
    TrialStatus,
    rows_table,
)
from tests.unit.results.paired.made import MEASURED_S, SHARES, Made, made_trials, trial_of

LADDER = ("monolith", "modular", "modular-split", "microservices")
MIXED = {"product_read": 0.5, "product_list": 0.2, "order": 0.15, "overview": 0.15}
BASE_MS = {"product_read": 4.0, "product_list": 7.0, "order": 14.0, "overview": 11.0}
RATIOS = {"monolith": 1.0, "modular": 0.35, "modular-split": 0.37, "microservices": 0.8}
CPU_MS = {
    "monolith": {"monolith": 2.4, "db:shop": 0.7},
    "microservices": {"gateway": 0.45, "orders": 1.25, "db:orders": 0.8},
}
# Paired rounds: how many times what an operation takes and costs in the monolith.
SLOWER = {
    "monolith": 1.0,
    "monolith#2": 1.0,
    "modular": {"product_read": 0.50, "wallet_read": 0.55, "order": 0.90, "overview": 0.60},
    "modular-split": {"product_read": 0.52, "wallet_read": 0.56, "order": 1.00, "overview": 0.70},
    "microservices": {"product_read": 1.15, "wallet_read": 1.20, "order": 1.60, "overview": 2.60},
}
DEARER = {
    "modular": 0.45,
    "modular-split": 0.50,
    "microservices": {"product_read": 1.05, "wallet_read": 1.10, "order": 1.50, "overview": 1.90},
}
PAIR = {"monolith": 1.0, "monolith#2": 1.0, "microservices": 1.6}
LADDER_RUN = Made(SLOWER, DEARER, scatter=0.008, cpu_scatter=0.01, warmup_s=2.0)


@dataclass(frozen=True)
class Rounds:
    """A run of `latency` to make up. `counted`: its SQL statements too; `floor`: of both arms."""

    made: Made = LADDER_RUN
    profile: str = "quick"
    settings: Mapping[str, Any] = field(default_factory=dict)
    counted: bool = True
    floor: bool = False

    @property
    def latency(self) -> dict[str, Any]:
        """What the experiment keeps in the run's settings."""
        operations = list(self.made.operations)
        return {
            "members": list(self.made.slower),
            "operations": operations,
            "shares": SHARES if set(SHARES) <= set(operations) else {},
            "size": {"starts": self.made.starts, "measured_s": MEASURED_S},
            "gaps_s": dict.fromkeys(operations, 0.03),
            "stopped": f"the profile's time is over after {self.made.starts} starts",
        }


def make_run(root: Path, plan: Rounds | None = None, run_id: str = "run") -> Path:
    """Write a finished run of paired rounds and return its folder."""
    plan = plan or Rounds()
    made = plan.made
    names = [name for name in made.slower if "#" not in name]
    settings = {"deployments": names, "latency": plan.latency, "request_timeout_s": 5.0}
    beside = Plan(profile=plan.profile, seed=made.seed, requests=600, blocks=6, floor=plan.floor)
    writer = RunWriter.create(root, run_id, facts(beside, {**settings, **plan.settings}))
    for trial, rows in made_trials(made):
        writer.add_trial(trial, rows)
    if plan.counted:
        _add_counts(writer, names, made.operations)
    if plan.floor:
        add_floor(writer, beside, np.random.default_rng(made.seed))
    writer.finish()
    return writer.path


def pair_run(**changes: Any) -> Rounds:
    """A small run of monolith, its second instance and microservices. `changes`: of `Made`."""
    return Rounds(Made(**{"slower": PAIR, **changes}), counted=False)


def _add_counts(writer: RunWriter, names: Sequence[str], operations: Sequence[str]) -> None:
    """Trials that count: three statements and a commit a request."""
    rows = make_rows(np.linspace(0.0, 7.0, 20), np.full(20, 0.01), ["x"] * 20)
    for name in names:
        for operation in operations:
            trial_id = f"sql-{operation}-{name}"
            counting = replace(
                trial_of(0, operation, name),
                trial_id=trial_id,
                experiment="sql",
                rows_file=f"rows/{trial_id}.parquet",
                loop="closed",
                cpu_requests=20,
                sent=20,
                sql=SqlCount(60, 20),
            )
            writer.add_trial(counting, rows)


@dataclass(frozen=True)
class Plan:
    """Open-loop trials to make up. `ratios`: response time of a deployment relative to the base."""

    blocks: int = 8
    requests: int = 1500
    measured_s: float = 10.0
    deployments: Sequence[str] = LADDER
    ratios: Mapping[str, float] = field(default_factory=lambda: dict(RATIOS))
    mixes: Sequence[str] = ("mixed",)
    loads: Sequence[float] = (150.0,)
    noise: float = 0.02  # log standard deviation from trial to trial
    profile: str = "quick"
    seed: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    status: Callable[[str, int], TrialStatus] = lambda deployment, block: "valid"
    floor: bool = False
    failed_every: int = 0  # every n-th request gets no answer
    capacity: Mapping[str, float] = field(default_factory=dict)  # requests/s; beyond it: overload


def open_run(root: Path, plan: Plan | None = None, run_id: str = "run") -> Path:
    """Write a finished run of open-loop trials and return its folder."""
    plan = plan or Plan()
    settings = {"request_timeout_s": 5.0, **plan.settings}
    writer = RunWriter.create(root, run_id, facts(plan, settings))
    rng = np.random.default_rng(plan.seed)
    for mix in plan.mixes:
        for load in plan.loads:
            for block in range(plan.blocks):
                for position in range(len(plan.deployments)):
                    writer.add_trial(*make_trial(plan, rng, (mix, load), block, position))
    if plan.floor:
        add_floor(writer, plan, rng)
    writer.finish()
    return writer.path


def facts(plan: Plan, settings: Mapping[str, Any]) -> RunFacts:
    """Facts of an invented machine."""
    if plan.floor:
        settings = {**settings, "floor": FLOOR_SETTINGS}
    return RunFacts(
        command=f"shopbench run latency --profile {plan.profile} --seed {plan.seed}",
        commit="0123456789abcdef0123456789abcdef01234567",
        dirty=False,
        machine={"cpu": "Invented CPU", "cores": 2, "memory_gib": 8.0, "kernel": "6.1.0"},
        versions={"python": "3.11.9", "postgresql": "18.0", "django": "5.2", "aiohttp": "3.12"},
        settings=dict(settings),
        profile=plan.profile,
        seed=plan.seed,
        controlled=True,
    )


def make_trial(
    plan: Plan, rng: np.random.Generator, cell: tuple[str, float], block: int, position: int
) -> tuple[Trial, pa.Table]:
    """One trial: lognormal response times around base x ratio, CPU with the same trial noise."""
    mix, load = cell
    deployment = plan.deployments[position]
    wobble = float(np.exp(rng.normal(0, plan.noise)))
    crowd = 1.0 + load / 1000.0
    shares = MIXED if mix == "mixed" else {mix: 1.0}
    operations = rng.choice(list(shares), plan.requests, p=list(shares.values()))
    medians = np.array([BASE_MS[name] for name in operations])
    scale = plan.ratios.get(deployment, 1.0) * wobble * crowd
    response = medians * scale * rng.lognormal(0, 0.35, plan.requests) / 1000.0
    due = np.sort(rng.uniform(-1.0, plan.measured_s, plan.requests) + 2.0)
    full = load / plan.capacity.get(deployment, float("inf"))
    response *= 1.0 / (1.0 - 0.9 * min(full, 1.0))
    shed = rng.random(plan.requests) < max(0.0, 1.0 - 1.0 / full if full > 1 else 0.0) / 2
    response += np.maximum(0.0, due - 2.0) * max(0.0, full - 1.0)  # the backlog grows
    rows = make_rows(due, response, list(operations), plan.failed_every, shed)
    status = plan.status(deployment, block)
    return trial_entry(
        plan,
        trial_id=f"latency-{mix}-{load:g}-b{block:02d}-{deployment}",
        experiment="latency",
        block=block,
        position=position,
        deployment=deployment,
        mix=mix,
        offered_rps=load,
        status=status,
        usage={
            name: ComponentUsage(cpu * wobble * plan.requests / 1000.0, 60 * 2**20)
            for name, cpu in CPU_MS.get(deployment, {"shop": 1.0}).items()
        },
    ), rows


def make_rows(
    due: np.ndarray,
    response: np.ndarray,
    operations: Sequence[str],
    failed_every: int = 0,
    shed: np.ndarray | None = None,
) -> pa.Table:
    """Rows with a send lag of 0.1 ms; every n-th without an answer after 20 ms."""
    n = due.size
    dead = np.zeros(n, dtype=bool)
    if failed_every:
        dead[::failed_every] = True
    refused = np.zeros(n, dtype=bool) if shed is None else shed & ~dead
    done = due + np.where(dead, 0.02, response)
    service = (response - 0.0001) * 1000
    return rows_table(
        {
            "due_s": due,
            "sent_s": due + 0.0001,
            "done_s": done,
            "status": np.where(dead, 0, np.where(refused, 503, 200)).astype(np.int16),
            "bytes": np.full(n, 240, dtype=np.int32),
            "operation": list(operations),
            "journey": ["look"] * n,
            "error": np.where(
                dead, "connection refused", np.where(refused, "status 503", "")
            ).tolist(),
            "visit": np.arange(n, dtype=np.int32),
            "app_ms": np.where(dead, np.nan, service * 0.7).astype(np.float32),
            "db_ms": np.where(dead, np.nan, service * 0.3).astype(np.float32),
        }
    )


def trial_entry(plan: Plan, **fields: Any) -> Trial:
    """A journal entry with the usual gates."""
    status: TrialStatus = fields["status"]
    trial = Trial(
        seed=plan.seed + fields["block"],
        schedule_sha256="ab" * 32,
        warmup_s=1.0,
        measured_s=plan.measured_s,
        measured_from_s=2.0,
        measured_to_s=2.0 + plan.measured_s,
        planned=plan.requests,
        sent=plan.requests,
        skipped=0,
        gates=gates(status),
        sql=SqlCount(plan.requests * 3, plan.requests),
        lag_ms_p99=0.3,
        started_at="2026-11-22T10:00:00Z",
        rows_file=f"rows/{fields['trial_id']}.parquet",
        cpu_requests=plan.requests,
        **fields,
    )
    return trial


def gates(status: TrialStatus) -> tuple[Gate, ...]:
    """All pass but the one that explains the status."""
    names = ("generator_cpu", "foreign_cpu", "steal", "send_lag_p99", "failures")
    passed = [Gate(name, 0.1, 0.7, "cores", "pass") for name in names]
    if status == "flagged":
        passed[3] = Gate("send_lag_p99", 2.0, 1.0, "ms", "flag")
    if status == "invalid":
        passed[1] = Gate("foreign_cpu", 0.4, 0.05, "cores", "fail")
    return tuple(passed)


FLOOR_SETTINGS = [
    {
        "operation": "product_read",
        "arm": "monolith",
        "bare": "bare-drf",
        "framework": "DRF",
        "source": "bench/stats/proportions.py",
    },
    {
        "operation": "order",
        "arm": "inventory",
        "bare": "bare-aiohttp",
        "framework": "aiohttp",
        "source": "bench/floor/missing.py",
    },
]


def add_floor(writer: RunWriter, plan: Plan, rng: np.random.Generator) -> None:
    """Closed-loop trials: the first arm reaches 0.75 of its bare handler, the second 0.5."""
    rates = {"monolith": 0.75, "bare-drf": 1.0, "inventory": 0.5, "bare-aiohttp": 1.0}
    for pair in FLOOR_SETTINGS:
        for block in range(plan.blocks):
            for position, side in enumerate((pair["arm"], pair["bare"])):
                wobble = float(np.exp(rng.normal(0, 0.01)))
                n = int(plan.requests * rates[side] * wobble)
                due = np.sort(rng.uniform(2.0, 2.0 + plan.measured_s, n))
                response = rng.lognormal(0, 0.2, n) / 1000.0
                entry = trial_entry(
                    replace(plan, requests=n),
                    trial_id=f"floor-{pair['operation']}-b{block:02d}-{side}",
                    experiment="floor",
                    block=block,
                    position=position,
                    deployment=side,
                    mix=pair["operation"],
                    offered_rps=0.0,
                    status="valid",
                    loop="closed",
                    usage={side: ComponentUsage(n / 1000.0, 2**26)},
                    facts={"throughput_rps": n / plan.measured_s},
                )
                writer.add_trial(entry, make_rows(due, response, [pair["operation"]] * n))
