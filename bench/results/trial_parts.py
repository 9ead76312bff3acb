"""What a trial's entry holds: gates, CPU and memory, wrong answers, SQL. `journal` stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GateOutcome = Literal["pass", "flag", "fail"]


@dataclass(frozen=True)
class Gate:
    """One validity check of a trial. `value` None: it could not be measured."""

    name: str
    value: float | None
    limit: float | None
    unit: str
    outcome: GateOutcome


@dataclass(frozen=True)
class ComponentUsage:
    """CPU seconds spent in the trial's CPU window, and PSS at its end."""

    cpu_seconds: float
    pss_bytes: int


@dataclass(frozen=True)
class WrongAnswers:
    """How many answers of an operation failed or were wrong in a trial's window.

    `error`: the most frequent reason. `example`: status and beginning of such an answer, "" if none
    came. `sampled`: of answers that were drawn to be held against the contract's schema.
    """

    operation: str
    wrong: int
    answers: int
    error: str
    example: str = ""
    sampled: bool = False


@dataclass(frozen=True)
class SqlCount:
    """SQL statements and commits over all databases in the CPU window.

    `statements` None: the server's log was not counted.
    """

    statements: int | None
    commits: int
