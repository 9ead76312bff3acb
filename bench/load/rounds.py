"""Paired rounds inside the load process: the same single request to every side, one by one.

One greenlet sends them all, so nothing of ours runs beside a request. Neighbours: `trial` is the
open and the closed loop, `worker` calls.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from bench.load.listener import RowListener, Stay
from bench.load.pacer import Pacer, make_pacer
from bench.load.plan import Result, Rounds, Visit
from bench.load.population import Member, Population
from bench.load.rows import to_columns
from bench.load.trial import LEAD_S, CpuMeter

Side = tuple[Population, RowListener]


def run_rounds(rounds: Rounds, sides: Sequence[Side]) -> list[Result]:
    """Run all rounds; one result a side. Rows' `visit` is the round's number, from 0 in warm-up."""
    runner = _Runner(rounds, sides)
    for _, listener in sides:
        listener.begin()
    zero = perf_counter() + LEAD_S
    end = zero + rounds.warmup_s + rounds.measured_s
    meter = CpuMeter(zero + rounds.warmup_s, end)
    pacer = make_pacer()
    try:
        made = runner.run(zero, end, pacer)
    finally:
        pacer.close()
        cpu_s, window_s = meter.close()
    drained_s = perf_counter() - zero
    return [
        Result(
            started_monotonic=zero,
            **to_columns(listener.rows(zero)),
            planned=made,
            cpu_seconds=cpu_s,
            cpu_window_s=window_s,
            drained_s=drained_s,
            pacer=pacer.name,
            samples=listener.samples,
            examples=listener.examples,
        )
        for _, listener in sides
    ]


class _Runner:
    def __init__(self, rounds: Rounds, sides: Sequence[Side]) -> None:
        self._rounds = rounds
        self._sides = []
        pauses_s = rounds.pauses_s or [rounds.pause_s] * len(sides)
        for (population, listener), pause_s in zip(sides, pauses_s, strict=True):
            cls, task = population.choose(Visit(0.0, rounds.operation, 0))
            member = population.take(cls)
            assert member is not None
            self._sides.append((member, listener, task, pause_s))

    def run(self, zero: float, end: float, pacer: Pacer) -> int:
        """Send rounds until `end`; a round under way is finished. How many there were."""
        rounds = self._rounds
        draw = random.Random(f"{rounds.seed}/rounds")
        contents = random.Random(f"{rounds.seed}/contents")
        order = list(self._sides)
        number, due = 0, zero
        while not rounds.max_rounds or number < rounds.max_rounds:
            if due >= end:
                break
            content = contents.getrandbits(63)
            draw.shuffle(order)
            for member, listener, task, pause_s in order:
                pacer.wait_until(due)
                self._send(member, listener, task, number, content)
                due = perf_counter() + pause_s
            number += 1
            due += draw.expovariate(1 / rounds.gap_s) if rounds.gap_s > 0 else 0.0
        return number

    def _send(
        self, member: Member, listener: RowListener, task: Any, number: int, content: int
    ) -> None:
        """One request; whatever comes of it, the others have their turn."""
        stay = Stay(number, self._rounds.operation, math.inf)  # due when it is sent
        try:
            member.visit(stay, task, content)
        except Exception as exc:  # noqa: BLE001 - a failed row, as in every other loop
            listener.stumbled(stay, f"{type(exc).__name__}: {exc}")
