"""Failed and wrong answers of a trial, by operation: how many, why, and one as it came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.load.plan import Sample
from bench.results.journal import WrongAnswers

BODY_CHARACTERS = 200


def wrong_answers(
    operations: NDArray[np.str_], errors: NDArray[np.str_]
) -> tuple[WrongAnswers, ...]:
    """Count the failed answers of each operation that has some; `errors`: "" is right."""
    failed = errors != ""
    found = []
    for name in np.unique(operations[failed]):
        mine = operations == name
        ((error, _),) = Counter(errors[mine & failed].tolist()).most_common(1)
        wrong, answers = int((mine & failed).sum()), int(mine.sum())
        found.append(WrongAnswers(str(name), wrong, answers, error))
    return tuple(found)


def with_examples(
    wrong: Iterable[WrongAnswers], kept: Iterable[Sample]
) -> tuple[WrongAnswers, ...]:
    """Give each operation an answer that was kept because it was wrong, if there is one."""
    by_operation = {each.operation: each for each in kept}
    return tuple(
        replace(each, example=shown(by_operation[each.operation]))
        if each.operation in by_operation
        else each
        for each in wrong
    )


def off_schema(violations: Iterable[Sample], samples: Iterable[Sample]) -> tuple[WrongAnswers, ...]:
    """The sampled answers that break the contract, by operation."""
    sampled = Counter(each.operation for each in samples)
    found: dict[str, list[Sample]] = {}
    for each in violations:
        found.setdefault(each.operation, []).append(each)
    return tuple(
        WrongAnswers(
            name, len(bad), sampled[name], "breaks the contract's schema", shown(bad[0]), True
        )
        for name, bad in found.items()
    )


def shown(answer: Sample) -> str:
    """Status and beginning of the body, in one line."""
    body = " ".join(answer.body.decode(errors="replace").split())
    return f"{answer.status} {body[:BODY_CHARACTERS]}".strip()
