"""Blocks of paired rounds in the journal: one trial a member, and back again."""

from __future__ import annotations

from collections.abc import Mapping

from bench.experiments.laboratory import Laboratory
from bench.experiments.meters import steal_share
from bench.experiments.round_blocks import Block
from bench.experiments.subject import usage_between
from bench.journal import ComponentUsage, RunReader, Trial
from bench.load.generator import result_rows
from bench.load.plan import Result
from bench.paired.rounds import PairedRounds


def store_block(lab: Laboratory, block: Block, rounds: PairedRounds | None = None) -> None:
    """Write a block's trials to the journal, and add them to `rounds`."""
    for position, (name, result) in enumerate(zip(block.members, block.results, strict=True)):
        trial, rows = trial_of(block, position, name, result), result_rows(result)
        lab.writer.add_trial(trial, rows)
        if rounds is not None:
            rounds.add(trial, rows)


def trial_of(block: Block, position: int, name: str, result: Result) -> Trial:
    """The journal's entry of one member's part of a block."""
    spent = usage_between(block.first.usage[name], block.last.usage[name])
    usage = {component: ComponentUsage(cpu, pss) for component, (cpu, pss) in spent.items()}
    idle = (block.idle_before[name] + block.idle_after[name]) / 2
    options, operation = block.options, block.options.operation
    member = name.replace("#", ".")
    trial_id = f"{block.experiment}-s{block.number:02}-{operation}-{member}"
    return Trial(
        trial_id=trial_id,
        experiment=block.experiment,
        block=block.number,
        position=position,
        deployment=name,
        mix=operation,
        offered_rps=0.0,
        seed=options.seed,
        schedule_sha256="",
        warmup_s=options.warmup_s,
        measured_s=options.measured_s,
        measured_from_s=options.warmup_s,
        measured_to_s=options.warmup_s + options.measured_s,
        planned=result.planned,
        sent=len(result.due_s),
        skipped=result.skipped,
        status="valid",
        gates=(),
        usage=usage,
        sql=None,
        lag_ms_p99=None,
        started_at=block.started_at,
        rows_file=f"rows/{trial_id}.parquet",
        loop="rounds",
        cpu_requests=len(result.due_s),
        facts={
            **_machine_facts(block),
            "gap_ms": options.gap_s * 1e3,
            "pause_ms": options.pause_s * 1e3,
            "cpu_window_s": block.last.window_s(block.first, name),
            "idle_cores": idle,
            "idle_cores_before": block.idle_before[name],
            "idle_cores_after": block.idle_after[name],
        },
    )


def _machine_facts(block: Block) -> dict[str, float]:
    """What else ran meanwhile: shown, never a reason to throw anything away."""
    read = {
        "foreign_cores": block.last.foreign_cores(block.first),
        "steal_share": steal_share(block.first.machine, block.last.machine),
    }
    return {name: value for name, value in read.items() if value is not None}


def recorded_rounds(lab: Laboratory, experiment: str, shares: Mapping[str, float]) -> PairedRounds:
    """What the journal holds of an experiment from before a resume."""
    rounds = PairedRounds(shares)
    mine = [trial for trial in lab.writer.journal.trials if trial.experiment == experiment]
    if mine:
        reader = RunReader(lab.writer.path)
        for trial in mine:
            rounds.add(trial, reader.rows(trial.trial_id))
    return rounds


def next_start(lab: Laboratory, experiment: str) -> int:
    """The number of the next start; one that was cut off keeps its own."""
    used = [trial.block for trial in lab.writer.journal.trials if trial.experiment == experiment]
    return max(used, default=-1) + 1


def remember(lab: Laboratory, experiment: str, **found: object) -> None:
    """Keep something of an experiment in the run's settings."""
    lab.writer.add_settings(**{experiment: {**(lab.setting(experiment) or {}), **found}})
