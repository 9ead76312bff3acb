"""The verdicts. Rules see no result: `count` and `tried` of the registry of claims.

A count has no interval: the same tree gives the same count again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.experiments.complexity.counts import (
    Arm,
    Tried,
    arms_of,
    opened,
    repetitions,
    standing_alone,
)
from bench.experiments.complexity.records import NAME, Counted
from bench.results.verdict import SMOKE_NOTE, Verdict, VerdictWord

WHOLE, PARTS = "monolith", "microservices"
PAIR = f"{PARTS}:{WHOLE}"
Word = tuple[VerdictWord, str]

COUNT_RULE = (
    "counted from the tree and the running system in both arms by the same counter; decided by "
    "which count is larger; equal counts decide nothing"
)
TRIED_RULE = (
    "tried in every repetition; holds only if every try succeeds, is refuted by one repeatable "
    "failure, stays open if a try could not be made"
)


@dataclass(frozen=True)
class Count:
    """A question that a count answers: of each arm, and which way the claim goes."""

    metric: str
    question: str
    direction: Literal["greater", "less"]
    value: Callable[[Arm], int | None]
    made_of: str


COUNTS = (
    Count(
        "lines_per_deployable",
        "Has the largest service less code than the monolith, what it shares included?",
        "less",
        lambda arm: arm.largest.lines if arm.deployables else None,
        "the largest deployable: all files that its process imports, and its migrations",
    ),
    Count(
        "deployment_parts",
        "Is there more to set up for the services than for the monolith?",
        "greater",
        lambda arm: arm.deployment_parts,
        "containers, images, start-up dependencies, settings, volumes and networks of the compose "
        "file",
    ),
    Count(
        "moving_parts",
        "Do the services consist of more parts than the monolith?",
        "greater",
        lambda arm: arm.moving_parts,
        "processes, database servers, databases, contracts and settings",
    ),
    Count(
        "failure_modes",
        "Are there more ways to fail in the services than in the monolith?",
        "greater",
        lambda arm: arm.failure_modes if arm.calls else None,
        "fault points, and for each operation the processes and database servers that it calls",
    ),
)


def verdicts_of(found: Counted, profile: str) -> list[Verdict]:
    """All verdicts of the experiment."""
    whole, parts = arms_of(found)
    return [
        _apart(found, profile),
        *(_count(each, whole, parts, profile) for each in COUNTS),
        _own_data(found, profile),
    ]


def _count(asked: Count, whole: Arm, parts: Arm, profile: str) -> Verdict:
    ours, theirs = asked.value(parts), asked.value(whole)
    estimate = ours / theirs if ours is not None and theirs else None
    return _verdict(
        f"{NAME}/{asked.metric}/{PAIR}",
        asked.question,
        (asked.metric, WHOLE),
        estimate,
        1,
        _unless_smoke(profile, _compared(asked, ours, theirs)),
        f"{COUNT_RULE}. Counted: {asked.made_of}",
    )


def _compared(asked: Count, ours: int | None, theirs: int | None) -> Word:
    if ours is None or theirs is None:
        return "inconclusive", "it was not counted in both arms"
    said = f"{ours:,} against {theirs:,}"
    if ours == theirs:
        return "no difference shown", said
    return ("supported" if (ours > theirs) == (asked.direction == "greater") else "refuted"), said


def _apart(found: Counted, profile: str) -> Verdict:
    services = standing_alone(found.alone, PARTS, "deployable")
    whole = standing_alone(found.alone, WHOLE, "deployable")
    apps = standing_alone(found.alone, WHOLE, "part")
    return _verdict(
        f"{NAME}/deployables_standing_alone/{PAIR}",
        "Does every service build, start and keep its contract without the others' code, and no "
        "part of the monolith?",
        ("deployables_standing_alone", WHOLE),
        None,
        repetitions(found.alone),
        _unless_smoke(profile, _stand(services, whole, apps)),
        TRIED_RULE,
    )


def _stand(services: Tried, whole: Tried, apps: Tried) -> Word:
    """Supported: every service stands, and the monolith does as a whole only."""
    said = (
        f"{services.yes} of {services.made} services, {whole.yes} of {whole.made} monolith, "
        f"{apps.yes} of {apps.made} of its apps stand alone"
    )
    everything = (services, whole, apps)
    failed = services.made - services.yes - services.unmade - services.unstable
    if failed or apps.yes:
        first = f": {services.details[0]}" if services.details else ""
        return "refuted", f"{said}{first}"
    if any(not each.made or each.unmade or each.unstable for each in everything):
        return "inconclusive", f"{said}; not every try could be made, or came out the same again"
    if whole.yes < whole.made:
        return "inconclusive", f"{said}; the monolith itself does not: {whole.details[0]}"
    return "supported", said


def _own_data(found: Counted, profile: str) -> Verdict:
    names = dict.fromkeys(each.deployment for each in found.databases if each.deployment != WHOLE)
    tries = {name: opened(found.databases, name) for name in names}
    return _verdict(
        f"{NAME}/foreign_databases_opened/{PARTS}",
        "Is a service's role refused by every other service's database?",
        ("foreign_databases_opened", PARTS),
        None,
        repetitions(found.databases),
        _unless_smoke(profile, _refused(tries)),
        TRIED_RULE,
    )


def _refused(tries: dict[str, Tried]) -> Word:
    said = ", ".join(f"{t.yes} of {t.made} opened in {name}" for name, t in tries.items())
    got_in = [t.details[0] for t in tries.values() if t.yes]
    if got_in:
        return "refuted", f"{said}: {got_in[0]}"
    if not tries or any(t.unmade or t.unstable for t in tries.values()):
        return "inconclusive", f"{said or 'nothing was tried'}; not every try could be made"
    return "supported", said


def _unless_smoke(profile: str, word: Word) -> Word:
    return ("inconclusive", SMOKE_NOTE) if profile == "smoke" else word


def _verdict(  # noqa: PLR0913, PLR0917 - one for each field
    verdict_id: str,
    question: str,
    metric: Sequence[str],
    estimate: float | None,
    n: int,
    word: Word,
    rule: str,
) -> Verdict:
    return Verdict(
        id=verdict_id,
        question=question,
        metric=metric[0],
        numerator=PARTS,
        denominator=metric[1],
        operation="all",
        estimate=estimate,
        low=None,
        high=None,
        level=0.95,
        n_blocks=n,
        verdict=word[0],
        rule=rule,
        note=word[1],
    )
