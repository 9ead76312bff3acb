"""Leaves no backlog behind: after an overload the next load waits until the outbox is empty."""

from __future__ import annotations

import time

from bench.engine.run_context import RunContext
from bench.engine.target import Subject
from bench.experiments.capacity.plan import REST_AFTER_FAILURE_S, REST_S

_TRIES = 3  # of up to 10 s each


def rest(ctx: RunContext, subject: Subject, *, overloaded: bool) -> None:
    """Wait until an overload is digested: breakers closed, outbox empty. Says what is left."""
    time.sleep(REST_AFTER_FAILURE_S if overloaded else REST_S)
    left = subject.settle()
    for _ in range(_TRIES - 1):
        if not left:
            return
        left = subject.settle()
    if left:
        ctx.writer.note(f"{subject.name} had {left} undelivered events after an overload")
