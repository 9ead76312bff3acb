"""Several load processes for one trial: a plan dealt among them, their results put together. Pure.

Visit i goes to worker i mod n, so each worker's share is a schedule of the same law at 1/n of the
rate; its row's visit v was visit v * n + k of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bench.load.plan import Plan, Result
from bench.load.rows import COLUMNS, Row, to_columns


def deal(plan: Plan, workers: int) -> list[Plan]:
    """The plans of `workers` load processes. One worker's is the plan itself.

    Instances are bounded per worker, clients and visits of a closed loop are shared out.
    """
    if workers == 1:
        return [plan]
    return [
        msgspec.structs.replace(
            plan,
            visits=plan.visits[number::workers],
            users_ahead=_share(plan.users_ahead, number, workers),
            concurrency=_share(plan.concurrency, number, workers),
            max_visits=_share(plan.max_visits, number, workers),
            common_zero=True,
        )
        for number in range(workers)
        if _has_work(plan, number, workers)
    ]


def merge(results: Sequence[Result], workers: int, cores: Sequence[int]) -> Result:
    """One result of the whole trial; `results[k]` is worker k's, which ran on `cores[k]`."""
    if workers == 1:
        return results[0]
    rows = [
        (*row[:8], row[8] * workers + number, row[9])
        for number, result in enumerate(results)
        for row in _rows(result)
    ]
    columns: dict[str, Any] = to_columns(rows)
    window_s = max(result.cpu_window_s for result in results)
    used: dict[int, float] = {}
    for core, result in zip(cores, results, strict=False):
        share = result.cpu_seconds / result.cpu_window_s
        used[core] = used.get(core, 0.0) + share
    return Result(
        started_monotonic=results[0].started_monotonic,
        **columns,
        planned=sum(result.planned for result in results),
        skipped=sum(result.skipped for result in results),
        abandoned=sum(result.abandoned for result in results),
        unfinished=sum(result.unfinished for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        cpu_window_s=window_s,
        busiest_cpu_s=max(used.values()) * window_s,
        drained_s=max(result.drained_s for result in results),
        pacer=min((result.pacer for result in results), key=lambda name: name == "timerfd"),
        samples=[sample for result in results for sample in result.samples],
        examples=[sample for result in results for sample in result.examples],
        elsewhere=sum(result.elsewhere for result in results),
        silent=sum(result.silent for result in results),
    )


def _rows(result: Result) -> list[Row]:
    columns: list[Any] = [getattr(result, name) for name in COLUMNS]
    return list(zip(*columns, strict=True))


def _share(whole: int, number: int, workers: int) -> int:
    return whole // workers + (number < whole % workers)


def _has_work(plan: Plan, number: int, workers: int) -> bool:
    """False for those behind the last visit or client; they come last, so numbers hold."""
    if plan.loop == "open":
        return number < len(plan.visits)
    limits = [count for count in (len(plan.visits), plan.concurrency, plan.max_visits) if count]
    return number < min(limits)
