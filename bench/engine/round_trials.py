"""Blocks of paired rounds in the journal: one trial a member, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.engine.gates import Observed, judge, status_of
from bench.engine.meters import clock_step_ms, steal_share, swapped
from bench.engine.round_blocks import Block
from bench.engine.run_context import RunContext, store
from bench.engine.sampled_answers import schema_violations
from bench.engine.target import usage_between
from bench.engine.window import read_window
from bench.engine.wrong_answers import off_schema, with_examples
from bench.load.generator import result_rows
from bench.load.plan import Result
from bench.results.journal import ComponentUsage, Gate, RunReader, Trial, WrongAnswers
from bench.results.paired.rounds import PairedRounds


def store_block(
    ctx: RunContext,
    block: Block,
    rounds: PairedRounds | None = None,
    facts: Mapping[str, Mapping[str, float]] | None = None,
) -> None:
    """Write a block's trials to the journal, and add them to `rounds`. `facts`: more, by member."""
    for position, (name, result) in enumerate(zip(block.members, block.results, strict=True)):
        trial, rows = trial_of(block, position, name, result), result_rows(result)
        more = (facts or {}).get(name, {})
        trial = replace(trial, facts={**trial.facts, **more})
        store(ctx, (trial, rows))
        if rounds is not None:
            rounds.add(trial, rows)


def trial_of(block: Block, position: int, name: str, result: Result) -> Trial:
    """The journal's entry of one member's part of a block."""
    spent = usage_between(block.first.usage[name], block.last.usage[name])
    usage = {component: ComponentUsage(cpu, pss) for component, (cpu, pss) in spent.items()}
    idle = (block.idle_before[name] + block.idle_after[name]) / 2
    options, operation = block.options, block.options.operation
    member = name.replace("#", ".")
    gates, wrong = _judged(block, name, result)
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
        status=status_of(gates),
        gates=gates,
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
            "pause_ms": options.pauses_s[position] * 1e3,
            "cpu_window_s": block.last.window_s(block.first, name),
            "idle_cores": idle,
            "idle_cores_before": block.idle_before[name],
            "idle_cores_after": block.idle_after[name],
        },
        wrong=wrong,
    )


def _judged(
    block: Block, name: str, result: Result
) -> tuple[tuple[Gate, ...], tuple[WrongAnswers, ...]]:
    """The gates of a member's part of a block, and what it answered wrongly."""
    options, first, last = block.options, block.first, block.last
    rows, end_s = result_rows(result), options.warmup_s + options.measured_s
    window = read_window(rows, options.warmup_s, end_s)
    violations = schema_violations(result.samples)
    seen = Observed(
        loop="rounds",
        window=window,
        planned=result.planned,
        sent=len(result.due_s),
        abandoned=0,
        skipped=0,
        schema_violations=len(violations),
        generator_cpu=result.generator_cpu,
        foreign_cpu=last.foreign_cores(first),
        steal=steal_share(first.machine, last.machine),
        swapped_pages=swapped(first.machine, last.machine),
        clock_step_ms=clock_step_ms(first.machine, last.machine),
        outbox_left=block.left[name],
    )
    failed = with_examples(window.wrong, result.examples)
    return judge(seen), (*failed, *off_schema(violations, result.samples))


def _machine_facts(block: Block) -> dict[str, float]:
    """What else ran meanwhile: shown, never a reason to throw anything away."""
    read = {
        "foreign_cores": block.last.foreign_cores(block.first),
        "steal_share": steal_share(block.first.machine, block.last.machine),
    }
    return {name: value for name, value in read.items() if value is not None}


def recorded_rounds(ctx: RunContext, experiment: str, shares: Mapping[str, float]) -> PairedRounds:
    """What the journal holds of an experiment from before a resume."""
    rounds = PairedRounds(shares)
    mine = [trial for trial in ctx.writer.journal.trials if trial.experiment == experiment]
    if mine:
        reader = RunReader(ctx.writer.path)
        for trial in mine:
            rounds.add(trial, reader.rows(trial.trial_id))
    return rounds


def next_start(ctx: RunContext, *experiments: str) -> int:
    """The number of the next start; one that was cut off keeps its own, with what it had."""
    used = [trial.block for trial in ctx.writer.journal.trials if trial.experiment in experiments]
    return max(used, default=-1) + 1


def remember(ctx: RunContext, experiment: str, **found: object) -> None:
    """Keep something of an experiment in the run's settings."""
    ctx.writer.add_settings(**{experiment: {**(ctx.setting(experiment) or {}), **found}})
