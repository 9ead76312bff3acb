"""What pairs of windows say: how close an arm comes to the bare handler beside it. Pure.

By the rate of right answers. Where the load generator came near its own limit in one of the
windows, the rate is the generator's and no longer the server's; then what a request costs in CPU
stands for it, since one core serves no more than 1 / CPU a request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.results.journal import Trial

LIMIT = "generator_cpu"  # the gate that says so
Basis = Literal["rate", "CPU a request"]


@dataclass(frozen=True)
class Reached:
    """Log of arm / bare for each pair of windows, and by what."""

    logs: tuple[float, ...]
    basis: Basis


def reached(pairs: Sequence[tuple[Trial, Trial]]) -> Reached:
    """How close the arm comes in each pair of (arm, bare) that has answers on both sides."""
    if any(_limited(trial) for pair in pairs for trial in pair):
        costs = [(_cpu_s(arm), _cpu_s(bare)) for arm, bare in pairs]
        return Reached(
            tuple(math.log(bare / arm) for arm, bare in costs if arm > 0 and bare > 0),
            "CPU a request",
        )
    rates = [(_rate_rps(arm), _rate_rps(bare)) for arm, bare in pairs]
    logs = tuple(math.log(arm / bare) for arm, bare in rates if arm > 0 and bare > 0)
    return Reached(logs, "rate")


def _limited(trial: Trial) -> bool:
    return any(gate.name == LIMIT and gate.outcome != "pass" for gate in trial.gates)


def _rate_rps(trial: Trial) -> float:
    return trial.facts["throughput_rps"]


def _cpu_s(trial: Trial) -> float:
    """CPU seconds of a request, databases included; 0 where nothing was answered."""
    requests = trial.cpu_requests
    return sum(use.cpu_seconds for use in trial.usage.values()) / requests if requests else 0.0
