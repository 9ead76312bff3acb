"""The starts of a part: made until there are as many as wanted, also over a resume.

A start that was cut off stays in the journal but has no entry here, and is not judged.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from bench.deployments.base import Deployment, UpOptions
from bench.deployments.places import open_at
from bench.engine.options import RunOptions
from bench.engine.round_trials import remember
from bench.engine.run_context import RunContext

UP_S, DOWN_S = 13.0, 3.0  # planned


@dataclass(frozen=True)
class Size:
    """How many starts, and seconds of each part of a block."""

    starts: int
    warmup_s: float
    measured_s: float
    idle_s: float

    def wanted(self, options: RunOptions) -> int:
        """The starts asked for, or the profile's."""
        return options.own.get("starts") or self.starts


def make_starts(
    ctx: RunContext,
    experiment: str,
    wanted: int,
    start_s: float,
    measure: Callable[[int], None],
) -> None:
    """Make starts until `wanted` are whole, or there is no time for another."""
    ctx.fleet.close()  # what another experiment left up would run beside
    for _ in whole_starts(ctx.setting(experiment)):
        ctx.progress.drop(start_s)
    while len(whole := whole_starts(ctx.setting(experiment))) < wanted and ctx.has_time(start_s):
        number, begun = (ctx.setting(experiment) or {}).get("begun", 0), time.monotonic()
        remember(ctx, experiment, begun=number + 1)  # one that is cut off keeps its number
        ctx.progress.tell(f"{experiment}: start {len(whole) + 1} of {wanted}")
        measure(number)
        took_s = {**whole, number: round(time.monotonic() - begun, 2)}
        remember(ctx, experiment, took_s={str(key): took for key, took in took_s.items()})
        ctx.progress.done(start_s)


def whole_starts(setting: Mapping[str, Any] | None) -> dict[int, float]:
    """Seconds that each whole start took, by its number."""
    return {int(number): took for number, took in ((setting or {}).get("took_s") or {}).items()}


def typical_start_s(setting: Mapping[str, Any] | None) -> float:
    """Median seconds of a start; 0 without one."""
    took = list(whole_starts(setting).values())
    return statistics.median(took) if took else 0.0


def opener(
    ctx: RunContext, name: str, environment: Mapping[str, str] | None = None
) -> Callable[[], AbstractContextManager[Deployment]]:
    """How to open a deployment (or its twin) with settings of its own."""
    options = UpOptions(
        seed=ctx.options.shop_seed,
        cpus=tuple(ctx.writer.journal.settings["cpus"]),
        environment=dict(environment or {}),
    )
    return lambda: open_at(ctx.options.place, name.partition("#")[0], options=options)
