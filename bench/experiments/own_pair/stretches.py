"""The user's own services open-loop: Poisson arrivals at each in turn, in alternating stretches.

Response time counts from when a visit was due. Neighbours: `own_turns` compares visit by visit;
`bench.load.arrivals` sends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bench.engine.run_context import RunContext, shuffled
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import PairOptions
from bench.experiments.own_pair.load import EXPERIMENT, OwnLoad, own_client_ms
from bench.experiments.own_pair.services import ExternalService
from bench.experiments.own_pair.trials import Measured, own_trial
from bench.load.generator import result_rows
from bench.load.plan import Result, Visit
from bench.load.schedule import ScheduleSpec, build_schedule, due_times
from bench.results.journal import utc_now
from bench.stats.stretches import StretchPair, stretch_verdicts
from bench.stats.turn_words import OPEN, Telling, sentences
from bench.stats.turns import Answer

_PREPARE_S = 2.0  # planned for fresh users


@dataclass(frozen=True)
class Stretches:
    """How many pairs; seconds of warm-up and of what is measured in each stretch."""

    pairs: int
    warmup_s: float
    measured_s: float

    @property
    def stretch_s(self) -> float:
        """Planned seconds of one stretch."""
        return _PREPARE_S + self.warmup_s + self.measured_s

    def planned_s(self, services: int) -> float:
        """Planned seconds of all stretches."""
        return self.pairs * services * self.stretch_s


LENGTHS = {
    "smoke": Stretches(2, 0.3, 1.0),
    "quick": Stretches(6, 1.0, 4.0),
    "standard": Stretches(12, 3.0, 20.0),
    "full": Stretches(20, 5.0, 40.0),
}


def run(ctx: RunContext, pair: PairOptions, load: OwnLoad) -> None:
    """Pair after pair of stretches, every service once in each, in random order."""
    length, client_ms = LENGTHS[ctx.profile.name], own_client_ms(ctx)
    stretch_s = length.stretch_s
    held = {trial.block for trial in ctx.writer.journal.trials if trial.experiment == EXPERIMENT}
    first, *others = (service.name for service in load.services)
    found: dict[str, list[StretchPair]] = {name: [] for name in others}
    for block in range(len(held), length.pairs):
        if not ctx.has_time(len(load.services) * stretch_s):
            ctx.writer.note(f"time limit reached after {block} pairs of stretches")
            break
        answers = _block(ctx, pair, load, length, block)
        for name in others:
            found[name].append(StretchPair(answers[first], answers[name]))
        ctx.progress.done(len(load.services) * stretch_s)
    for name, pairs in found.items():
        verdicts = stretch_verdicts(pairs)
        for line in sentences(Telling(first, name, OPEN, client_ms), verdicts):
            ctx.progress.tell(line)


def answers_of(rows: pa.Table, window_s: tuple[float, float]) -> list[Answer]:
    """The answers due in a window; `ms` from the due time."""
    names, errors = (rows.column(name).to_pylist() for name in ("operation", "error"))
    due, done = (np.asarray(rows.column(name), dtype=float) for name in ("due_s", "done_s"))
    return [
        Answer(names[at], float(due[at]), float(done[at] - due[at]) * 1e3, errors[at])
        for at in np.flatnonzero((due >= window_s[0]) & (due < window_s[1]))
    ]


def _block(
    ctx: RunContext, pair: PairOptions, load: OwnLoad, length: Stretches, block: int
) -> dict[str, list[Answer]]:
    by_name = {service.name: service for service in load.services}
    seed = ctx.seed(EXPERIMENT, "open", block)
    window = (length.warmup_s, length.warmup_s + length.measured_s)
    found = {}
    for position, name in enumerate(shuffled(tuple(by_name), seed)):
        ctx.progress.say(f"stretch {block + 1} of {length.pairs}: {pair.rate:g}/s on {name}")
        started_at = utc_now()
        result = _send(ctx, pair, by_name[name], load, seed, window)
        rows = result_rows(result)
        found[name] = answers_of(rows, window)
        if result.error and all(result.error):
            raise ShopbenchError(f"{name} answers nothing rightly: {result.error[0]}", 1)
        measured = Measured(
            block=block,
            position=position,
            seed=seed,
            started_at=started_at,
            loop="open",
            window=window,
            generator_cpu=result.generator_cpu,
            offered_rps=pair.rate or 0.0,
            skipped=result.skipped,
            facts={"silent": float(result.silent), "elsewhere": float(result.elsewhere)},
        )
        ctx.writer.add_trial(*own_trial(load, by_name[name], measured, load.mix, rows))
    return found


def _send(  # noqa: PLR0913, PLR0917 - what one stretch consists of
    ctx: RunContext,
    pair: PairOptions,
    service: ExternalService,
    load: OwnLoad,
    seed: int,
    window: tuple[float, float],
) -> Result:
    """One stretch, by fresh users where the user's own file makes them."""
    rate = pair.rate or 0.0
    if load.locustfile is None:
        spec = ScheduleSpec("mixed", rate, seed, 0.0, window[0], window[1] - window[0])
        return ctx.load.run_open(service.target, build_schedule(spec).visits, window)
    ctx.load.prepare(service.target, pair.users, seed)
    draw = random.Random(f"{seed}/visits")
    visits = [
        Visit(due_s, "", draw.getrandbits(63)) for due_s in due_times(draw, rate, 0.0, window[1])
    ]
    return ctx.load.run_open(service.target, visits, window)
