"""One side of a comparison in turns, in a load process of its own: make visit k, say how it was.

What a visit draws follows from (seed, k) alone, so every side makes the same one. Neighbours:
`population` has the users, `worker` calls, the conductor in the parent says whose turn it is.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from time import perf_counter
from typing import Any

from bench.load.listener import RowListener, Stay
from bench.load.plan import Turn, TurnRows, Visit
from bench.load.population import Member, Population

_COLLECT_EVERY = 50  # turns; in between nothing is collected, so that no request pays for it


class Turns:
    """Serves the turns of one side."""

    def __init__(
        self,
        population: Population,
        listener: RowListener,
        where: Callable[[Exception], str],
    ) -> None:
        """`where`: in words, where in the locustfile an exception came from."""
        self._population = population
        self._listener = listener
        self._where = where
        self._members: dict[Any, list[Member]] = {}
        for member in population.members:
            self._members.setdefault(type(member.user), []).append(member)
        gc.collect()
        gc.freeze()
        gc.disable()

    def take(self, turn: Turn) -> TurnRows:
        """Make one visit: a task of one user, both drawn from (seed, number)."""
        draw = random.Random(f"{turn.seed}/{turn.number}")
        number = draw.getrandbits(63)
        cls, task = self._population.choose(Visit(0.0, "", number))
        member = draw.choice(self._members[cls])
        self._listener.begin()
        _seed_generators(number)
        begun, cpu = perf_counter(), time.process_time()
        stay = Stay(turn.number, f"{cls.__name__}.{task.__name__}", begun)
        try:
            member.visit(stay, task, number)
        except Exception as exc:  # noqa: BLE001 - the user's code: a failed row says where
            if not stay.failed:  # else it stumbled over an answer that is counted as failed
                self._listener.stumbled(stay, self._where(exc))
        took_s, cpu_s = perf_counter() - begun, time.process_time() - cpu
        rows = self._listener.rows(0.0)
        if turn.number % _COLLECT_EVERY == 0:
            gc.collect()
        return TurnRows(rows, stay.requests, self._listener.elsewhere, took_s, cpu_s)


def _seed_generators(number: int) -> None:
    """Seed the generators that files use besides `random`, where they are imported."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number % 2**32)
    if faker := sys.modules.get("faker"):
        faker.Faker.seed(number)
