"""The first check of an experiment: is each operation answered rightly at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bench.engine.run_context import RunContext
from bench.engine.target import Subject
from bench.engine.wrong_answers import shown
from bench.errors import ShopbenchError
from bench.load.generator import ClosedLoop
from bench.load.plan import Result
from bench.load.schedule import ScheduleSpec, build_schedule

VISITS = 4  # a visit whose answer is slow or refused once is no reason to stop
LIMIT_S = 10.0
FIRST_ANSWERS_S = 0.3  # planned, for one subject and mix


def check_first_answers(ctx: RunContext, subjects: Iterable[Subject], mixes: Iterable[str]) -> None:
    """Send a few visits of each mix to each subject before anything is measured.

    Raises ShopbenchError (1) with status, code and answer if an operation is never answered
    rightly.
    """
    asked = tuple(mixes)
    for subject in subjects:
        for mix in asked:
            seed = ctx.seed("first answers", mix)
            spec = ScheduleSpec(mix, 2.0 * VISITS, seed, 0.0, 0.0, 1.0)
            visits = build_schedule(spec).visits
            loop = ClosedLoop(1, 0.0, LIMIT_S, max_visits=VISITS)
            result = ctx.load.run_closed(subject.target, visits, loop)
            subject.settle()
            wrong = never_right(result)
            if wrong:
                raise ShopbenchError(f"{subject.name} {wrong}", 1)


def never_right(result: Result, least: int = 1) -> str:
    """Say which operation had no right answer, and what came instead; "" if all had one.

    Operations that were sent fewer than `least` times are not judged.
    """
    if not result.operation:
        return "was sent nothing"
    sent = Counter(result.operation)
    right = {name for name, error in zip(result.operation, result.error, strict=True) if not error}
    for name, error in zip(result.operation, result.error, strict=True):
        if name not in right and sent[name] >= least:
            example = next((shown(each) for each in result.examples if each.operation == name), "")
            said = f", answer: {example}" if example else ""
            return f"answers no {name} rightly: {error}{said}"
    return ""
