"""Two shops of the user's own that keep the contract: the shop's operations as paired rounds.

Neighbours: `own_turns` does the same with a locustfile; `bench.load.rounds` sends.
"""

from __future__ import annotations

import pyarrow as pa

from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import PairOptions
from bench.experiments.own_pair.load import EXPERIMENT, OwnLoad, own_client_ms
from bench.experiments.own_pair.services import restart
from bench.experiments.own_pair.trials import Measured, own_trial
from bench.experiments.own_pair.turns import Pace, pace_of
from bench.load.generator import Rounds, result_rows
from bench.load.plan import Result
from bench.results.journal import utc_now
from bench.results.paired.turn_rows import start_of
from bench.stats.turn_words import UNITS, Telling, verdict_lines
from bench.stats.turns import Start

OPERATIONS = ("product_read", "wallet_read", "order", "overview")
GAP_S = 0.01


def run(ctx: RunContext, pair: PairOptions, load: OwnLoad) -> None:
    """Every operation in each start; a start has all of them."""
    operations = ctx.options.mixes or OPERATIONS
    by_start, client_ms = bool(pair.restarts), own_client_ms(ctx)
    pace = pace_of(ctx.profile.name, by_start=by_start)
    ctx.writer.add_settings(mixes=list(operations))
    starts: dict[str, list[Start]] = {service.name: [] for service in load.services[1:]}
    for number in range(pace.starts):
        if number and not ctx.has_time(pace.planned_s):
            break
        for name, command in pair.restarts:
            ctx.progress.say(f"restarting {name}")
            restart(name, dict(pair.urls)[name], command)
        for each in starts.values():
            each.append(Start())
        for operation in operations:
            seconds = _operation_s(pace, len(operations))
            rows = _measure(ctx, load, operation, number, seconds)
            for name, each in starts.items():
                window = (seconds[0], sum(seconds))
                each[-1].extend(start_of(rows[load.services[0].name], rows[name], window, 0))
        ctx.progress.done(pace.planned_s)
    for name, of_pair in starts.items():
        telling = Telling(load.services[0].name, name, UNITS[by_start], client_ms)
        for line in verdict_lines(telling, of_pair, by_start=by_start):
            ctx.progress.tell(line)


def _operation_s(pace: Pace, operations: int) -> tuple[float, float]:
    """(warm-up, measured) seconds of one operation."""
    return pace.warmup_s / operations, pace.most_s / operations


def _measure(
    ctx: RunContext, load: OwnLoad, operation: str, number: int, seconds: tuple[float, float]
) -> dict[str, pa.Table]:
    """Rounds of one operation; the rows by service."""
    ctx.progress.say(f"start {number + 1}: {operation}")
    seed, started_at = ctx.seed(EXPERIMENT, operation, number), utc_now()
    rounds = Rounds(
        operation=operation, seed=seed, gap_s=GAP_S, warmup_s=seconds[0], measured_s=seconds[1]
    )
    rows = {}
    results = ctx.load.run_rounds([service.target for service in load.services], rounds)
    for position, (service, result) in enumerate(zip(load.services, results, strict=True)):
        _check_answers(service.name, operation, result)
        measured = Measured(
            block=number,
            position=position,
            seed=seed,
            started_at=started_at,
            loop="rounds",
            window=(seconds[0], sum(seconds)),
            generator_cpu=result.generator_cpu,
            facts={"turns": 0.0, "gap_s": GAP_S},
        )
        rows[service.name] = result_rows(result)
        ctx.writer.add_trial(*own_trial(load, service, measured, operation, rows[service.name]))
    return rows


def _check_answers(name: str, operation: str, result: Result) -> None:
    if result.error and all(result.error):
        text = f"{name} answers no {operation} rightly: {result.error[0]}"
        raise ShopbenchError(text, 1)
